//! What a rule of the Repository grants to a kit, and how kit.yaml narrows it.

use super::file::KitFile;
use super::pattern::{Captures, fill, is_dns_label};
use super::{Grants, KitRule};
use crate::manifest::Finding;

pub(super) fn granted(
    path: &str,
    rule: &KitRule,
    captures: &Captures,
    findings: &mut Vec<Finding>,
) -> Grants {
    let mut name = |template: &String| {
        let filled = fill(template, captures).unwrap_or_default();
        if !is_dns_label(&filled) {
            let message = format!(
                "{} cannot be a kit: {filled:?} is no name for a namespace (RFC 1123)",
                path
            );
            findings.push(
                Finding::host_error("kit-name", message)
                    .hint("use lower case letters, digits and `-` in directory names"),
            );
        }
        filled
    };
    let namespace = rule.namespace.as_ref().map(&mut name);
    let mut allowed: Vec<String> = rule.allowed_namespaces.iter().map(name).collect();
    if allowed.is_empty() {
        allowed.extend(namespace.clone());
    }
    Grants {
        namespace,
        create_namespace: rule.create_namespace,
        allowed_namespaces: allowed,
        cluster_scoped: rule.cluster_scoped,
    }
}

pub(super) fn narrow(grants: &mut Grants, file: &KitFile, findings: &mut Vec<Finding>) {
    let Some((wanted, origin)) = &file.allowed_namespaces else {
        return;
    };
    for name in wanted {
        if !grants.allowed_namespaces.is_empty() && !grants.allowed_namespaces.contains(name) {
            let message = format!(
                "the namespace {name} is not granted to this kit; it may have {}",
                grants.allowed_namespaces.join(", ")
            );
            findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
        }
    }
    grants.allowed_namespaces.clone_from(wanted);
}
