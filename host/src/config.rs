//! Where a host keeps things, and what a call's flags become.

use std::num::NonZeroUsize;
use std::path::PathBuf;

/// `$XDG_CACHE_HOME/trimtab`, `~/.cache/trimtab` (`~/Library/Caches/trimtab` on macOS), or a
/// folder of the temporary one where there is no home.
pub fn cache_folder() -> PathBuf {
    let home = |below: &str| std::env::home_dir().map(|home| home.join(below));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let usual = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    base.or_else(|| home(usual))
        .unwrap_or_else(std::env::temp_dir)
        .join("trimtab")
}

/// What must outlive a cache: `$XDG_STATE_HOME/trimtab`, `~/.local/state/trimtab`
/// (`~/Library/Application Support/trimtab` on macOS), or a folder of the temporary one where there
/// is no home.
pub fn state_folder() -> PathBuf {
    let usual = if cfg!(target_os = "macos") {
        "Library/Application Support"
    } else {
        ".local/state"
    };
    std::env::var_os("XDG_STATE_HOME")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::home_dir().map(|home| home.join(usual)))
        .unwrap_or_else(std::env::temp_dir)
        .join("trimtab")
}

/// The history's file where no database is named.
pub fn history_file() -> PathBuf {
    state_folder().join("history.db")
}

/// In the cache folder of the host.
pub const SOCKET: &str = "host.sock";

/// Where the socket of a host on this machine is looked for: `$TRIMTAB_SOCKET`, else in the usual
/// cache folder.
pub fn host_socket() -> PathBuf {
    let given = std::env::var_os("TRIMTAB_SOCKET").filter(|path| !path.is_empty());
    given.map_or_else(|| cache_folder().join(SOCKET), PathBuf::from)
}

/// Threads that render and validate at once: one a core.
pub fn workers() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Where the renderers of Kustomize and Helm may be: where `TRIMTAB_RENDERERS` says, else beside
/// this binary, or beside its folder.
///
/// # Errors
/// That the system does not say where this binary is.
pub fn renderer_folders() -> std::io::Result<Vec<PathBuf>> {
    let given = std::env::var_os("TRIMTAB_RENDERERS").filter(|path| !path.is_empty());
    if let Some(given) = given {
        return Ok(vec![PathBuf::from(given)]);
    }
    let program = std::env::current_exe()?;
    let above = program.ancestors().skip(1).take(2);
    Ok(above.map(|it| it.join("renderers")).collect())
}

/// What to start a child of this binary by. On Linux that is the file which runs, also where an
/// update has put another one in its place since.
///
/// # Errors
/// That the system does not say.
pub fn own_program() -> std::io::Result<PathBuf> {
    let program = PathBuf::from("/proc/self/exe");
    match cfg!(target_os = "linux") && program.exists() {
        true => Ok(program),
        false => std::env::current_exe(),
    }
}
