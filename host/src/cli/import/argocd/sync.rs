//! How an Application is kept: its sync policy, what it ignores, waves and hooks.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::super::ignore;
use super::super::left::{Left, Object, quoted};
use super::super::tree::Built;
use super::super::wanted::Wanted;

pub(super) fn carry(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    let at = "/spec/syncPolicy";
    left.extend(object.unknown(
        at,
        &[
            "automated",
            "syncOptions",
            "retry",
            "managedNamespaceMetadata",
        ],
    ));
    let automated = object.get(&format!("{at}/automated"));
    let enabled = object.flag(&format!("{at}/automated/enabled")) != Some(false);
    if automated.is_none() || !enabled {
        left.push(object.left(
            at,
            "somebody syncs it by hand; a kit goes live when it is committed",
            "follow a branch or a tag that is moved by hand, or hold the kit: docs/rollback.md",
        ));
    }
    if object.flag(&format!("{at}/automated/prune")) != Some(true) {
        keep(object, kit, left);
    }
    // Argo CD tells of drift, and puts it right where it heals itself.
    if object.flag(&format!("{at}/automated/selfHeal")) != Some(true) {
        kit.spec.insert("drift".into(), "report".into());
    }
    if object.flag(&format!("{at}/automated/allowEmpty")) == Some(true) {
        left.push(object.left(
            &format!("{at}/automated/allowEmpty"),
            "a revision that leaves the kit without any object stops",
            "say that it is meant when it happens: `trimtab reconcile KIT --allow-deletions REV`",
        ));
    }
    if object
        .map(&format!("{at}/managedNamespaceMetadata"))
        .is_some()
    {
        left.push(object.left(
            &format!("{at}/managedNamespaceMetadata"),
            "the namespace that the host makes has no labels of the kit's",
            "commit the Namespace with them",
        ));
    }
    options(object, kit, left);
    differences(object, kit, left);
}

/// What leaves the kit stays.
fn keep(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    // With a kustomization over it anyway, one annotation more is no matter.
    if !kit.overlay.is_empty() && kit.helm.is_none() {
        kit.keep();
        return;
    }
    left.push(object.left(
        "/spec/syncPolicy/automated/prune",
        "what leaves the kit is deleted, within the deletion budget",
        "annotate what is to stay with trimtab.io/prune: keep",
    ));
}

fn options(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    let at = "/spec/syncPolicy/syncOptions";
    for (index, option) in object.texts(at).iter().enumerate() {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let mut say = |why: &str, next: &str| {
            left.push(object.left(&format!("{at}/{index}"), why.to_owned(), next));
        };
        match (name, value) {
            ("CreateNamespace", value) => {
                if kit.rule.contains_key("namespace") {
                    let create = value == "true";
                    kit.rule.insert("createNamespace".into(), create.into());
                }
            }
            ("PrunePropagationPolicy", "foreground" | "background") => {
                if value == "foreground" {
                    kit.spec
                        .insert("prune".into(), json!({"propagation": "foreground"}));
                }
            }
            ("PrunePropagationPolicy", _) => say(
                "what depends on a deleted object goes as well",
                "annotate what is to stay with trimtab.io/prune: keep",
            ),
            ("Replace" | "Force", "true") => say(
                "objects are applied, and never replaced or made anew",
                "delete what the API server does not let be changed by hand, when that happens",
            ),
            ("Validate", "false") => say(
                "what the API server does not take is refused",
                "mend the objects: `trimtab status` tells them",
            ),
            // As it is always done: server-side, the deletions last, objects of others refused, and
            // kinds that are not there yet waited for.
            (
                "ServerSideApply"
                | "PruneLast"
                | "FailOnSharedResource"
                | "ApplyOutOfSyncOnly"
                | "SkipDryRunOnMissingResource"
                | "RespectIgnoreDifferences"
                | "ClientSideApplyMigration"
                | "Replace"
                | "Force"
                | "Validate",
                _,
            ) => {}
            (name, _) => {
                let why = format!("the option {} is not known here", quoted(name));
                say(&why, "look whether the kit needs what it says");
            }
        }
    }
}

fn differences(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    let at = "/spec/ignoreDifferences";
    let mut rules = Vec::new();
    for (index, entry) in object.list(at).iter().enumerate() {
        let pointer = format!("{at}/{index}");
        let text = |field: &str| entry[field].as_str().filter(|it| !it.is_empty());
        let list = |field: &str| {
            let items = entry[field].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).collect::<Vec<_>>()
        };
        let mut fields: Vec<String> = list("jsonPointers")
            .iter()
            .map(|it| (*it).to_owned())
            .collect();
        for jq in list("jqPathExpressions") {
            match ignore::pointer_of(jq) {
                Some(field) => fields.push(field),
                None => left.push(object.left(
                    &format!("{pointer}/jqPathExpressions"),
                    format!("{} is more than a path", quoted(jq)),
                    "write it as `when` of an entry of spec.ignore in kit.yaml, in CEL",
                )),
            }
        }
        let managers = list("managedFieldsManagers");
        let narrowed = text("namespace").is_some()
            || [text("group"), text("kind"), text("name")]
                .into_iter()
                .flatten()
                .any(|it| it != "*" && it.contains(['*', '?', '[']));
        if narrowed || (fields.is_empty() && managers.is_empty()) {
            if narrowed {
                left.push(object.left(
                    &pointer,
                    "objects are meant by their kind and name, without patterns and namespaces",
                    "write entries of spec.ignore in kit.yaml",
                ));
            }
            continue;
        }
        let kind = text("kind").filter(|it| *it != "*");
        let kind = kind.map(|it| ignore::kind_of(it, Some(text("group").unwrap_or_default())));
        let name = text("name").filter(|it| *it != "*");
        if !fields.is_empty() {
            rules.push(ignore::rule(kind.clone(), name, &fields));
        }
        if !managers.is_empty() {
            let mut rule = ignore::rule(kind, name, &[]);
            let is = managers
                .iter()
                .map(|it| format!("manager == {}", json!(it)));
            rule["when"] = is.collect::<Vec<_>>().join(" || ").into();
            rules.push(rule);
        }
    }
    if !rules.is_empty() {
        kit.spec.insert("ignore".into(), rules.into());
    }
}

/// What objects of the tree say to Argo CD themselves.
pub(super) fn waves(object: &Object, built: &Built, left: &mut Vec<Left>) {
    let mut told = BTreeSet::new();
    for manifest in &built.objects {
        let at = "/metadata/annotations";
        let annotations = manifest.object.pointer(at).and_then(Value::as_object);
        for name in annotations.into_iter().flat_map(|it| it.keys()) {
            let Some(what) = name.strip_prefix("argocd.argoproj.io/") else {
                continue;
            };
            let (why, next) = match what {
                "hook" => (
                    "a hook is an object of the kit like others, and applied with them",
                    "make it a Job with a name of its own each time, or a step of CI",
                ),
                "sync-wave" => (
                    "there are no waves: namespaces and definitions come first, then all others at once",
                    "make what has to be healthy first a kit, and name it in dependsOn",
                ),
                "sync-options" => (
                    "options of one object are not heard",
                    "Prune=false is the annotation trimtab.io/prune: keep",
                ),
                "ignore-healthcheck" | "compare-options" => (
                    "it is not heard",
                    "write spec.ignore or spec.health.rules of kit.yaml",
                ),
                "hook-delete-policy" => continue,
                _ => continue,
            };
            // Once a file says as much as once an object.
            if told.insert((manifest.origin.path.clone(), what.to_owned())) {
                let of = Object::of(manifest);
                let field = format!("{at}/argocd.argoproj.io~1{what}");
                left.push(of.left(&field, why, next));
            }
        }
    }
    if object
        .text("/metadata/annotations/argocd.argoproj.io~1sync-wave")
        .is_some()
    {
        left.push(object.left(
            "/metadata/annotations/argocd.argoproj.io~1sync-wave",
            "there are no waves",
            "name the kits that come first in spec.dependsOn of kit.yaml",
        ));
    }
}
