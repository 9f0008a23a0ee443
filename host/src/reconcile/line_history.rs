//! The commits of the lines that an answer names. Blocking.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::kit::RevisionStatus;
use crate::source::Blamed;
use crate::web::Refusal;

use super::asked::refused;
use super::blamed::Place;
use super::fields_of::Git;

/// Lines of one value that are looked at.
const LINES: u32 = 2000;
/// How long Git may be read for one answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Commits of lines, asked for once a file.
pub(super) struct History<'g> {
    git: &'g Git,
    /// By the path that a file really has.
    wanted: BTreeMap<String, BTreeSet<u32>>,
    real: BTreeMap<String, String>,
    found: BTreeMap<String, BTreeMap<u32, Blamed>>,
    /// Every line was found.
    pub whole: bool,
}

impl<'g> History<'g> {
    pub(super) fn new(git: &'g Git) -> Self {
        Self {
            git,
            wanted: BTreeMap::new(),
            real: BTreeMap::new(),
            found: BTreeMap::new(),
            whole: true,
        }
    }

    pub(super) fn want(&mut self, path: &str, first: u32, last: u32) {
        if !self.real.contains_key(path) {
            let real = self.git.snapshot.resolve(path);
            let real = real.map_or_else(|_| path.to_owned(), |(real, _)| real);
            self.real.insert(path.to_owned(), real);
        }
        let lines = self.wanted.entry(self.real[path].clone()).or_default();
        lines.extend(first..=last.min(first.saturating_add(LINES)));
    }

    pub(super) fn ask(&mut self) -> Result<(), Refusal> {
        let revision = self.git.snapshot.revision();
        let until = Instant::now() + PATIENCE;
        for (path, lines) in &self.wanted {
            let found = self
                .git
                .mirror
                .blame(&revision, path, lines, until)
                .map_err(refused)?;
            self.whole &= found.len() == lines.len();
            self.found.insert(path.clone(), found);
        }
        Ok(())
    }

    /// The newest commit of some lines: the one that made the value what it is.
    pub(super) fn place(&self, path: &str, first: u32, last: u32) -> Place {
        let real = self.real.get(path).map_or(path, String::as_str);
        let lines = self.found.get(real);
        let newest = lines.and_then(|lines| {
            let of_it = lines.range(first..=last).map(|(_, blamed)| blamed);
            of_it.max_by_key(|blamed| blamed.commit.time)
        });
        let was = newest.map(|it| match it.line {
            0 => it.path.clone(),
            line => format!("{}:{line}", it.path),
        });
        let here = match first {
            0 => real.to_owned(),
            line => format!("{real}:{line}"),
        };
        let one = first == last;
        Place {
            path: real.to_owned(),
            line: first,
            commit: newest.map(|it| RevisionStatus::new(&it.commit, None)),
            was: was.filter(|was| one && *was != here),
        }
    }
}
