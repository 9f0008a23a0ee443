//! One object on its way through the pipeline: who made which field what it is.

use std::sync::Arc;

use serde_json::Value;

use crate::kit::{KitSource, PluginUse};
use crate::manifest::{Finding, Manifest, ObjectKey, Origin, Scopes, Span, pointer_name};
use crate::sandbox::Pace;
use crate::source::Snapshot;

use super::PluginStore;
use super::plugins::Loaded;
use super::rendered::{Point, Rendered, render_observed};
use super::secrets::Secrets;
use super::substituted::contents;

/// Who made an object what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Maker {
    Files,
    /// The host fills in namespaces.
    Host,
    Transformer(Arc<Transformer>),
}

/// A plugin that changed an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformer {
    pub name: String,
    pub version: String,
    /// From the repository's root.
    pub path: String,
    pub digest: String,
    pub guardrail: bool,
    /// Where it is named, with its settings: a file and its first and last line. A guardrail is
    /// named in the Repository, at `pointer`.
    pub named: Option<(Arc<str>, u32, u32)>,
    pub pointer: String,
}

/// An object after a step that made it another.
#[derive(Clone, Debug)]
pub struct Stage {
    pub by: Maker,
    pub object: Value,
}

/// An object as it is rendered, and how it came to be so.
#[derive(Clone)]
pub struct Trace {
    pub rendered: Arc<Rendered>,
    pub manifest: Manifest,
    /// Only steps that changed it; the first is where it comes from.
    pub stages: Vec<Stage>,
    /// Of the kit, before transformers and after.
    pub secrets: Secrets,
}

/// One step that changed a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub by: Maker,
    pub before: Option<Value>,
    pub after: Option<Value>,
}

/// How a field came to be what it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldTrace {
    /// Where a file has it, or what it was made of: the file, its first and its last line.
    pub place: Option<(Arc<str>, u32, u32)>,
    /// In their order; nothing where it is as the file has it.
    pub changes: Vec<Change>,
}

/// Follows one object of a kit. Nothing if the kit does not have it; errors if the kit cannot be
/// rendered. Renders twice, so that no more than one object is kept of each step. Blocking.
pub fn trace(
    snapshot: &Snapshot,
    kit: &KitSource,
    plugins: &PluginStore,
    scopes: &Scopes,
    key: &ObjectKey,
) -> Result<Option<Trace>, Vec<Finding>> {
    let rendered = render_observed(snapshot, kit, plugins, scopes, &mut |_, _| {});
    let Some(manifest) = rendered.manifests.iter().find(|it| it.key() == *key) else {
        return match rendered.manifests.is_empty() && !rendered.findings.is_empty() {
            true => Err(rendered.findings),
            false => Ok(None),
        };
    };
    let mut stages: Vec<Stage> = Vec::new();
    let origin = manifest.origin.clone();
    let wanted = manifest.clone();
    let mut secrets = Secrets::default();
    render_observed(snapshot, kit, plugins, scopes, &mut |point, manifests| {
        if let Point::Read = point {
            secrets.add(manifests);
        }
        let Some(object) = of_origin(manifests, &origin, &wanted) else {
            return;
        };
        if stages.last().is_some_and(|last| last.object == *object) {
            return;
        }
        let by = match point {
            Point::Read => Maker::Files,
            Point::Settled => Maker::Host,
            Point::Transformed(ready) => Maker::Transformer(Arc::new(transformer(ready))),
        };
        let object = object.clone();
        stages.push(Stage { by, object });
    });
    secrets.add(&rendered.manifests);
    secrets.join(&rendered.given);
    Ok(Some(Trace {
        manifest: manifest.clone(),
        rendered: Arc::new(rendered),
        stages,
        secrets,
    }))
}

/// A kit's objects as its files have them; none if they cannot be read.
pub fn files(snapshot: &Snapshot, kit: &KitSource, plugins: &PluginStore) -> Vec<Manifest> {
    let contents = contents(snapshot, kit, plugins, Pace::Whole);
    contents.manifests.unwrap_or_default()
}

/// What the object is at a step: transformers keep where an object comes from, and may make
/// several of one.
fn of_origin<'m>(manifests: &'m [Manifest], origin: &Origin, last: &Manifest) -> Option<&'m Value> {
    let mut same = manifests.iter().filter(|it| it.origin == *origin);
    let first = same.clone().next()?;
    let by_key = same.clone().find(|it| it.key() == last.key());
    let by_kind = same.find(|it| it.gvk() == last.gvk());
    Some(&by_key.or(by_kind).unwrap_or(first).object)
}

fn transformer(Loaded { used, plugin, .. }: &Loaded<'_>) -> Transformer {
    let description = plugin.description();
    Transformer {
        name: description.name.clone(),
        version: description.version.clone(),
        path: used.path.clone(),
        digest: plugin.digest().to_string(),
        guardrail: used.guardrail,
        named: named(used),
        pointer: used.pointer.clone(),
    }
}

fn named(used: &PluginUse) -> Option<(Arc<str>, u32, u32)> {
    let (named_at, spans) = (used.named_at.as_ref()?, used.spans.as_ref()?);
    let (spans, _) = spans.nearest(&used.pointer);
    let (first, last) = lines(&spans.value);
    Some((named_at.path.clone(), first, last))
}

/// The first and the last line that a value stands on.
fn lines(span: &Span) -> (u32, u32) {
    let ends_before = span.end_column <= 1 && span.end_line > span.line;
    (span.line, span.end_line - u32::from(ends_before))
}

impl Transformer {
    /// Where it is named: `kits/shop/kit.yaml /spec/plugins/0`, or in the Repository.
    pub fn pointer_of(&self) -> String {
        let file = self.named.as_ref().map_or("Repository", |(path, ..)| path);
        format!("{file} {}", self.pointer)
    }
}

impl Trace {
    /// Follows a field back, from an RFC 6901 pointer into the object as it is rendered.
    pub fn field(&self, pointer: &str) -> FieldTrace {
        let mut traced = FieldTrace::default();
        let mut here = pointer.to_owned();
        let mut began = false;
        for pair in self.stages.windows(2).rev() {
            let [earlier, later] = pair else { continue };
            let there = carried(&earlier.object, &later.object, &here);
            let before = there.as_ref().and_then(|it| earlier.object.pointer(it));
            let after = later.object.pointer(&here);
            if before != after {
                traced.changes.push(Change {
                    by: later.by.clone(),
                    before: before.cloned(),
                    after: after.cloned(),
                });
            }
            match there.filter(|_| before.is_some()) {
                Some(there) => here = there,
                None => {
                    began = true;
                    break;
                }
            }
        }
        traced.changes.reverse();
        let from_file = self.stages.first().is_some_and(|it| it.by == Maker::Files);
        if from_file && !began {
            let place = self.manifest.place(&here);
            let (first, last) = lines(&place.value);
            let first = place.key.map_or(first, |key| key.line);
            traced.place = Some((place.path.clone(), first, last));
        }
        traced
    }

    /// The transformer that made the object, if no file has it.
    pub fn maker(&self) -> Option<&Transformer> {
        match &self.stages.first()?.by {
            Maker::Transformer(transformer) => Some(transformer),
            Maker::Files | Maker::Host => None,
        }
    }
}

/// Fields that tell the items of a list apart, in the order in which they are tried.
const NAMES: [&str; 8] = [
    "name",
    "key",
    "containerPort",
    "port",
    "mountPath",
    "devicePath",
    "ip",
    "type",
];

/// Where a field of a later object stood in the earlier one: items of lists may have moved.
fn carried(earlier: &Value, later: &Value, pointer: &str) -> Option<String> {
    let (mut before, mut after) = (earlier, later);
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let name = pointer_name(token);
        match (before, after) {
            (Value::Object(old), Value::Object(new)) => {
                (before, after) = (old.get(&name)?, new.get(&name)?);
                path = format!("{path}/{token}");
            }
            (Value::Array(old), Value::Array(new)) => {
                let index: usize = name.parse().ok()?;
                after = new.get(index)?;
                let there = item_before(old, new, index)?;
                before = old.get(there)?;
                path = format!("{path}/{there}");
            }
            _ => return None,
        }
    }
    Some(path)
}

fn item_before(old: &[Value], new: &[Value], index: usize) -> Option<usize> {
    let item = new.get(index)?;
    if old.get(index) == Some(item) {
        return Some(index);
    }
    let only = |holds: &dyn Fn(&Value) -> bool| {
        let mut found = old.iter().enumerate().filter(|(_, it)| holds(it));
        let (there, _) = found.next()?;
        found.next().is_none().then_some(there)
    };
    if let Some(there) = only(&|it| it == item) {
        return Some(there);
    }
    for name in NAMES {
        let Some(own) = item
            .get(name)
            .filter(|it| !it.is_object() && !it.is_array())
        else {
            continue;
        };
        return only(&|it| it.get(name) == Some(own));
    }
    // Without a name, the place is all there is.
    (old.len() == new.len()).then_some(index)
}

#[cfg(test)]
#[path = "trace_tests.rs"]
mod tests;
