//! What a revision may not change, may change only with a note, or may change only so far.

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use trimtab_plugin::{
    Change, ChangeValidator, Context, Exemption, FieldPattern, Object, Pair, Report, Rule,
    Selection,
};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Whether fields that the API server lets nobody change are told before it refuses them; true
    /// by default.
    pub built_in: bool,
    /// Fields that may not change.
    pub immutable: Vec<Fields>,
    /// Fields that may change only with a note: an annotation of the object that is there, and is
    /// not what it was.
    pub noted: Vec<Fields>,
    /// The annotation that a note is in.
    pub annotation: String,
    /// How much of their replicas workloads may lose in one revision, in percent; any by default.
    pub replica_drop: Option<u8>,
    /// Objects that may go only if their last revision had the note.
    pub kept: Vec<Selection>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            built_in: true,
            immutable: Vec::new(),
            noted: Vec::new(),
            annotation: "change-note".into(),
            replica_drop: None,
            kept: Vec::new(),
            exempt: Vec::new(),
        }
    }
}

/// Fields of some objects.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fields {
    /// The objects; all by default.
    #[serde(default, rename = "for")]
    pub objects: Selection,
    /// RFC 6901 pointers, in which `*` is any name or index.
    pub fields: Vec<FieldPattern>,
}

/// Kinds and the fields of theirs that the API server lets nobody change once they are set.
const BUILT_IN: [(&str, &[&str]); 11] = [
    ("Secret", &["/type"]),
    ("Deployment.apps", &["/spec/selector"]),
    ("DaemonSet.apps", &["/spec/selector"]),
    ("ReplicaSet.apps", &["/spec/selector"]),
    (
        "StatefulSet.apps",
        &[
            "/spec/selector",
            "/spec/serviceName",
            "/spec/podManagementPolicy",
            "/spec/volumeClaimTemplates",
        ],
    ),
    ("Job.batch", &["/spec/selector", "/spec/completionMode"]),
    (
        "PersistentVolumeClaim",
        &[
            "/spec/storageClassName",
            "/spec/accessModes",
            "/spec/volumeMode",
            "/spec/selector",
        ],
    ),
    (
        "StorageClass.storage.k8s.io",
        &[
            "/provisioner",
            "/parameters",
            "/reclaimPolicy",
            "/volumeBindingMode",
        ],
    ),
    ("RoleBinding.rbac.authorization.k8s.io", &["/roleRef"]),
    (
        "ClusterRoleBinding.rbac.authorization.k8s.io",
        &["/roleRef"],
    ),
    (
        "CustomResourceDefinition.apiextensions.k8s.io",
        &["/spec/group", "/spec/scope", "/spec/names/kind"],
    ),
];
const SCALED: [&str; 3] = ["Deployment", "StatefulSet", "ReplicaSet"];

pub struct Changes;

impl Rule for Changes {
    type Settings = Settings;
    const NAME: &'static str = "changes";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "What a revision may not change, or only with a note, or only so far.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        ("immutable", "a field that may not change keeps its value"),
        (
            "noted",
            "a field of settings.noted changes only with a note",
        ),
        (
            "replica-drop",
            "a workload loses at most settings.replicaDrop percent of its replicas",
        ),
        ("kept", "an object of settings.kept goes only with a note"),
    ];
}

impl ChangeValidator for Changes {
    fn validate_change(context: &Context<Settings>, changes: &[Change], report: &mut Report) {
        let settings = &context.settings;
        for change in changes {
            match change {
                Change::Created(_) => {}
                Change::Updated { before, after } => updated(settings, before, after, report),
                Change::Deleted(object) => deleted(settings, object, report),
            }
        }
    }
}

fn updated(settings: &Settings, before: &Object, after: &Object, report: &mut Report) {
    // Neither by what it was nor by what it is to be does an object leave the rules.
    let exempt = |rule: &str| {
        let of = |object| Exemption::any(&settings.exempt, rule, object, None);
        of(before) && of(after)
    };
    let covers = |fields: &&Fields| [before, after].iter().any(|it| fields.objects.covers(it));
    let kind = match after.group() {
        "" => after.kind().to_owned(),
        group => format!("{}.{group}", after.kind()),
    };
    if !exempt("immutable") {
        let known = BUILT_IN
            .iter()
            .filter(|(known, _)| settings.built_in && *known == kind);
        let fields = known
            .flat_map(|(_, fields)| *fields)
            .map(|it| FieldPattern::new(it));
        let mut fixed = changed(fields, before, after);
        // The server fills in what a file does not say: only two values are surely not one.
        fixed.retain(|pair| pair.before.is_some() && pair.after.is_some());
        let given = settings.immutable.iter().filter(covers);
        let given = given.flat_map(|it| it.fields.iter().cloned());
        for pair in changed(given, before, after) {
            if !fixed.iter().any(|it| it.place == pair.place) {
                fixed.push(pair);
            }
        }
        for pair in fixed {
            let message = format!(
                "{} may not change; it is {}",
                shown(&pair.place),
                told(pair.before)
            );
            let finding = report.error("immutable", message, after, &pair.place);
            if let Some(old) = pair
                .before
                .filter(|it| !(it.is_object() || it.is_array() || it.is_null()))
            {
                finding.propose(old);
            }
        }
    }
    let note = |object: &Object| object.at("/metadata/annotations")[&settings.annotation].clone();
    let noted =
        note(after).as_str().is_some_and(|it| !it.trim().is_empty()) && note(after) != note(before);
    if !noted && !exempt("noted") {
        let watched = settings.noted.iter().filter(covers);
        let fields = watched.flat_map(|it| it.fields.iter().cloned());
        for pair in changed(fields, before, after) {
            let message = format!(
                "{} changes from {} to {} without a note; say why in a new value of the annotation {}",
                shown(&pair.place),
                told(pair.before),
                told(pair.after),
                settings.annotation,
            );
            report.error("noted", message, after, &pair.place);
        }
    }
    if let Some(most) = settings.replica_drop
        && SCALED.contains(&kind.split('.').next().unwrap_or_default())
        && !exempt("replica-drop")
    {
        replicas(most, before, after, report);
    }
}

fn replicas(most: u8, before: &Object, after: &Object, report: &mut Report) {
    let size = |object: &Object| object.at("/spec/replicas").as_u64().unwrap_or(1);
    let (old, new) = (size(before), size(after));
    // Rounded in favour of what stays.
    let least = old - old.saturating_mul(u64::from(most.min(100))) / 100;
    if new < least {
        let message = format!(
            "{} loses {} of {old} replicas in one revision; {most} % may go",
            after.name(),
            old - new
        );
        report
            .error("replica-drop", message, after, "/spec/replicas")
            .propose(least);
    }
}

fn deleted(settings: &Settings, object: &Object, report: &mut Report) {
    let kept = settings.kept.iter().any(|it| it.covers(object));
    let note = &object.at("/metadata/annotations")[&settings.annotation];
    let noted = note.as_str().is_some_and(|it| !it.trim().is_empty());
    if kept && !noted && !Exemption::any(&settings.exempt, "kept", object, None) {
        let message = format!(
            "{} {} is taken away without a note; commit the annotation {} on it first, and take it away then",
            object.kind(),
            object.name(),
            settings.annotation,
        );
        report.error("kept", message, object, "");
    }
}

/// Places whose values differ.
fn changed<'o>(
    fields: impl Iterator<Item = FieldPattern>,
    before: &'o Object,
    after: &'o Object,
) -> Vec<Pair<'o>> {
    let pairs = fields.flat_map(|field| field.pairs(&before.value, &after.value));
    pairs.filter(Pair::differs).collect()
}

fn shown(place: &str) -> String {
    let names = place.trim_start_matches('/').split('/');
    let names = names.map(|name| name.replace("~1", "/").replace("~0", "~"));
    names.collect::<Vec<_>>().join(".")
}

/// A value in a message: as JSON, and not all of what is long.
fn told(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "not set".into(),
        Some(value) => {
            let text = value.to_string();
            match text.char_indices().nth(80) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}

trimtab_plugin::export_change_validator!(Changes);
