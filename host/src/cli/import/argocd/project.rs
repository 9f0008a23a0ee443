//! What an AppProject allows, as grants of the Repository.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::left::{Left, Object, quoted};
use super::super::tree::Built;
use super::super::wanted::Wanted;

pub(super) fn carry(
    app: &Object,
    projects: &BTreeMap<String, Object>,
    built: &Built,
    kit: &mut Wanted,
    left: &mut Vec<Left>,
) {
    kit.grant_named(built);
    let name = app.text("/spec/project").unwrap_or("default");
    let Some(project) = projects.get(name) else {
        if name != "default" {
            left.push(app.left(
                "/spec/project",
                format!("what the project {} allows was not given", quoted(name)),
                "add it: kubectl get appprojects -A -o yaml; or narrow the kit's entry in spec.kits",
            ));
        }
        return;
    };
    let any = |it: &Value| it["group"] == "*" && it["kind"] == "*";
    let cluster = project.list("/spec/clusterResourceWhitelist");
    if cluster.is_empty() {
        kit.rule.remove("clusterScoped");
    } else if !cluster.iter().any(any) {
        left.push(project.left(
            "/spec/clusterResourceWhitelist",
            "kits are granted all cluster-scoped kinds, or none",
            "make a rule for the kinds a guardrail: docs/library.md",
        ));
    }
    let plain = |it: &Value| {
        let name = it["namespace"].as_str()?;
        let here = it["server"]
            .as_str()
            .is_none_or(|it| it.contains("kubernetes.default"));
        let is_one = !name.contains(['*', '?', '[', '!', '{']);
        (here && is_one).then(|| name.to_owned())
    };
    let destinations = project.list("/spec/destinations");
    let names: Option<Vec<String>> = destinations.iter().map(plain).collect();
    match names.filter(|it| !it.is_empty()) {
        Some(names) => kit.grant(&names),
        None if destinations.iter().any(|it| it["namespace"] == "*") => {}
        None => left.push(project.left(
            "/spec/destinations",
            "namespaces that are patterns, or of other clusters, are not granted",
            "name the namespaces in allowedNamespaces of the kits' entries in spec.kits",
        )),
    }
    let guarded = "make a rule a guardrail: docs/library.md";
    for (field, why, next) in [
        (
            "clusterResourceBlacklist",
            "kinds are not refused one by one",
            guarded,
        ),
        (
            "namespaceResourceBlacklist",
            "kinds are not refused one by one",
            guarded,
        ),
        (
            "syncWindows",
            "there are no windows of time",
            "suspend the Repository by `trimtab suspend` and `resume`",
        ),
        (
            "signatureKeys",
            "keys are the Repository's",
            "write spec.verify: docs/signatures.md",
        ),
        (
            "roles",
            "who may do what is the cluster's RBAC",
            "bind the roles of docs/access.md",
        ),
    ] {
        let pointer = format!("/spec/{field}");
        if !project.list(&pointer).is_empty() {
            left.push(project.left(&pointer, why, next));
        }
    }
    let kinds = project.list("/spec/namespaceResourceWhitelist");
    if !kinds.is_empty() && !kinds.iter().any(any) {
        let why = "kinds are not allowed one by one";
        left.push(project.left("/spec/namespaceResourceWhitelist", why, guarded));
    }
}
