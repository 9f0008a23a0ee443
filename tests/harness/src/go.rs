//! Programs in Go that tests compare with: processes that answer a line with a line.

use std::fmt::Display;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::root;

/// What `go ARGUMENTS` says in a folder of this repository.
pub fn go(folder: &str, arguments: &[&str]) -> String {
    let output = Command::new("go")
        .current_dir(root().join(folder))
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .unwrap_or_else(|error| {
            panic!(
                "go cannot be run, which {folder} is built with: {error}; \
                 install Go 1.26 or newer from https://go.dev/dl"
            )
        });
    assert!(output.status.success(), "go {arguments:?} failed");
    String::from_utf8(output.stdout).expect("UTF-8")
}

pub struct Oracle {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Oracle {
    /// Builds a package of a folder's module as `target/NAME`, which Go does once, and starts it.
    pub fn start(folder: &str, package: &str, name: &str, arguments: &[String]) -> Self {
        // Tests that run at the same time are not to write what another one runs.
        static BUILDING: Mutex<()> = Mutex::new(());
        let program = root().join("target").join(name);
        let path = program.to_str().expect("UTF-8");
        let building = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
        go(folder, &["build", "-buildvcs=false", "-o", path, package]);
        drop(building);
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let input = child.stdin.take().expect("a pipe");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Self {
            child,
            input,
            output,
        }
    }

    pub fn ask(&mut self, line: impl Display) -> String {
        writeln!(self.input, "{line}").expect("it listens");
        let mut answer = String::new();
        self.output.read_line(&mut answer).expect("it answers");
        answer
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
