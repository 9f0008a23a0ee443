//! Files of the repository that plugins are given to read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::kit::{DataSource, PluginUse};
use crate::manifest::{Finding, Limits, Origin, ReadError, read_documents};
use crate::sandbox::CallObject;
use crate::source::{EntryKind, Snapshot, SourceError};

/// Bytes of all files of one plugin: they are handed over at each call.
const BYTES: usize = 8 << 20;
/// Directories inside of a directory.
const DEPTH: usize = 16;
const FILES: usize = 2_000;

/// What was read, by what it was read from. Shared by all workers.
#[derive(Default)]
pub(super) struct DataStore {
    read: Mutex<Read>,
}

type Read = HashMap<Arc<[DataSource]>, Arc<[CallObject]>>;

impl DataStore {
    /// The documents of the files that a plugin is given, in the order of their paths. The
    /// findings say what stops the kit.
    pub(super) fn get(
        &self,
        snapshot: &Snapshot,
        used: &PluginUse,
    ) -> Result<Arc<[CallObject]>, Vec<Finding>> {
        if used.data.is_empty() {
            return Ok([].into());
        }
        if let Some(known) = self.lock().get(&used.data) {
            return Ok(known.clone());
        }
        let documents: Arc<[CallObject]> = read_all(&used.files(snapshot), used)?.into();
        self.lock().insert(used.data.clone(), documents.clone());
        Ok(documents)
    }

    /// Forgets what is not used.
    pub(super) fn keep(&self, is_used: impl Fn(&Arc<[DataSource]>) -> bool) {
        self.lock().retain(|sources, _| is_used(sources));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Read> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read_all(snapshot: &Snapshot, used: &PluginUse) -> Result<Vec<CallObject>, Vec<Finding>> {
    let mut documents = Vec::new();
    let mut findings = Vec::new();
    let mut left = BYTES;
    for (index, source) in used.data.iter().enumerate() {
        let fault = |message: String| {
            let finding = Finding::host_error("plugin-data", format!("{}: {message}", used.path));
            used.field_fault(&format!("/data/{index}"), finding)
        };
        let mut paths = Vec::new();
        let found = match source.directory {
            true => below(snapshot, &source.path, DEPTH, &mut paths),
            false => {
                paths.push(source.path.clone());
                Ok(())
            }
        };
        if let Err(error) = found {
            findings.push(fault(error));
            continue;
        }
        for path in paths {
            match snapshot.read(&path, left) {
                Err(SourceError::TooLarge { .. }) => {
                    let message = format!("its data have over {BYTES} bytes, which is too much");
                    findings.push(fault(message).hint("name fewer files"));
                    return Err(findings);
                }
                Err(error) => findings.push(fault(error.to_string())),
                Ok(bytes) => {
                    left -= bytes.len();
                    match read_documents(&path, &bytes, &Limits::default()) {
                        Ok(found) => documents.extend(found.into_iter().map(document)),
                        Err(errors) => findings.extend(errors.into_iter().map(unreadable)),
                    }
                }
            }
        }
    }
    match findings.is_empty() {
        true => Ok(documents),
        false => Err(findings),
    }
}

fn document((value, origin): (serde_json::Value, Origin)) -> CallObject {
    CallObject {
        json: value.to_string(),
        origin,
    }
}

fn unreadable(error: ReadError) -> Finding {
    let finding =
        Finding::host_error("plugin-data", error.message).at(Origin::new(error.path, error.line));
    match error.hint {
        Some(hint) => finding.hint(hint),
        None => finding,
    }
}

/// The YAML and JSON files below a directory, by path. The directory's id does not tell what links
/// lead to, so there are none.
fn below(
    snapshot: &Snapshot,
    directory: &str,
    depth: usize,
    paths: &mut Vec<String>,
) -> Result<(), String> {
    if depth == 0 {
        return Err(format!("{directory} is over {DEPTH} directories deep"));
    }
    let entries = snapshot
        .list(directory)
        .map_err(|error| error.to_string())?;
    for entry in entries {
        let path = match directory {
            "" => entry.name.clone(),
            directory => format!("{directory}/{}", entry.name),
        };
        let extension = entry.name.rsplit_once('.').map(|(_, extension)| extension);
        let is_data = matches!(extension, Some("yaml" | "yml" | "json"));
        match entry.kind {
            EntryKind::Directory => below(snapshot, &path, depth - 1, paths)?,
            EntryKind::File if is_data && paths.len() >= FILES => {
                return Err(format!("{directory} has over {FILES} files"));
            }
            EntryKind::File if is_data => paths.push(path),
            EntryKind::File => {}
            // What it leads to may be a directory: nothing that is meant is passed over.
            EntryKind::Symlink => {
                return Err(format!(
                    "{path} is a symbolic link, which a directory of data cannot have; name what it leads to"
                ));
            }
            EntryKind::Submodule => {
                return Err(format!(
                    "{path} is a submodule, which a directory of data cannot have"
                ));
            }
        }
    }
    Ok(())
}
