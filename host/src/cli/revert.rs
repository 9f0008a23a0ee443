//! `trimtab rollback --commit`: the files of a kit as they were, by a commit in this clone. It is
//! Git's own program that makes it, so that the person's hooks, signature and identity count.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, anyhow, bail};

use super::{Failure, Outcome};
use crate::kit::{Discoverer, KitPath, KitRule, RepositorySpec, Supplied};
use crate::source::Snapshot;

pub(super) struct Revert<'r> {
    /// The kit's path; the whole repository if there is none.
    pub kit: Option<&'r str>,
    pub to: &'r str,
    pub reason: &'r str,
    pub push: bool,
    pub dry_run: bool,
    pub yes: bool,
}

impl Revert<'_> {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let here = std::env::current_dir()?;
        let git = Clone::of(&here).map_err(Failure::Usage)?;
        let to = git.commit(self.to).map_err(Failure::Usage)?;
        let paths = self.paths(&git, &to).map_err(Failure::Usage)?;
        git.is_clean(&paths).map_err(Failure::Usage)?;
        let staged = git.bring_back(&to, &paths)?;
        if !staged {
            let what = self.kit.unwrap_or("the repository");
            super::print(&format!(
                "{what} is in this clone as it was at {}\n",
                short(&to)
            ))?;
            return Ok(Outcome::Fine);
        }
        // What is shown is what the commit would have; until then nothing is lost.
        let shown = git.run(&["diff", "--cached", "--stat"]);
        let shown = shown.map(|stat| super::print(&format!("{stat}\n")).is_ok());
        let agreed = match (self.dry_run, self.yes) {
            (true, _) => Ok(false),
            (false, true) => Ok(true),
            (false, false) => super::rollback::agreed("Commit this?"),
        };
        if !matches!((&shown, &agreed), (Ok(true), Ok(true))) {
            git.undo(&paths)?;
            shown?;
            agreed?;
            return Ok(match self.dry_run {
                true => Outcome::Fine,
                false => Outcome::Findings,
            });
        }
        if let Err(error) = git.run(&["commit", "--quiet", "--message", &self.message(&git, &to)?])
        {
            git.undo(&paths)?;
            return Err(error.into());
        }
        let made = git.run(&["log", "-1", "--format=%h %s"])?;
        if self.push {
            git.run(&["push", "--quiet"])?;
            super::print(&format!("{made}\nis pushed\n"))?;
        } else {
            super::print(&format!("{made}\n`git push` brings it to the platform\n"))?;
        }
        Ok(Outcome::Fine)
    }

    /// The kit's directory, and what its kit.yaml names outside of it: its rules go back with it.
    fn paths(&self, git: &Clone, to: &str) -> anyhow::Result<Vec<String>> {
        let Some(kit) = self.kit else {
            return Ok(vec![".".into()]);
        };
        let snapshot = Snapshot::of_commit(&git.root, to)?;
        let mut spec = RepositorySpec::of("file:///");
        spec.kits = vec![KitRule {
            path: kit.to_owned(),
            ..KitRule::default()
        }];
        let found = Discoverer::default().discover(&snapshot, &spec, &Supplied::default())?;
        let path = KitPath::new(kit);
        let Some(source) = found.kits.iter().find(|it| it.path == path) else {
            bail!("{} does not have the kit {kit}", short(to));
        };
        let own = source.plugins.iter().filter(|it| !it.guardrail);
        let named = own.flat_map(|it| {
            let data = it.data.iter().map(|data| data.path.clone());
            data.chain([it.path.clone()])
        });
        let outside = named.filter(|it| !Path::new(it).starts_with(kit));
        let mut paths: Vec<String> = outside.chain([kit.to_owned()]).collect();
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    fn message(&self, git: &Clone, to: &str) -> anyhow::Result<String> {
        let subject = git.run(&["log", "-1", "--format=%s", to])?;
        let what = self.kit.unwrap_or("the platform");
        Ok(format!(
            "Roll {what} back to {}\n\n{}\n\nThe files are as at {to}: {subject}\n",
            short(to),
            self.reason
        ))
    }
}

/// A person's clone.
struct Clone {
    root: PathBuf,
}

impl Clone {
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let here = Self {
            root: folder.to_owned(),
        };
        let root = here
            .run(&["rev-parse", "--show-toplevel"])
            .context("--commit works in a clone of the repository")?;
        Ok(Self { root: root.into() })
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let made = Command::new("git")
            // A directory's name is no pattern.
            .env("GIT_LITERAL_PATHSPECS", "1")
            .arg("-C")
            .arg(&self.root)
            .args(arguments)
            .output()
            .context("git cannot be run")?;
        if !made.status.success() {
            let words = String::from_utf8_lossy(&made.stderr).trim().to_owned();
            let verb = arguments.first().unwrap_or(&"");
            bail!("git {verb}: {words}");
        }
        Ok(String::from_utf8_lossy(&made.stdout).trim_end().to_owned())
    }

    /// The full id of a commit.
    fn commit(&self, name: &str) -> anyhow::Result<String> {
        let wanted = format!("{name}^{{commit}}");
        self.run(&[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &wanted,
        ])
        .map_err(|_| anyhow!("this clone has no commit {name}; `git fetch` may bring it"))
    }

    fn is_clean(&self, paths: &[String]) -> anyhow::Result<()> {
        let mut arguments = vec!["status", "--porcelain", "--untracked-files=all", "--"];
        arguments.extend(paths.iter().map(String::as_str));
        let changed = self.run(&arguments)?;
        let staged = self.run(&["diff", "--cached", "--name-only"])?;
        if !changed.is_empty() || !staged.is_empty() {
            let first = changed.lines().chain(staged.lines()).next();
            bail!(
                "this clone has changes that are not committed ({}); commit or stash them first",
                first.unwrap_or_default().trim()
            );
        }
        Ok(())
    }

    /// Stages the files of a commit. False if nothing differs.
    fn bring_back(&self, to: &str, paths: &[String]) -> anyhow::Result<bool> {
        let source = format!("--source={to}");
        let mut arguments = vec!["restore", &source, "--staged", "--worktree", "--"];
        arguments.extend(paths.iter().map(String::as_str));
        self.run(&arguments)?;
        Ok(!self.run(&["diff", "--cached", "--name-only"])?.is_empty())
    }

    fn undo(&self, paths: &[String]) -> anyhow::Result<()> {
        self.bring_back("HEAD", paths).map(|_| ())
    }
}

fn short(revision: &str) -> &str {
    revision.get(..7).unwrap_or(revision)
}
