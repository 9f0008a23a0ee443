//! What a guest asks for that is of another place. Its paths begin with a NUL, which no path of a
//! repository has.

use std::collections::{BTreeMap, BTreeSet};

use super::elsewhere::{Pins, Standing};
use super::reads::{Seen, sight};
use crate::kit::KUSTOMIZATION_FILES;
use crate::manifest::{Finding, Origin};
use crate::sandbox::Look;
use crate::source::{Pinned, Reference, Snapshot};

/// Where a chart of another place is.
pub(super) const CHART: &str = "\0chart.tgz";
/// Bytes of one file.
const FILE: usize = 16 << 20;
/// Things of other places that one render may ask for.
const REFERENCES: usize = 200;

/// Something of another place that a render asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub reference: Reference,
    /// What it was asked for as before, in vain: a URL may be a file's or a Git repository's.
    pub or: Option<Reference>,
    /// The line that names it, where that is known.
    pub at: Option<Origin>,
}

/// The files of a commit.
#[derive(Clone)]
struct Mounted {
    url: String,
    files: Snapshot,
    /// The line that names it.
    at: Option<Origin>,
}

/// What one render has had of other places.
#[derive(Clone, Default)]
pub(super) struct Session {
    /// Files of commits, by the commit.
    mounted: BTreeMap<String, Mounted>,
    chart: Option<Vec<u8>>,
    pub(super) asked: Vec<Asked>,
    pub(super) standings: BTreeMap<Reference, Standing>,
    /// The last that could not be had.
    trouble: Option<Finding>,
    /// A file that is not there; what is asked for next may be the same by Git.
    in_vain: Option<(Reference, Finding)>,
    /// The URL of a file that is pinned and not here: it is no repository's.
    refused: Option<String>,
    /// Kustomizations of the repository that were read.
    kustomizations: BTreeSet<String>,
}

impl Session {
    /// `question` is what comes after the first NUL.
    pub(super) fn look(&mut self, pins: &Pins, question: &str) -> Look {
        let parts: Vec<&str> = question.split('\0').collect();
        if parts.len() > 1 && self.asked.len() >= REFERENCES {
            let message =
                format!("a kit has at most {REFERENCES} bases, files and charts of other places");
            self.trouble = Some(Finding::host_error("render-remote", message.as_str()));
            return Look::Refused(message);
        }
        match parts[..] {
            ["git", url, name, written] => {
                let reference = Reference::Git {
                    url: url.to_owned(),
                    name: name.to_owned(),
                };
                self.git(pins, reference, written)
            }
            ["file", url] => self.file(pins, url),
            [path] if path == &CHART[1..] => match &self.chart {
                Some(bytes) => Look::File(bytes.clone()),
                None => Look::Nothing,
            },
            [path] => self.below(path),
            _ => Look::Nothing,
        }
    }

    /// A file of the repository was read.
    pub(super) fn read(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or_default();
        if KUSTOMIZATION_FILES.contains(&name) {
            self.kustomizations.insert(path.to_owned());
        }
    }

    /// Makes a chart's bytes what is at `CHART`.
    pub(super) fn chart(
        &mut self,
        pins: &Pins,
        reference: &Reference,
        at: &Origin,
    ) -> Result<(), Finding> {
        let standing = self.stands(pins, reference.clone(), None, Some(at.clone()));
        if let Standing::Here(pinned) = &standing {
            self.chart = pins.store().bytes(pinned);
            if self.chart.is_some() {
                return Ok(());
            }
        }
        let fault = standing.fault(reference).unwrap_or_else(lost);
        Err(fault.at(at.clone()))
    }

    /// What kept the render from something.
    pub(super) fn trouble(&mut self, failed: bool) -> Option<Finding> {
        let in_vain = self.in_vain.take().filter(|_| failed);
        self.trouble.take().or(in_vain.map(|(_, finding)| finding))
    }

    fn git(&mut self, pins: &Pins, reference: Reference, written: &str) -> Look {
        if let (Some(refused), Some(trouble)) = (&self.refused, &self.trouble)
            && refused == written
        {
            return Look::Refused(trouble.message.clone());
        }
        let or = self.in_vain.take().map(|(reference, _)| reference);
        let or = or.filter(|it| it.url() == written);
        let at = self.place(pins, written);
        let standing = self.stands(pins, reference.clone(), or, at.clone());
        if let Standing::Here(Pinned::Commit { url, commit }) = &standing
            && let Some(files) = pins.store().files(url, commit)
        {
            let url = url.clone();
            let mounted = Mounted { url, files, at };
            self.mounted.entry(commit.clone()).or_insert(mounted);
            return Look::Link(format!("\0{commit}"));
        }
        self.refuse(&standing, &reference, at)
    }

    fn file(&mut self, pins: &Pins, url: &str) -> Look {
        let reference = Reference::File {
            url: url.to_owned(),
        };
        let at = self.place(pins, url);
        let standing = pins.standing(&reference);
        match standing {
            // The same URL may be a Git repository's, and pinned as that.
            Standing::Unpinned | Standing::Unlisted(_) => {
                let fault = standing.fault(&reference).unwrap_or_else(lost);
                self.in_vain = Some((reference.clone(), located(fault, at.clone())));
                self.stands(pins, reference, None, at);
                Look::Nothing
            }
            _ => {
                self.in_vain = None;
                let standing = self.stands(pins, reference.clone(), None, at.clone());
                if let Standing::Here(pinned) = &standing
                    && let Some(bytes) = pins.store().bytes(pinned)
                {
                    return Look::File(bytes);
                }
                self.refused = Some(url.to_owned());
                self.refuse(&standing, &reference, at)
            }
        }
    }

    fn stands(
        &mut self,
        pins: &Pins,
        reference: Reference,
        or: Option<Reference>,
        at: Option<Origin>,
    ) -> Standing {
        let standing = pins.standing(&reference);
        if let Some(known) = self.asked.iter_mut().find(|it| it.reference == reference) {
            known.or = known.or.take().or(or);
            return standing;
        }
        self.standings.insert(reference.clone(), standing.clone());
        self.asked.push(Asked { reference, or, at });
        standing
    }

    fn refuse(&mut self, standing: &Standing, reference: &Reference, at: Option<Origin>) -> Look {
        let fault = standing.fault(reference).unwrap_or_else(lost);
        let reason = fault.message.clone();
        self.trouble = Some(located(fault, at));
        Look::Refused(reason)
    }

    /// What is in the files of a commit: `COMMIT/path`. They are a function of the commit.
    fn below(&self, path: &str) -> Look {
        let (commit, inside) = match path.split_once('/') {
            Some((commit, "")) => (commit, "./"),
            Some(both) => both,
            None => (path, "."),
        };
        let Some(Mounted { url, files, .. }) = self.mounted.get(commit) else {
            return Look::Nothing;
        };
        let (seen, names) = sight(files, inside);
        match seen {
            Seen::Nothing => Look::Nothing,
            Seen::Link(real) => Look::Link(format!("\0{commit}/{real}")),
            Seen::Refused(reason) => Look::Refused(format!("{url}: {reason}")),
            Seen::File(_) => match files.read(inside, FILE) {
                Ok(bytes) => Look::File(bytes),
                Err(error) => Look::Refused(format!("{url}: {error}")),
            },
            Seen::Directory | Seen::Names(_) => Look::Directory(names),
        }
    }

    /// Messages of a library name paths; those of other places by their URL.
    pub(super) fn named(&self, message: &str) -> String {
        let mut text = message.to_owned();
        for (commit, it) in &self.mounted {
            text = text.replace(&format!("\0{commit}"), &it.url);
        }
        text
    }

    /// The line of the repository that names what a path of another place is in.
    pub(super) fn named_at(&self, path: &str) -> Option<Origin> {
        let (commit, _) = path.strip_prefix('\0')?.split_once('/')?;
        self.mounted.get(commit)?.at.clone()
    }

    /// A file of another place.
    pub(super) fn bytes(&self, path: &str) -> Option<Vec<u8>> {
        let (commit, inside) = path.strip_prefix('\0')?.split_once('/')?;
        self.mounted.get(commit)?.files.read(inside, FILE).ok()
    }

    /// The line of the repository that names something.
    fn place(&self, pins: &Pins, written: &str) -> Option<Origin> {
        let snapshot = pins.snapshot()?;
        self.kustomizations.iter().find_map(|path| {
            let bytes = snapshot.read(path, FILE).ok()?;
            let text = String::from_utf8_lossy(&bytes);
            let mut lines = (1_u32..).zip(text.lines());
            let (line, _) = lines.find(|(_, line)| line.contains(written))?;
            Some(Origin::new(path.as_str(), line))
        })
    }
}

fn located(fault: Finding, at: Option<Origin>) -> Finding {
    match at {
        Some(at) if fault.origin.is_none() => fault.at(at),
        _ => fault,
    }
}

/// It was there a moment ago.
fn lost() -> Finding {
    Finding::host_error(
        "remote-away",
        "could not be evaluated: what was fetched has been lost",
    )
    .hint("it is fetched again by itself; what is live stays")
}
