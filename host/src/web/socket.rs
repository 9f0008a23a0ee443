//! The socket on the host itself: whoever may use the file may ask.

use std::fs::Permissions;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::{UnixListener as Bound, UnixStream};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

/// unix(7): 108 with the zero at the end; macOS has 104.
const LONGEST: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    #[error(
        "{0:?} is too long for a socket, which may have {LONGEST} bytes with the folder that it is made in; give a shorter --api-socket"
    )]
    TooLong(PathBuf),
    #[error("{0:?} is no socket; it is left as it is: give another --api-socket, or take it away")]
    NoSocket(PathBuf),
    #[error("another host answers at {0:?}; give this one another --api-socket")]
    Taken(PathBuf),
    #[error("no socket can be made at {0:?}: {1}")]
    Io(PathBuf, io::Error),
}

/// A socket's file, which goes with this value.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    /// Device and number: what is there later may be another host's.
    id: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let found = std::fs::symlink_metadata(&self.path);
        if found.is_ok_and(|it| (it.dev(), it.ino()) == self.id) {
            // One that is left is replaced by the next host.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Listens at `path`, in place of a socket that a host before this one left. Nobody but this user
/// can connect, at no instant: it is made in a folder of its own, and moved when it is closed to
/// others.
pub(super) fn bind(path: &Path) -> Result<(UnixListener, SocketFile), SocketError> {
    let failed = |error: io::Error| SocketError::Io(path.to_owned(), error);
    match std::fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
        Ok(found) if !found.file_type().is_socket() => {
            return Err(SocketError::NoSocket(path.to_owned()));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(SocketError::Taken(path.to_owned()));
        }
        Ok(_) => {}
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let made = tempfile::Builder::new()
        .prefix(".s")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(folder)
        .map_err(failed)?;
    let first = made.path().join("s");
    let longest = first
        .as_os_str()
        .len()
        .max(path.as_os_str().as_bytes().len());
    if longest > LONGEST {
        return Err(SocketError::TooLong(path.to_owned()));
    }
    let listener = Bound::bind(&first).map_err(failed)?;
    std::fs::set_permissions(&first, Permissions::from_mode(0o600)).map_err(failed)?;
    let id = std::fs::symlink_metadata(&first).map_err(failed)?;
    std::fs::rename(&first, path).map_err(failed)?;
    let file = SocketFile {
        path: path.to_owned(),
        id: (id.dev(), id.ino()),
    };
    listener.set_nonblocking(true).map_err(failed)?;
    let listener = UnixListener::from_std(listener).map_err(failed)?;
    Ok((listener, file))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        let found = std::fs::symlink_metadata(path).expect("it is there");
        found.permissions().mode() & 0o7777
    }

    #[tokio::test]
    async fn a_socket_is_its_owners_and_goes_with_the_host() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.sock");
        let (_listener, file) = bind(&path).expect("a socket");
        assert_eq!(mode(&path), 0o600);
        assert!(UnixStream::connect(&path).is_ok());
        // Nothing else is left beside it.
        assert_eq!(std::fs::read_dir(&folder).expect("a folder").count(), 1);
        drop(file);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_a_killed_host_left_is_replaced_and_nothing_else_is() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("host.sock");
        let (listener, file) = bind(&path).expect("a socket");
        let taken = bind(&path).expect_err("one answers");
        assert!(matches!(taken, SocketError::Taken(_)), "{taken}");
        drop(listener);
        assert!(path.exists());
        let (_second, _file) = bind(&path).expect("in place of what is left");
        assert!(UnixStream::connect(&path).is_ok());
        // The first host's file is another's now.
        drop(file);
        assert!(path.exists());
        let text = folder.path().join("notes");
        std::fs::write(&text, "mine").expect("written");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&text, &link).expect("a link");
        for path in [&text, &link] {
            let refused = bind(path).expect_err("no socket");
            assert!(matches!(refused, SocketError::NoSocket(_)), "{refused}");
        }
        assert_eq!(std::fs::read(&text).expect("it is there"), b"mine");
    }

    #[tokio::test]
    async fn a_path_that_no_socket_can_have_is_an_error_that_says_so() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a".repeat(120));
        std::fs::create_dir(&deep).expect("a folder");
        let refused = bind(&deep.join("host.sock")).expect_err("too long");
        assert!(refused.to_string().contains("--api-socket"), "{refused}");
        assert_eq!(std::fs::read_dir(&deep).expect("a folder").count(), 0);
        let nowhere = bind(&folder.path().join("no/host.sock")).expect_err("no folder");
        assert!(matches!(nowhere, SocketError::Io(..)), "{nowhere}");
    }
}
