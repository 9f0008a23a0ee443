//! A kit's objects in one namespace, with what refers to them.

mod moves;
mod references;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{Context, Exemption, Level, Levels, Object, Report, Rule, Transformer};

use moves::Moves;

/// Where objects go, and what follows them.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// The namespace; the kit's own by default.
    pub namespace: String,
    /// Custom resources that are in no namespace, as `Widget.example.org`, besides those that are
    /// known or that the kit defines.
    pub cluster_scoped_kinds: Vec<String>,
    /// Where objects name namespaces alone, without an object in them.
    pub fields: Vec<Field>,
    /// Kinds in whose texts hosts (`web.shop.svc`) follow the Services; `*` is all. None by default.
    pub hosts: Vec<String>,
    /// `error`, `warning`, `info` or `ignore` by a rule's id.
    pub levels: Levels<SetNamespace>,
    /// What stays where it is.
    pub exempt: Vec<Exemption>,
}

/// Where objects name namespaces.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// Kinds, as `ServiceMonitor` or `ServiceMonitor.monitoring.coreos.com`.
    pub kinds: Vec<String>,
    /// Pointers (RFC 6901) in which `*` is each item: `/spec/namespaceSelector/matchNames/*`.
    pub paths: Vec<String>,
}

pub struct SetNamespace;

impl Rule for SetNamespace {
    type Settings = Settings;
    const NAME: &'static str = "set-namespace";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Puts a kit's objects, and what refers to them, into one namespace.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "no-namespace",
            "the settings or the Repository name a namespace",
        ),
        ("collision", "no two objects become one"),
        (
            "scope",
            "it is known of each kind whether it is in a namespace",
        ),
    ];
}

impl Transformer for SetNamespace {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, report: &mut Report) {
        let settings = &context.settings;
        let target = match settings.namespace.as_str() {
            "" => context.namespace.as_str(),
            own => own,
        };
        if target.is_empty() {
            let message = "the kit has no namespace, and settings.namespace names none: nothing is put anywhere";
            let nowhere = Object::new(Value::Null);
            let level = settings.levels.of("no-namespace", Level::Error);
            report.tell(level, "no-namespace", message, &nowhere, "");
            return;
        }
        let moves = Moves::plan(settings, target, objects, report);
        for (index, object) in objects.iter_mut().enumerate() {
            if moves.goes(index) {
                set(&mut object.value, "/metadata", target);
            }
            references::follow(settings, &moves, object);
        }
        rename_namespace(&moves, objects);
    }
}

/// Sets `namespace` in the object at a pointer.
fn set(value: &mut Value, pointer: &str, namespace: &str) {
    if let Some(fields) = value.pointer_mut(pointer).and_then(Value::as_object_mut) {
        fields.insert("namespace".into(), namespace.into());
    }
}

/// A kit's only Namespace goes with what was in it.
fn rename_namespace(moves: &Moves<'_>, objects: &mut [Object]) {
    let mut found = objects
        .iter_mut()
        .filter(|it| it.kind() == "Namespace" && it.group().is_empty());
    let (Some(only), None) = (found.next(), found.next()) else {
        return;
    };
    if moves.is_left(only.name())
        && let Some(name) = only.value.pointer_mut("/metadata/name")
    {
        *name = moves.target.into();
    }
}

trimtab_plugin::export_transformer!(SetNamespace);

#[cfg(test)]
mod tests;
