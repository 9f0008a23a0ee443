//! What kits have of other places, on a person's own machine.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use clap::Args;

use super::Failure;
use crate::config;
use crate::kit::{RepositorySpec, SourceRule};
use crate::source::{Auth, Pinned, Store, Worker};

/// How long one exchange with a server may take.
pub(super) const DEADLINE: Duration = Duration::from_secs(60);

/// Where bases and charts may come from.
#[derive(Args, Clone)]
pub(super) struct ElsewhereArgs {
    /// Where remote bases and charts may come from, beside the Repository's spec.sources; may be
    /// given several times
    #[arg(long, value_name = "URL")]
    source: Vec<String>,
}

impl ElsewhereArgs {
    pub(super) fn add_to(&self, spec: &mut RepositorySpec) {
        let rule = |url: &String| SourceRule {
            url: url.clone(),
            secret_ref: None,
        };
        spec.sources.extend(self.source.iter().map(rule));
    }
}

/// Where it is kept.
pub(super) fn store(cache: &Path) -> Store {
    Store::at(cache.join("elsewhere"))
}

pub(super) fn worker() -> Result<Worker, Failure> {
    Ok(Worker {
        program: config::own_program()?,
    })
}

/// Fetches what is pinned. What cannot be had is told where it is needed.
pub(super) fn fetch(store: &Store, wanted: &[&Pinned]) -> Result<(), Failure> {
    let worker = worker()?;
    for pinned in wanted {
        eprintln!("fetching {pinned}");
        // The store keeps why not.
        let _ = store.fetch(&worker, pinned, &auth(pinned.url()), DEADLINE);
    }
    Ok(())
}

/// What the person's own git would show a server, without asking anybody.
pub(super) fn auth(url: &str) -> Auth {
    let known = url.starts_with("https://").then(|| git_credential(url));
    let known = known.flatten().unwrap_or_default();
    let field = |name: &str| {
        let mut lines = known.lines();
        lines.find_map(|it| it.strip_prefix(name).map(str::to_owned))
    };
    Auth {
        username: field("username="),
        password: field("password="),
        ..Auth::default()
    }
}

/// The answer of git-credential(1); none if git knows nothing.
fn git_credential(url: &str) -> Option<String> {
    let mut git = Command::new("git")
        .args(["-c", "core.askPass=", "credential", "fill"])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env_remove("GIT_ASKPASS")
        .env_remove("SSH_ASKPASS")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let asked = format!("url={url}\n\n");
    // Dropped, and so ended.
    let written = git.stdin.take()?.write_all(asked.as_bytes());
    let output = git.wait_with_output().ok()?;
    (written.is_ok() && output.status.success())
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
