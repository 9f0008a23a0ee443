//! The servers, as a process of their own, with a repository to serve.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use trimtab_harness::git::Fixture;
use trimtab_harness::root;

pub struct Servers {
    child: Child,
    about: Value,
    _folder: tempfile::TempDir,
}

impl Servers {
    /// Builds them from tests/control-plane's modules, which Go does once.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let fixture = Fixture::new(&folder.path().join("shop.git")).expect("a repository");
        fixture.write("file.yaml", "a: 1\n").expect("written");
        // So much that a pack can be cut in the middle; it hardly compresses.
        let noise = (0..20_000_u64).map(|n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
        let noise: Vec<u8> = noise.flatten().collect();
        fixture.write("noise", noise).expect("written");
        fixture.commit("first").expect("a commit");
        let program = root().join("target/git-servers");
        let built = Command::new("go")
            .current_dir(root().join("tests/control-plane"))
            .args(["build", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg("./cmd/git-servers")
            .status()
            .expect("go is there: the servers are built with it");
        assert!(built.success(), "the servers cannot be built");
        let mut child = Command::new(program)
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("they run");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("they speak");
        let about = serde_json::from_str(&line).expect("JSON");
        Self {
            child,
            about,
            _folder: folder,
        }
    }

    pub fn text(&self, name: &str) -> String {
        self.about[name].as_str().expect("a text").to_owned()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // They may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
