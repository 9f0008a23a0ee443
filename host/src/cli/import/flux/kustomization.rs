//! A Kustomization as a kit.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::super::left::{Left, Object, quoted};
use super::super::tree::{Built, Tree, join, rooted};
use super::super::values::{Given, variables};
use super::super::wanted::{Import, Wanted};
use super::{KUSTOMIZATION, RELEASE, SOURCE, label_of, source};
use crate::manifest::{Manifest, write_yaml};

/// Fields that are carried over, or told of below, or that nothing has to be done about.
const KNOWN: [&str; 29] = [
    "path",
    "sourceRef",
    "prune",
    "targetNamespace",
    "dependsOn",
    "timeout",
    "suspend",
    "patches",
    "patchesStrategicMerge",
    "patchesJson6902",
    "images",
    "components",
    "postBuild",
    "serviceAccountName",
    "decryption",
    "force",
    "commonMetadata",
    "namePrefix",
    "nameSuffix",
    "kubeConfig",
    "deletionPolicy",
    "healthCheckExprs",
    // Drift is put right from watches, and what failed is tried again by itself.
    "interval",
    "retryInterval",
    // Every object's health is watched.
    "healthChecks",
    "wait",
    // Of no use to the API server.
    "validation",
    "ignoreMissingComponents",
    "buildMetadata",
];

pub(super) fn path_of(object: &Object) -> Option<String> {
    rooted(".", object.text("/spec/path").unwrap_or("."))
}

/// The label of the GitRepository that it is of.
pub(super) fn source_of(object: &Object) -> Option<String> {
    let kind = object.text("/spec/sourceRef/kind")?;
    let namespace = object.text("/spec/sourceRef/namespace");
    let namespace = namespace.or(object.namespace.as_deref());
    let label = label_of(kind, namespace, object.text("/spec/sourceRef/name")?);
    (kind == SOURCE.1).then_some(label)
}

/// What a Kustomization comes to.
pub(super) enum Applied {
    Kit(Wanted),
    /// All that it has is carried over otherwise.
    Nothing(Wanted),
}

/// `carried`: labels of HelmReleases that are kits.
pub(super) fn wanted(
    object: &Object,
    source: &Object,
    tree: &Tree,
    carried: &BTreeSet<String>,
    import: &mut Import,
) -> Option<Applied> {
    if let Some(fault) = no_kit(object, source, tree) {
        import.left.push(fault);
        return None;
    }
    let path = path_of(object)?;
    let built = tree.built(&path);
    let target = object.text("/spec/targetNamespace");
    if is_empty(&built, target, carried) {
        import.notes.push(format!(
            "{} ({path}) only tells Flux what to do: the Repository does that",
            object.label()
        ));
        let mut kit = Wanted::new(object, None);
        kit.depends_on = dependencies(object, &mut import.left);
        return Some(Applied::Nothing(kit));
    }
    let left = &mut import.left;
    left.extend(object.unknown("/spec", &KNOWN));
    let mut kit = Wanted::new(object, Some(&path));
    overlay(object, &path, tree, &mut kit, left);
    if object.flag("/spec/prune") != Some(true) {
        kit.keep();
    }
    rights(object, &mut kit, left);
    if let Some(deadline) = source::duration(object, "/spec/timeout", left) {
        kit.spec
            .insert("health".into(), json!({"deadline": deadline}));
    }
    if built.outside {
        // As the kustomize-controller builds.
        kit.spec
            .insert("kustomize".into(), json!({"loadRestrictions": "none"}));
    }
    if tree.kustomization(&path).is_none() && tree.has_json(&path) {
        // Flux takes YAML alone.
        kit.rule.insert("ignore".into(), json!(["*.json"]));
    }
    for directory in [".", path.as_str()] {
        let file = join(directory, ".sourceignore");
        if tree.has(&file) {
            let next = "write what is left out of a kit into .trimtabignore of its directory";
            left.push(Left::of_file(&file, "its patterns are not heard", next));
        }
    }
    kit.depends_on = dependencies(object, left);
    substitution(object, source, &mut kit, left);
    drop_carried(&built, carried, &mut kit);
    told(object, left);
    Some(Applied::Kit(kit))
}

fn dependencies(object: &Object, left: &mut Vec<Left>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (index, before) in object.list("/spec/dependsOn").iter().enumerate() {
        let namespace = before["namespace"].as_str().or(object.namespace.as_deref());
        let name = before["name"].as_str().unwrap_or_default();
        let field = format!("/spec/dependsOn/{index}");
        if before["readyExpr"].is_string() {
            left.push(object.left(
                &format!("{field}/readyExpr"),
                "the kit waits until the other one is live and healthy, whatever this says",
                "write what makes it healthy into spec.health.rules of the other kit.yaml",
            ));
        }
        found.push((label_of(KUSTOMIZATION.1, namespace, name), field));
    }
    found
}

/// Why there is no kit at all: where it would do harm, and where there is nothing to make it of.
fn no_kit(object: &Object, source: &Object, tree: &Tree) -> Option<Left> {
    let label = source.label();
    let kind = object.text("/spec/sourceRef/kind").unwrap_or("nothing");
    if kind != SOURCE.1 {
        return Some(object.left(
            "/spec/sourceRef",
            format!("its files come from {}, and not from Git", quoted(kind)),
            "commit the files to a repository, and make that a Repository",
        ));
    }
    if source_of(object).as_deref() != Some(&label) {
        return Some(object.left(
            "/spec/sourceRef",
            format!("it is of another repository than {label}"),
            "import again in a clone of that one, with --source",
        ));
    }
    if object.get("/spec/kubeConfig").is_some() {
        return Some(object.left(
            "/spec/kubeConfig",
            "it is applied to another cluster",
            "run a host in that cluster, with a Repository of this path",
        ));
    }
    if object.get("/spec/decryption").is_some() {
        return Some(object.left(
            "/spec/decryption",
            "nothing is decrypted, and encrypted Secrets would take the place of those that are live",
            "have Secrets come from a store (External Secrets, Sealed Secrets), and add the directory to spec.kits then",
        ));
    }
    if object.flag("/spec/suspend") == Some(true) {
        return Some(object.left(
            "/spec/suspend",
            "it is suspended, and so it is no kit yet: what is live stays",
            "add its directory to spec.kits of the Repository when it is to go on",
        ));
    }
    let shown = object.text("/spec/path").unwrap_or_default();
    let there = path_of(object).filter(|path| tree.is_directory(path));
    there.is_none().then(|| {
        object.left(
            "/spec/path",
            format!("there is no directory {} in the clone", quoted(shown)),
            "look whether the clone is at the revision that Flux follows",
        )
    })
}

/// Whether all objects are Flux itself, or carried over as something else.
fn is_empty(built: &Built, target: Option<&str>, carried: &BTreeSet<String>) -> bool {
    let own = |it: &Manifest| {
        let kind = it.gvk();
        let kind = (&*kind.group, &*kind.kind);
        let part = &it.object["metadata"]["labels"]["app.kubernetes.io/part-of"];
        let released = kind == RELEASE && carried.contains(&applied(built, target, it).label());
        kind == KUSTOMIZATION || kind == SOURCE || part == "flux" || released
    };
    !built.objects.is_empty() && !built.partial && built.objects.iter().all(own)
}

/// An object with the namespace that it has when it is applied.
fn applied(built: &Built, target: Option<&str>, manifest: &Manifest) -> Object {
    let mut object = Object::of(manifest);
    if let Some(namespace) = target.or(built.namespace.as_deref()) {
        object.namespace = Some(namespace.to_owned());
    }
    object
}

fn overlay(object: &Object, path: &str, tree: &Tree, kit: &mut Wanted, left: &mut Vec<Left>) {
    for field in ["namePrefix", "nameSuffix"] {
        if let Some(text) = object.text(&format!("/spec/{field}")) {
            kit.overlay.insert(field.into(), text.into());
        }
    }
    kit.overlay_list("images", object.list("/spec/images").iter().cloned());
    let mut patches = object.list("/spec/patches").to_vec();
    for patch in object.list("/spec/patchesStrategicMerge") {
        patches.push(json!({"patch": write_yaml([patch])}));
    }
    for patch in object.list("/spec/patchesJson6902") {
        patches.push(json!({"patch": write_yaml([&patch["patch"]]), "target": patch["target"]}));
    }
    kit.overlay_list("patches", patches);
    let mut components = Vec::new();
    for (index, component) in object.texts("/spec/components").iter().enumerate() {
        let place = rooted(path, component).filter(|it| tree.is_directory(it));
        match place {
            Some(place) => components.push(Value::from(place)),
            None if object.flag("/spec/ignoreMissingComponents") == Some(true) => {}
            None => left.push(object.left(
                &format!("/spec/components/{index}"),
                format!("there is no directory {} in the clone", quoted(component)),
                "name it in components of the kit's kustomization.yaml",
            )),
        }
    }
    kit.overlay_list("components", components);
    for (field, kind) in [
        ("labels", "LabelTransformer"),
        ("annotations", "AnnotationsTransformer"),
    ] {
        if let Some(values) = object.map(&format!("/spec/commonMetadata/{field}")) {
            kit.annotate(kind, field, &json!(values));
        }
    }
}

/// Namespaces, and as whom the kit acts.
fn rights(object: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    let target = object.text("/spec/targetNamespace");
    let own = object.namespace.as_deref();
    if let Some(target) = target {
        kit.overlay.insert("namespace".into(), target.into());
    }
    let mut rule = Map::new();
    rule.insert("clusterScoped".into(), true.into());
    match (object.text("/spec/serviceAccountName"), own) {
        (Some(account), Some(own)) => {
            // An account is of the kit's own namespace, as for Flux of the Kustomization's.
            rule.insert("serviceAccount".into(), account.into());
            rule.insert("namespace".into(), own.into());
            rule.insert("createNamespace".into(), false.into());
            match target {
                Some(target) if target != own => {
                    rule.insert("allowedNamespaces".into(), json!([target]));
                }
                Some(_) => {}
                None => left.push(object.left(
                    "/spec/serviceAccountName",
                    format!("with an account, the kit is granted the namespace {own} alone"),
                    "name others in allowedNamespaces of its entry in spec.kits, if the account has rights there",
                )),
            }
        }
        (Some(_), None) => left.push(object.left(
            "/spec/serviceAccountName",
            "the account's namespace is not known: the Kustomization names none",
            "give the kit's entry in spec.kits a namespace and a serviceAccount",
        )),
        (None, _) => {
            if let Some(target) = target {
                rule.insert("namespace".into(), target.into());
                rule.insert("createNamespace".into(), false.into());
            }
        }
    }
    kit.rule = rule;
}

fn substitution(object: &Object, source: &Object, kit: &mut Wanted, left: &mut Vec<Left>) {
    left.extend(object.unknown(
        "/spec/postBuild",
        &["substitute", "substituteFrom", "strategy"],
    ));
    let from = object.list("/spec/postBuild/substituteFrom");
    for (index, entry) in from.iter().enumerate() {
        let field = format!("/spec/postBuild/substituteFrom/{index}");
        match Given::of(entry, None) {
            Some(given) => kit.values.push(given),
            None => left.push(object.left(
                &field,
                "this names no ConfigMap and no Secret",
                "name it in spec.values of the Repository",
            )),
        }
        if object.namespace != source.namespace {
            left.push(elsewhere(object, &field));
        }
    }
    let values = object.map("/spec/postBuild/substitute");
    let variables = variables(values);
    if !variables.is_empty() {
        kit.spec.insert("variables".into(), variables.into());
    }
}

/// What a kit is given is in the Repository's namespace.
pub(super) fn elsewhere(object: &Object, field: &str) -> Left {
    let own = object.namespace.as_deref().unwrap_or_default();
    object.left(
        field,
        format!("it is in the namespace {own}, and not in the Repository's"),
        "copy it into the Repository's namespace, under a name of its own",
    )
}

/// Objects that only told Flux what is the Repository's to say now.
fn drop_carried(built: &Built, carried: &BTreeSet<String>, kit: &mut Wanted) {
    for manifest in &built.objects {
        let kind = manifest.gvk();
        let kind = (&*kind.group, &*kind.kind);
        let target = kit.overlay.get("namespace").and_then(Value::as_str);
        let object = applied(built, target, manifest);
        let is_carried = kind == RELEASE && carried.contains(&object.label());
        if kind == KUSTOMIZATION || kind == SOURCE || is_carried {
            kit.drop(&manifest.object);
        }
    }
}

fn told(object: &Object, left: &mut Vec<Left>) {
    if object.flag("/spec/force") == Some(true) {
        left.push(object.left(
            "/spec/force",
            "an object whose change the API server refuses is not deleted and made anew",
            "delete it by hand when that happens: `trimtab status` tells it",
        ));
    }
    match object.text("/spec/deletionPolicy") {
        None | Some("MirrorPrune") => {}
        Some("Delete") | Some("WaitForTermination") if object.flag("/spec/prune") == Some(true) => {
        }
        Some(policy) => left.push(object.left(
            "/spec/deletionPolicy",
            format!(
                "{} is for the kit to be deleted, and kit.yaml says nothing of that",
                quoted(policy)
            ),
            "when the kit is to go, write spec.deletionPolicy of its Kit object first",
        )),
    }
    for (index, rule) in object.list("/spec/healthCheckExprs").iter().enumerate() {
        let kind = rule["kind"].as_str().unwrap_or("a kind");
        left.push(object.left(
            &format!("/spec/healthCheckExprs/{index}"),
            format!("the expressions for {} are not written anew", quoted(kind)),
            "write them into spec.health.rules of kit.yaml; fields are those of `object`: object.status.phase",
        ));
    }
}
