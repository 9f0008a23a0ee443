//! Files of a kit that are not its manifests: `.trimtabignore` and `spec.kits[].ignore`.

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::kit::KitSource;
use crate::manifest::{Finding, Origin};
use crate::source::{Snapshot, SourceError};

/// In any directory of a kit, with the patterns of gitignore(5).
pub(super) const IGNORE_FILE: &str = ".trimtabignore";
/// Bytes of one such file. Its patterns become automata: more is no wish of a person.
const LIMIT: usize = 16 << 10;

/// The patterns from the kit's directory down to where the walk is. Those further in win.
#[derive(Default)]
pub(super) struct Ignore {
    levels: Vec<Gitignore>,
}

impl Ignore {
    /// With the Repository's patterns for this kit.
    pub(super) fn of_kit(kit: &KitSource) -> Result<Self, Finding> {
        let mut builder = GitignoreBuilder::new(kit.path.as_str());
        let broken = |error: ignore::Error| {
            Finding::host_error("ignore", format!("spec.kits[].ignore: {error}"))
        };
        for pattern in &kit.ignore {
            builder.add_line(None, pattern).map_err(broken)?;
        }
        Ok(Self {
            levels: vec![builder.build().map_err(broken)?],
        })
    }

    /// Goes into a directory, which has an ignore file or not.
    pub(super) fn enter(
        &mut self,
        snapshot: &Snapshot,
        directory: &str,
        has_file: bool,
    ) -> Result<(), Vec<Finding>> {
        let mut builder = GitignoreBuilder::new(directory);
        let mut findings = Vec::new();
        if has_file {
            let path = match directory {
                "." => IGNORE_FILE.to_owned(),
                _ => format!("{directory}/{IGNORE_FILE}"),
            };
            match text(snapshot, &path) {
                Err(error) => findings.push(error),
                Ok(text) => {
                    for (index, line) in text.lines().enumerate() {
                        if let Err(error) = builder.add_line(None, line) {
                            let at = Origin::new(path.as_str(), index as u32 + 1);
                            findings.push(
                                Finding::host_error("ignore", error.to_string())
                                    .at(at)
                                    .hint("patterns are those of gitignore(5)"),
                            );
                        }
                    }
                }
            }
        }
        match builder.build() {
            Ok(level) => self.levels.push(level),
            Err(error) => findings.push(
                Finding::host_error("ignore", error.to_string()).at(Origin::new(directory, 0)),
            ),
        }
        if findings.is_empty() {
            Ok(())
        } else {
            Err(findings)
        }
    }

    pub(super) fn leave(&mut self) {
        self.levels.pop();
    }

    pub(super) fn ignores(&self, path: &str, is_directory: bool) -> bool {
        for level in self.levels.iter().rev().filter(|level| !level.is_empty()) {
            match level.matched(path, is_directory) {
                Match::None => {}
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
            }
        }
        false
    }
}

fn text(snapshot: &Snapshot, path: &str) -> Result<String, Finding> {
    let at = Origin::new(path, 1);
    let bytes = snapshot.read(path, LIMIT).map_err(|error: SourceError| {
        Finding::host_error("source", error.to_string()).at(at.clone())
    })?;
    String::from_utf8(bytes).map_err(|_| Finding::host_error("ignore", "this is not UTF-8").at(at))
}
