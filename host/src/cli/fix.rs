//! `trimtab check --fix`: what findings propose, written into the files that they are about.

use std::collections::BTreeMap;

use serde_json::Value;
use similar::TextDiff;

use super::counted;
use super::local::Local;
use super::rewrite::rewrite;
use crate::manifest::{
    Children, Edit, Finding, Limits, Manifest, Severity, edited, pointer_name, read, read_value,
};
use crate::pipeline::Verdict;
use crate::sandbox::clean;

/// Lines around a change that a diff shows.
const CONTEXT: usize = 3;
/// Bytes of a line that is shown.
const LINE: usize = 8192;

/// What became of the findings that propose something.
#[derive(Default)]
pub(super) struct Fixes {
    pub fixed: Vec<Finding>,
    /// With why each is left.
    pub left: Vec<(Finding, String)>,
    files: Vec<File>,
}

/// A file with something to write.
struct File {
    /// From the root, with all links followed.
    path: String,
    old: Vec<u8>,
    new: Vec<u8>,
    findings: Vec<Finding>,
    holds_secret: bool,
}

/// A proposal, and the object of its file that it is about.
struct Proposal<'f> {
    finding: &'f Finding,
    edit: Edit,
}

struct Read {
    bytes: Vec<u8>,
    manifests: Vec<Manifest>,
}

impl Fixes {
    /// What can be written for errors and warnings. Nothing is written yet.
    pub(super) fn of(local: &Local, findings: &[(Option<String>, Finding)]) -> Self {
        let mut fixes = Self::default();
        let mut read: BTreeMap<String, Read> = BTreeMap::new();
        let mut proposals: BTreeMap<String, Vec<Proposal>> = BTreeMap::new();
        let proposing = findings.iter().filter(|(_, finding)| {
            finding.proposed.is_some() && finding.severity != Severity::Info
        });
        for (kit, finding) in proposing {
            let verdicts = local.evaluation.verdicts.iter();
            let mut of_kit = verdicts.filter(|it| {
                kit.as_deref()
                    .is_some_and(|kit| it.kit.path.as_str() == kit)
            });
            match proposal(local, of_kit.next(), finding, &mut read) {
                Ok((path, proposal)) => proposals.entry(path).or_default().push(proposal),
                Err(reason) => fixes.left.push((finding.clone(), reason)),
            }
        }
        for (path, proposals) in proposals {
            if let Some(read) = read.remove(&path) {
                fixes.file(path, read, proposals);
            }
        }
        fixes
    }

    fn file(&mut self, path: String, read: Read, proposals: Vec<Proposal>) {
        let mut fields: BTreeMap<(usize, String), Vec<&Proposal>> = BTreeMap::new();
        for proposal in &proposals {
            let field = (proposal.edit.object, proposal.edit.pointer.clone());
            fields.entry(field).or_default().push(proposal);
        }
        let (mut edits, mut reasons): (Vec<&Edit>, Vec<Vec<&Proposal>>) = Default::default();
        for ((object, pointer), of_field) in &fields {
            let first = of_field[0];
            let differs = of_field.iter().any(|it| it.edit.value != first.edit.value);
            let overlaps = above(pointer)
                .any(|outer| fields.contains_key(&(*object, outer.to_owned())))
                || fields
                    .range((*object, format!("{pointer}/"))..)
                    .next()
                    .is_some_and(|((other, inner), _)| {
                        other == object && inner.starts_with(&format!("{pointer}/"))
                    });
            if differs || overlaps {
                let reason = "several findings propose different things for this value";
                self.leave(of_field, reason);
            } else {
                edits.push(&first.edit);
                reasons.push(of_field.clone());
            }
        }
        let edits: Vec<Edit> = edits.into_iter().cloned().collect();
        let done = edited(&read.bytes, &edits, &Limits::default());
        let mut written = Vec::new();
        for (of_field, outcome) in reasons.iter().zip(&done.outcomes) {
            match outcome {
                Ok(()) => written.extend(of_field.iter().map(|it| it.finding.clone())),
                Err(obstacle) => self.leave(of_field, &obstacle.to_string()),
            }
        }
        if done.bytes != read.bytes {
            self.files.push(File {
                path,
                old: read.bytes,
                new: done.bytes,
                findings: written,
                holds_secret: read
                    .manifests
                    .iter()
                    .any(|it| it.object["kind"] == "Secret"),
            });
        }
    }

    fn leave(&mut self, proposals: &[&Proposal], reason: &str) {
        let left = proposals
            .iter()
            .map(|it| (it.finding.clone(), reason.to_owned()));
        self.left.extend(left);
    }

    /// Writes the files that are as they were when they were read.
    pub(super) fn write(&mut self, local: &Local) {
        for file in std::mem::take(&mut self.files) {
            match rewrite(&local.root, &file.path, &file.old, &file.new) {
                Ok(()) => self.fixed.extend(file.findings),
                Err(error) => {
                    let reason = format!("the file is left: {error}");
                    let findings = file.findings.into_iter();
                    self.left.extend(findings.map(|it| (it, reason.clone())));
                }
            }
        }
    }

    /// What would be written, as a patch that git and patch(1) take.
    pub(super) fn diff(&self) -> String {
        let mut text = String::new();
        for file in &self.files {
            // The lines around a change may be a Secret's values.
            if file.holds_secret {
                text.push_str(&format!(
                    "# {}: {}; the file holds a Secret and is not shown\n",
                    file.path,
                    counted(file.findings.len(), "value"),
                ));
                continue;
            }
            let (old, new) = (
                String::from_utf8_lossy(&file.old),
                String::from_utf8_lossy(&file.new),
            );
            let diff = TextDiff::from_lines(&*old, &*new);
            let (before, after) = (format!("a/{}", file.path), format!("b/{}", file.path));
            let mut unified = diff.unified_diff();
            unified.context_radius(CONTEXT).header(&before, &after);
            text.push_str(&unified.to_string());
        }
        text
    }

    pub(super) fn would_write(&self) -> bool {
        !self.files.is_empty()
    }

    /// A line a finding, for people.
    pub(super) fn told(&self) -> String {
        let mut text = String::new();
        for finding in &self.fixed {
            text.push_str(&format!("fixed: {}\n", place(finding)));
        }
        for (finding, reason) in &self.left {
            text.push_str(&format!("not fixed: {}: {reason}\n", place(finding)));
        }
        text
    }
}

/// `kits/a/service.yaml:14: /spec/ports/0/port to 8080 [port-policy/service-port]`
fn place(finding: &Finding) -> String {
    let origin = match &finding.origin {
        Some(origin) => format!("{origin}: "),
        None => String::new(),
    };
    let field = finding.field.as_deref().unwrap_or_default();
    let proposed = finding.proposed.as_deref().unwrap_or_default();
    let told = format!("{origin}{field} to {proposed} [{}]", finding.rule);
    // Pointers are plugins' words, and paths may be anything.
    clean(&told, LINE)
}

/// The pointers to what a field lies in, the object itself left out.
fn above(pointer: &str) -> impl Iterator<Item = &str> {
    let slashes = pointer.match_indices('/').skip(1);
    slashes.map(|(at, _)| &pointer[..at])
}

/// Of each finding, whether its span is the very value that it proposes another for, as the file
/// has it: then the one text can stand in the place of the other.
pub(super) fn in_place(local: &Local, findings: &[(Option<String>, Finding)]) -> Vec<bool> {
    let mut read: BTreeMap<String, Read> = BTreeMap::new();
    let stands = |(kit, finding): &(Option<String>, Finding)| {
        if finding.proposed.is_none() {
            return false;
        }
        let verdicts = local.evaluation.verdicts.iter();
        let mut of_kit = verdicts.filter(|it| kit.as_deref() == Some(it.kit.path.as_str()));
        let Ok((path, proposal)) = proposal(local, of_kit.next(), finding, &mut read) else {
            return false;
        };
        let object = &read[&path].manifests[proposal.edit.object];
        let (spans, whole) = object.spans.nearest(&proposal.edit.pointer);
        whole && matches!(spans.children, Children::None) && finding.span == Some(spans.value)
    };
    findings.iter().map(stands).collect()
}

/// The edit that a finding asks for and the file that it is in, or why there is none.
fn proposal<'f>(
    local: &Local,
    verdict: Option<&Verdict>,
    finding: &'f Finding,
    read_files: &mut BTreeMap<String, Read>,
) -> Result<(String, Proposal<'f>), String> {
    let says = |text: &str| Err(text.to_owned());
    let pointer = match finding.field.as_deref() {
        Some(pointer) if !pointer.is_empty() => pointer,
        _ => return says("it is about no field"),
    };
    let rendered = verdict.map(|it| &it.rendered.manifests[..]);
    let mut same = rendered
        .unwrap_or_default()
        .iter()
        .filter(|it| finding.object.as_ref().is_some_and(|key| it.key() == *key));
    let (Some(manifest), None) = (same.next(), same.next()) else {
        return says("it is about no single object of the kit");
    };
    let value = proposed(finding.proposed.as_deref().unwrap_or_default())?;
    let (path, _) = local
        .snapshot
        .resolve(&manifest.origin.path)
        .map_err(|error| error.to_string())?;
    if !read_files.contains_key(&path) {
        let limits = Limits::default();
        let bytes = local.snapshot.read(&path, limits.bytes);
        let bytes = bytes.map_err(|error| error.to_string())?;
        // What is no file of objects is where a transformer was named.
        let manifests = read(&path, &bytes, &limits).unwrap_or_default();
        read_files.insert(path.clone(), Read { bytes, manifests });
    }
    let read = &read_files[&path];
    let found = read.manifests.iter().position(|it| is_of(it, manifest));
    let Some(object) = found else {
        return says("a transformer made or renamed the object; change what it makes it of");
    };
    if !is_untouched(&read.manifests[object].object, &manifest.object, pointer) {
        return says(
            "the value is not what the file has: a transformer, a variable, or the kit's namespace, put it there",
        );
    }
    let edit = Edit {
        object,
        pointer: pointer.to_owned(),
        value,
    };
    Ok((path, Proposal { finding, edit }))
}

fn proposed(text: &str) -> Result<Value, String> {
    read_value("the proposal", text.as_bytes(), &Limits::default())
        .map_err(|_| "what is proposed is not YAML".to_owned())
}

/// Whether a rendered object is this one of the file.
fn is_of(written: &Manifest, rendered: &Manifest) -> bool {
    let (own, other) = (written.key(), rendered.key());
    written.origin.line == rendered.origin.line
        && written.gvk() == rendered.gvk()
        && own.name == other.name
        && (own.namespace.is_none() || own.namespace == other.namespace)
}

/// Whether a field is the same in both, or missing in both, and means the same place: a list on the
/// way to it that differs at all may have other items at its numbers.
fn is_untouched(written: &Value, rendered: &Value, pointer: &str) -> bool {
    let (mut written, mut rendered) = (written, rendered);
    for token in pointer.split('/').skip(1) {
        if written == rendered {
            return true;
        }
        let name = pointer_name(token);
        let (Value::Object(own), Value::Object(other)) = (written, rendered) else {
            return false;
        };
        match (own.get(&name), other.get(&name)) {
            (Some(own), Some(other)) => (written, rendered) = (own, other),
            (None, None) => return true,
            _ => return false,
        }
    }
    written == rendered
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_transformer_changed_is_seen_and_what_it_left_is_not() {
        let written = json!({"a": 1, "l": [{"n": 1}], "m": {"x": 1}});
        let rendered = json!({"a": 2, "l": [{"n": 0}, {"n": 1}], "m": {"x": 1, "y": 2}, "new": 1});
        for (pointer, untouched) in [
            ("/a", false),
            ("/l/0/n", false),
            ("/m/x", true),
            ("/m/y", false),
            ("/m/z", true),
            ("/m", false),
            ("/new/a", false),
            ("/other/a", true),
        ] {
            assert_eq!(
                is_untouched(&written, &rendered, pointer),
                untouched,
                "{pointer}"
            );
        }
    }
}
