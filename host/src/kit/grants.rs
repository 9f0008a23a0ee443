//! What a rule of the Repository grants to a kit, and how kit.yaml narrows it.

use super::file::KitFile;
use super::pattern::{Captures, fill, is_dns_label};
use super::{Grants, KitRule, ServiceAccount};
use crate::manifest::{Finding, ObjectKey, Scope, Scopes};

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
    let account = rule.service_account.as_ref().map(&mut name);
    let mut allowed: Vec<String> = rule.allowed_namespaces.iter().map(name).collect();
    if allowed.is_empty() {
        allowed.extend(namespace.clone());
    }
    Grants {
        service_account: account
            .zip(namespace.clone())
            .map(|(name, namespace)| ServiceAccount { namespace, name }),
        namespace,
        create_namespace: rule.create_namespace,
        granted_namespaces: allowed.clone(),
        allowed_namespaces: allowed,
        cluster_scoped: rule.cluster_scoped,
    }
}

/// A kit may say as whom it acts, where the Repository does not.
pub(super) fn act_as(
    grants: &mut Grants,
    rule: &KitRule,
    path: &str,
    file: Option<&KitFile>,
    findings: &mut Vec<Finding>,
) {
    let named = file.and_then(|file| file.service_account.as_ref());
    if let Some((name, origin)) = named {
        match (&grants.service_account, &grants.namespace) {
            (Some(given), _) if given.name != *name => {
                let message = format!("the Repository lets this kit act as {given} only");
                findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
            }
            (Some(_), _) => {}
            (None, Some(namespace)) => {
                grants.service_account = Some(ServiceAccount {
                    namespace: namespace.clone(),
                    name: name.clone(),
                });
            }
            (None, None) => {
                let message = "a kit without a namespace has no ServiceAccounts to act as";
                findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
            }
        }
    }
    if rule.require_service_account && grants.service_account.is_none() {
        let message = format!("{path} names no ServiceAccount, and the Repository requires one");
        findings.push(
            Finding::host_error("service-account-required", message)
                .hint("write spec.serviceAccount in its kit.yaml"),
        );
    }
}

/// The objects that a kit waits for, where it may look: what other tenants have is not its to see.
pub(super) fn awaited(
    grants: &Grants,
    file: &KitFile,
    findings: &mut Vec<Finding>,
) -> Vec<ObjectKey> {
    let mut found = Vec::new();
    for (key, origin) in &file.depends_on_objects {
        let mut key = key.clone();
        let namespaced = Scopes::default().of(&key.group_kind) == Some(Scope::Namespaced);
        if namespaced && key.namespace.is_none() {
            key.namespace = grants.namespace.as_deref().map(Into::into);
        }
        let granted = key.namespace.as_ref().is_none_or(|namespace| {
            let allowed = &grants.allowed_namespaces;
            allowed.is_empty() || allowed.iter().any(|it| **it == **namespace)
        });
        if granted {
            found.push(key);
        } else {
            let message = format!("{key} is in a namespace that this kit is not granted");
            findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
        }
    }
    found
}

pub(super) fn narrow(grants: &mut Grants, file: &KitFile, findings: &mut Vec<Finding>) {
    let Some((wanted, origin)) = &file.allowed_namespaces else {
        return;
    };
    let mut narrowed = Vec::new();
    for name in wanted {
        if !is_dns_label(name) {
            let message = format!("allowedNamespaces: {name:?} is no name of a namespace");
            findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
        } else if grants.granted_namespaces.is_empty() || grants.granted_namespaces.contains(name) {
            narrowed.push(name.clone());
        } else {
            let message = format!(
                "the namespace {name} is not granted to this kit; it may have {}",
                grants.allowed_namespaces.join(", ")
            );
            findings.push(Finding::host_error("kit-not-granted", message).at(origin.clone()));
        }
    }
    // An empty list would be any namespace; the kit is stopped all the same.
    if !narrowed.is_empty() {
        grants.allowed_namespaces = narrowed;
    }
}
