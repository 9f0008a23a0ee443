//! The fields of one live object, and whose each is. Blocking where Git is read.

use std::sync::Arc;

use serde_json::Value;

use crate::manifest::dotted;
use crate::pipeline::{MASK, Maker, Secrets, Trace, Transformer, is_secret};
use crate::plan::{Owner, PRUNE_ANNOTATION, counterpart, leaves, owners, owns};
use crate::source::{Mirror, Snapshot};
use crate::web::Refusal;

use super::blamed::{Blame, BlameLine, By, FieldManager, Place, TransformerStep};
use super::line_history::History;

/// Fields of one answer.
const FIELDS: usize = 1000;
/// Bytes of a text that is told.
const TEXT: usize = 4096;
/// What the API server itself keeps.
const SERVERS: [&str; 8] = [
    "/status",
    "/metadata/managedFields",
    "/metadata/uid",
    "/metadata/resourceVersion",
    "/metadata/generation",
    "/metadata/creationTimestamp",
    "/metadata/deletionTimestamp",
    "/metadata/selfLink",
];
/// Fields of a Secret that are no secret.
const OPEN: [&str; 6] = [
    "/apiVersion",
    "/kind",
    "/type",
    "/immutable",
    "/metadata/name",
    "/metadata/namespace",
];

/// What Git has of an object.
pub(super) struct Git {
    pub mirror: Arc<Mirror>,
    pub snapshot: Snapshot,
    pub trace: Trace,
}

pub(super) struct Fields {
    live: Value,
    owners: Vec<Owner>,
    /// The kit's field manager.
    manager: String,
    git: Option<Git>,
}

/// Lines of files that are to be looked up: file, first and last.
type Wanted = (Arc<str>, u32, u32);

impl FieldManager {
    pub(super) fn of(owner: &Owner) -> Self {
        Self {
            manager: owner.manager.clone(),
            operation: owner.operation.clone(),
            subresource: owner.subresource.clone(),
            at: owner.at.clone(),
        }
    }
}

impl Fields {
    pub(super) fn of_kit(live: Value, manager: String, git: Option<Git>) -> Self {
        Self {
            owners: owners(&live),
            live,
            manager,
            git,
        }
    }

    /// The live object as far as its values may be told.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.live.clone();
        for pointer in leaves(&self.live, usize::MAX) {
            let told = self.told(&pointer, self.live.pointer(&pointer));
            if let (Some(value), Some(told)) = (shown.pointer_mut(&pointer), told) {
                *value = told;
            }
        }
        shown
    }

    /// Tells of one field with all that is below it, or, for the empty pointer, of all that
    /// somebody has set.
    pub(super) fn tell(&self, field: &str, told: &mut Blame) -> Result<(), Refusal> {
        let all = field.is_empty();
        let mut lines: Vec<(BlameLine, Option<Wanted>)> = Vec::new();
        match self.live.pointer(field) {
            Some(value) => {
                for below in leaves(value, usize::MAX) {
                    let pointer = format!("{field}{below}");
                    let line = self.line(&pointer);
                    let nobody =
                        matches!(line.0.by, By::Server | By::Host) || is_identity(&pointer);
                    if !(all && nobody) {
                        lines.push(line);
                    }
                }
            }
            None if self.manifest().is_none_or(|it| it.pointer(field).is_none()) => {
                let path = dotted(field, &self.live);
                return Err(Refusal::missing(format!("{} has no {path}", told.object)));
            }
            None => {}
        }
        lines.extend(self.missing(field));
        told.omitted = lines.len().saturating_sub(FIELDS);
        lines.truncate(FIELDS);
        self.look_up(lines, told)
    }

    fn manifest(&self) -> Option<&Value> {
        Some(&self.git.as_ref()?.trace.manifest.object)
    }

    /// The fields that the kit's manager owns.
    fn kits(&self) -> impl Iterator<Item = &Owner> {
        let kits = |owner: &&Owner| self.manager == owner.manager && owner.operation == "Apply";
        self.owners.iter().filter(kits)
    }

    fn line(&self, pointer: &str) -> (BlameLine, Option<Wanted>) {
        let mut line = BlameLine {
            field: pointer.to_owned(),
            path: dotted(pointer, &self.live),
            by: By::Server,
            value: self.told(pointer, self.live.pointer(pointer)),
            in_git: None,
            file: None,
            transformers: Vec::new(),
            managers: Vec::new(),
        };
        let text = self.secret_text(pointer);
        let mut kits = self.kits();
        let is_kits = kits.any(|it| {
            owns(&it.fields, &self.live, pointer)
                || text
                    .as_ref()
                    .is_some_and(|(set, _)| it.fields.pointer(set).is_some())
        });
        let others = self.owners.iter().filter(|owner| {
            owner.manager != self.manager && owns(&owner.fields, &self.live, pointer)
        });
        line.managers = others.map(FieldManager::of).collect();
        // Whoever changes a Secret's data does not take the text that it was made of.
        let is_kits = is_kits && (text.is_none() || line.managers.is_empty());
        let in_git = text.map(|(_, there)| there);
        let in_git = in_git.or_else(|| {
            let manifest = self.manifest()?;
            let none = Value::Null;
            let mut sets = self.kits().map(|it| &it.fields).chain([&none]);
            sets.find_map(|set| counterpart(set, &self.live, manifest, pointer))
        });
        let wanted = match (in_git, is_kits, line.managers.is_empty()) {
            // Nobody owns what an object is called.
            (Some(there), true, _) => self.of_git(&there, &mut line),
            (Some(there), false, true) if is_identity(pointer) => self.of_git(&there, &mut line),
            (Some(there), false, false) => {
                let wanted = self.of_git(&there, &mut line);
                line.in_git = self.told(&there, self.manifest().and_then(|it| it.pointer(&there)));
                line.by = By::Manager;
                wanted
            }
            (None, true, _) => {
                line.by = By::Host;
                None
            }
            (None, false, false) => {
                line.by = By::Manager;
                None
            }
            (_, false, true) => None,
        };
        (line, wanted)
    }

    /// Of a Secret's data that the manifest has as text: where the kit's set of fields and where the
    /// manifest has that. The API server makes the one of the other.
    fn secret_text(&self, pointer: &str) -> Option<(String, String)> {
        let name = pointer.strip_prefix("/data/")?;
        let there = format!("/stringData/{name}");
        let known = is_secret(&self.live) && self.manifest()?.pointer(&there).is_some();
        known.then(|| (format!("/f:stringData/f:{name}"), there))
    }

    /// Where Git has a field, and what plugins made of it.
    fn of_git(&self, pointer: &str, line: &mut BlameLine) -> Option<Wanted> {
        let trace = &self.git.as_ref()?.trace;
        let traced = trace.field(pointer);
        line.by = match traced.changes.last().map(|it| &it.by) {
            Some(Maker::Transformer(_)) => By::Transformer,
            Some(Maker::Host) => By::Host,
            Some(Maker::Files) | None => By::File,
        };
        if let (By::File, Some(_)) = (line.by, trace.maker()) {
            line.by = By::Transformer;
        }
        for change in &traced.changes {
            if let Maker::Transformer(made) = &change.by {
                let before = self.told(pointer, change.before.as_ref());
                let after = self.told(pointer, change.after.as_ref());
                line.transformers.push(step(made, before, after));
            }
        }
        if let (true, Some(made)) = (line.transformers.is_empty(), trace.maker()) {
            line.transformers.push(step(made, None, None));
        }
        traced.place
    }

    /// What the manifest has and the live object has not.
    fn missing(&self, field: &str) -> Vec<(BlameLine, Option<Wanted>)> {
        let Some(manifest) = self.manifest() else {
            return Vec::new();
        };
        let Some(below) = manifest.pointer(field) else {
            return Vec::new();
        };
        let below = leaves(below, usize::MAX);
        let pointers = below.into_iter().map(|below| format!("{field}{below}"));
        let gone = pointers.filter(|pointer| {
            let none = Value::Null;
            let mut sets = self.kits().map(|it| &it.fields).chain([&none]);
            // Null says that a field is not set, and a Secret's texts become its data.
            !pointer.starts_with("/status/")
                && !pointer.starts_with("/stringData/")
                && manifest.pointer(pointer).is_some_and(|it| !is_nothing(it))
                && !sets.any(|set| counterpart(set, manifest, &self.live, pointer).is_some())
        });
        let line = |pointer: String| {
            let mut line = BlameLine {
                path: dotted(&pointer, manifest),
                by: By::Missing,
                value: None,
                in_git: self.told(&pointer, manifest.pointer(&pointer)),
                file: None,
                transformers: Vec::new(),
                managers: Vec::new(),
                field: pointer.clone(),
            };
            let wanted = self.of_git(&pointer, &mut line);
            line.by = By::Missing;
            (line, wanted)
        };
        gone.map(line).collect()
    }

    /// A value as it may be told: without secrets, and of bounded size.
    fn told(&self, pointer: &str, value: Option<&Value>) -> Option<Value> {
        let value = value?;
        let open = OPEN.contains(&pointer) || pointer.starts_with("/metadata/labels/");
        if is_secret(&self.live) && !open {
            return Some(MASK.into());
        }
        // What Git has of the kit tells which values are secret; without it, none is told.
        let git = match &self.git {
            Some(git) => git,
            None if open => return Some(value.clone()),
            None => return Some(MASK.into()),
        };
        let Value::String(text) = value else {
            return Some(hidden(value, &git.trace.secrets));
        };
        let mut text = git.trace.secrets.masked(text);
        if text.len() > TEXT {
            let end = (0..TEXT).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or(0));
            text.push('…');
        }
        Some(text.into())
    }

    /// Asks Git for the commits of all lines at once.
    fn look_up(
        &self,
        lines: Vec<(BlameLine, Option<Wanted>)>,
        told: &mut Blame,
    ) -> Result<(), Refusal> {
        let Some(git) = &self.git else {
            told.lines = lines.into_iter().map(|(line, _)| line).collect();
            return Ok(());
        };
        let mut history = History::new(git);
        for (line, wanted) in &lines {
            if let Some((path, first, last)) = wanted {
                history.want(path, *first, *last);
            }
            for step in &line.transformers {
                history.want(&step.path, 0, 0);
                if let Some((path, first, last)) = named(git, step) {
                    history.want(&path, first, last);
                }
            }
        }
        history.ask()?;
        for (mut line, wanted) in lines {
            line.file = wanted.map(|(path, first, last)| history.place(&path, first, last));
            for step in &mut line.transformers {
                if let Some((path, first, last)) = named(git, step) {
                    step.named = history.place(&path, first, last);
                }
                step.component = history.place(&step.path, 0, 0).commit;
            }
            told.lines.push(line);
        }
        if !history.whole {
            told.notes
                .push("some commits were not found in the time that a question may take".into());
        }
        Ok(())
    }
}

/// Where a transformer of the trace is named in a kit.yaml.
fn named(git: &Git, step: &TransformerStep) -> Option<Wanted> {
    let mut makers = git.trace.stages.iter().filter_map(|stage| match &stage.by {
        Maker::Transformer(made) => Some(made),
        Maker::Files | Maker::Host => None,
    });
    let made = makers.find(|made| made.path == step.path && made.pointer_of() == step.named.path);
    made?.named.clone()
}

fn step(made: &Transformer, before: Option<Value>, after: Option<Value>) -> TransformerStep {
    TransformerStep {
        name: made.name.clone(),
        version: made.version.clone(),
        path: made.path.clone(),
        digest: made.digest.clone(),
        guardrail: made.guardrail,
        named: Place {
            path: made.pointer_of(),
            line: 0,
            commit: None,
            was: None,
        },
        component: None,
        before,
        after,
    }
}

/// What says which object this is, and what the host keeps on it.
fn is_identity(pointer: &str) -> bool {
    OPEN[..2].contains(&pointer)
        || OPEN[4..].contains(&pointer)
        || SERVERS.iter().any(|it| {
            pointer == *it
                || pointer
                    .strip_prefix(it)
                    .is_some_and(|below| below.starts_with('/'))
        })
        || pointer.starts_with("/metadata/annotations/trimtab.io~1")
            && !pointer.ends_with(&PRUNE_ANNOTATION.replace('/', "~1"))
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// Maps and lists without secrets: each text in them is masked, and so is each name.
fn hidden(value: &Value, secrets: &Secrets) -> Value {
    match value {
        Value::String(text) => secrets.masked(text).into(),
        Value::Array(items) => items.iter().map(|it| hidden(it, secrets)).collect(),
        Value::Object(fields) => {
            let field =
                |(name, value): (&String, &Value)| (secrets.masked(name), hidden(value, secrets));
            fields.iter().map(field).collect()
        }
        Value::Number(_) | Value::Bool(_) => {
            let text = value.to_string();
            let masked = secrets.masked(&text);
            match masked == text {
                true => value.clone(),
                false => masked.into(),
            }
        }
        Value::Null => Value::Null,
    }
}

#[cfg(test)]
#[path = "fields_of_tests.rs"]
mod tests;
