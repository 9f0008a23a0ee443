//! Plain YAML and JSON files.

use std::collections::BTreeMap;

use crate::kit::{CHART_FILE, KIT_FILE, KUSTOMIZATION_FILES, KitSource};
use crate::manifest::{Finding, Limits, Manifest, ObjectKey, Origin, ReadError, read};
use crate::source::{Entry, EntryKind, Snapshot, SourceError};

use super::ignore::{IGNORE_FILE, Ignore};

/// Every `.yaml`, `.yml` and `.json` file below the kit's directory, in the order of their paths,
/// except kit.yaml, hidden files and directories, and what is ignored. All errors of all files.
pub(super) fn plain(
    snapshot: &Snapshot,
    kit: &KitSource,
    limits: &Limits,
) -> Result<Vec<Manifest>, Vec<Finding>> {
    let mut found = Found {
        ignore: Ignore::of_kit(kit).map_err(|finding| vec![finding])?,
        ..Found::default()
    };
    found.directory(snapshot, kit.path.as_str(), limits, 0);
    let mut manifests = found.manifests;
    manifests.sort_by(|a, b| (&a.origin.path, a.origin.line).cmp(&(&b.origin.path, b.origin.line)));
    found.findings.extend(twice(&manifests));
    if found.findings.is_empty() {
        Ok(manifests)
    } else {
        Err(found.findings)
    }
}

/// Directories deeper than this are a cycle of links, or meant to be one.
const DEPTH: usize = 32;
/// Names in all directories of a kit. A few links that lead back can make any number of paths.
const NAMES: usize = 100_000;
/// Bytes of all files of a kit, those that several links lead to counted for each.
const BYTES: usize = 64 << 20;

#[derive(Default)]
struct Found {
    manifests: Vec<Manifest>,
    findings: Vec<Finding>,
    ignore: Ignore,
    names: usize,
    bytes: usize,
    /// A limit was passed and told; nothing more is read.
    over: bool,
}

impl Found {
    fn directory(&mut self, snapshot: &Snapshot, path: &str, limits: &Limits, depth: usize) {
        if depth > DEPTH {
            let message = format!("directories are nested more than {DEPTH} deep");
            return self.over(path, message);
        }
        let entries = match snapshot.list(path) {
            Ok(entries) => entries,
            Err(error) => return self.source(path, &error),
        };
        let has_ignore = entries.iter().any(|entry| entry.name == IGNORE_FILE);
        match self.ignore.enter(snapshot, path, has_ignore) {
            Ok(()) => {
                self.entries(snapshot, path, entries, limits, depth);
                self.ignore.leave();
            }
            Err(findings) => self.findings.extend(findings),
        }
    }

    fn entries(
        &mut self,
        snapshot: &Snapshot,
        path: &str,
        entries: Vec<Entry>,
        limits: &Limits,
        depth: usize,
    ) {
        for entry in entries
            .into_iter()
            .filter(|entry| !entry.name.starts_with('.'))
        {
            self.names += 1;
            if self.names > NAMES {
                self.over(path, format!("the kit has more than {NAMES} files"));
            }
            if self.over {
                return;
            }
            let below = if path == "." {
                entry.name.clone()
            } else {
                format!("{path}/{}", entry.name)
            };
            // A link is not looked behind for it, as with Git.
            if self
                .ignore
                .ignores(&below, entry.kind == EntryKind::Directory)
            {
                continue;
            }
            if let Some(tool) = other_tool(&entry.name) {
                let message = format!("this directory is {tool}'s, within a kit of plain files");
                let finding = Finding::host_error("renderer", message).at(Origin::new(below, 1));
                self.findings.push(
                    finding
                        .hint("make the directory a kit of its own, or name it in .trimtabignore"),
                );
                continue;
            }
            let kind = match entry.kind {
                EntryKind::Symlink => match snapshot.resolve(&below) {
                    Ok((_, target)) => target.kind,
                    Err(error) => {
                        self.source(&below, &error);
                        continue;
                    }
                },
                kind => kind,
            };
            let is_manifest = [".yaml", ".yml", ".json"]
                .iter()
                .any(|ending| entry.name.ends_with(ending));
            match kind {
                EntryKind::Directory => self.directory(snapshot, &below, limits, depth + 1),
                EntryKind::Submodule => self.source(
                    &below,
                    &SourceError::Submodule {
                        path: below.clone(),
                    },
                ),
                EntryKind::File if is_manifest && entry.name != KIT_FILE => {
                    self.file(snapshot, &below, limits)
                }
                _ => {}
            }
        }
    }

    fn over(&mut self, path: &str, message: String) {
        if !std::mem::replace(&mut self.over, true) {
            let finding = Finding::host_error("source", message).at(Origin::new(path, 0));
            self.findings
                .push(finding.hint("look for symbolic links that lead back, or make it two kits"));
        }
    }

    fn source(&mut self, path: &str, error: &SourceError) {
        self.findings
            .push(Finding::host_error("source", error.to_string()).at(Origin::new(path, 1)));
    }

    fn file(&mut self, snapshot: &Snapshot, path: &str, limits: &Limits) {
        match snapshot.read(path, limits.bytes) {
            Err(error) => self.source(path, &error),
            Ok(bytes) => {
                self.bytes += bytes.len();
                if self.bytes > BYTES {
                    let message = format!("the kit's files have more than {BYTES} bytes");
                    return self.over(path, message);
                }
                match read(path, &bytes, limits) {
                    Ok(manifests) => self.manifests.extend(manifests),
                    Err(errors) => self.findings.extend(errors.into_iter().map(finding)),
                }
            }
        }
    }
}

/// Whose directory it is that has a file of this name.
fn other_tool(name: &str) -> Option<&'static str> {
    match name {
        CHART_FILE => Some("Helm"),
        name if KUSTOMIZATION_FILES.contains(&name) => Some("Kustomize"),
        _ => None,
    }
}

fn finding(error: ReadError) -> Finding {
    let span = crate::manifest::Span {
        line: error.line,
        column: error.column,
        end_line: error.line,
        end_column: error.column + 1,
    };
    let finding = Finding::host_error("yaml", error.message).spanning(&error.path, span);
    match error.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// Objects that stand in the kit more than once.
pub fn twice(manifests: &[Manifest]) -> Vec<Finding> {
    let mut seen: BTreeMap<ObjectKey, &Origin> = BTreeMap::new();
    let mut findings = Vec::new();
    for manifest in manifests {
        let key = manifest.key();
        if let Some(first) = seen.get(&key) {
            let finding =
                Finding::host_error("object-twice", format!("{key} stands in this kit twice"))
                    .at(manifest.origin.clone())
                    .about(key)
                    .hint("remove one of the two");
            findings.push(finding.note("the first one", Some((*first).clone())));
        } else {
            seen.insert(key, &manifest.origin);
        }
    }
    findings
}

#[cfg(test)]
#[path = "plain_tests.rs"]
mod tests;
