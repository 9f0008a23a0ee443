//! Git repositories that look like people's, and depend on nobody's configuration.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// A repository with a work tree.
pub struct Fixture {
    folder: PathBuf,
    /// Seconds since the epoch of the next commit.
    clock: std::cell::Cell<i64>,
}

/// 2026-01-05 09:00:00 UTC.
const BEGINNING: i64 = 1_767_603_600;

impl Fixture {
    /// An empty repository with the branch main.
    pub fn new(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let fixture = Self {
            folder: folder.to_owned(),
            clock: BEGINNING.into(),
        };
        fixture.git(&["init", "--quiet", "--initial-branch=main"])?;
        Ok(fixture)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn url(&self) -> String {
        format!("file://{}", self.folder.display())
    }

    /// Runs git in it.
    pub fn git(&self, arguments: &[&str]) -> Result<String> {
        self.git_as("Pat Example <pat@example.org>", arguments)
    }

    fn git_as(&self, author: &str, arguments: &[&str]) -> Result<String> {
        let (name, email) = author
            .split_once(" <")
            .context("an author is `Name <email>`")?;
        let email = email.trim_end_matches('>');
        let date = format!("{} +0000", self.clock.get());
        let output = Command::new("git")
            .current_dir(&self.folder)
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .envs([("GIT_AUTHOR_NAME", name), ("GIT_COMMITTER_NAME", name)])
            .envs([("GIT_AUTHOR_EMAIL", email), ("GIT_COMMITTER_EMAIL", email)])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .output()
            .context("git cannot be run; install it")?;
        if !output.status.success() {
            bail!(
                "git {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<()> {
        let path = self.folder.join(path);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        Ok(std::fs::write(path, content)?)
    }

    pub fn read(&self, path: &str) -> Result<String> {
        Ok(std::fs::read_to_string(self.folder.join(path))?)
    }

    /// Replaces text that must be there.
    pub fn edit(&self, path: &str, from: &str, to: &str) -> Result<()> {
        let before = self.read(path)?;
        if !before.contains(from) {
            bail!("{path} has no {from:?}");
        }
        self.write(path, before.replace(from, to))
    }

    /// Commits all there is, an hour after the commit before. Gives the commit's id.
    pub fn commit(&self, subject: &str) -> Result<String> {
        self.commit_as("Pat Example <pat@example.org>", subject)
    }

    pub fn commit_as(&self, author: &str, subject: &str) -> Result<String> {
        self.clock.set(self.clock.get() + 3600);
        self.git(&["add", "--all"])?;
        self.git_as(
            author,
            &["commit", "--quiet", "--allow-empty", "--message", subject],
        )?;
        self.git(&["rev-parse", "HEAD"])
    }
}
