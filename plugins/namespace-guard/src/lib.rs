//! Objects only where the kit may be.

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Namespaces that no kit may have objects in; a `*` at the end stands for any ending.
    pub reserved: Vec<String>,
    /// Cluster-scoped kinds that need the grant, as `ClusterRole`.
    pub cluster_scoped_kinds: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            reserved: texts(&["kube-*", "default", "trimtab-system"]),
            cluster_scoped_kinds: texts(&[
                "Namespace",
                "Node",
                "PersistentVolume",
                "ClusterRole",
                "ClusterRoleBinding",
                "StorageClass",
                "IngressClass",
                "PriorityClass",
                "RuntimeClass",
                "CustomResourceDefinition",
                "APIService",
                "ValidatingWebhookConfiguration",
                "MutatingWebhookConfiguration",
                "ValidatingAdmissionPolicy",
                "ValidatingAdmissionPolicyBinding",
            ]),
        }
    }
}

pub struct NamespaceGuard;

impl Rule for NamespaceGuard {
    type Settings = Settings;
    const NAME: &'static str = "namespace-guard";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Objects are in the kit's own namespaces, and none is reserved.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "namespace",
            "an object is in a namespace that the kit is granted",
        ),
        (
            "reserved",
            "no object is in, or makes, a reserved namespace",
        ),
        (
            "cluster-scoped",
            "cluster-scoped kinds need the grant clusterScoped",
        ),
    ];
}

impl Validator for NamespaceGuard {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        for object in objects {
            let makes = object.kind() == "Namespace" && object.group().is_empty();
            let (namespace, field) = match makes {
                true => (object.name(), "/metadata/name"),
                false => (object.namespace(), "/metadata/namespace"),
            };
            if context
                .settings
                .reserved
                .iter()
                .any(|pattern| fits(pattern, namespace))
            {
                let message = format!(
                    "the namespace {namespace} of {} {} is reserved",
                    object.kind(),
                    object.name()
                );
                let finding = report.error("reserved", message, object, field);
                if !makes && !context.namespace.is_empty() {
                    finding.propose(&context.namespace);
                }
            } else if !makes && outside(context, namespace) {
                let message = format!(
                    "{} {} is in the namespace {namespace}, which is not the kit's",
                    object.kind(),
                    object.name()
                );
                let finding = report.error("namespace", message, object, field);
                if !context.namespace.is_empty() {
                    finding.propose(&context.namespace);
                }
            }
            let cluster_scoped = context
                .settings
                .cluster_scoped_kinds
                .iter()
                .any(|kind| kind == object.kind());
            if cluster_scoped && !context.cluster_scoped {
                let message = format!(
                    "{} {} is cluster-scoped, which the kit is not granted",
                    object.kind(),
                    object.name()
                );
                report.error("cluster-scoped", message, object, "/kind");
            }
        }
    }
}

fn outside(context: &Context<Settings>, namespace: &str) -> bool {
    let allowed = &context.allowed_namespaces;
    !namespace.is_empty() && !allowed.is_empty() && !allowed.iter().any(|name| name == namespace)
}

fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

trimtab_plugin::export_validator!(NamespaceGuard);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;

    fn rules(yaml: &str, cluster_scoped: bool) -> Vec<(String, Option<String>)> {
        let mut context = Context::new("kits/a", "acme", Settings::default());
        context.cluster_scoped = cluster_scoped;
        let mut report = Report::default();
        NamespaceGuard::validate(&context, &from_yaml("kits/a", yaml), &mut report);
        report
            .findings()
            .iter()
            .map(|it| (it.rule.clone(), it.proposed.clone()))
            .collect()
    }

    fn object(kind: &str, namespace: &str) -> String {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: x, namespace: {namespace}}}\n")
    }

    #[test]
    fn objects_in_the_kits_namespace_are_fine() {
        assert_eq!(rules(&object("ConfigMap", "acme"), false), []);
    }

    #[test]
    fn a_foreign_or_reserved_namespace_is_told_with_the_right_one() {
        assert_eq!(
            rules(&object("ConfigMap", "other"), false),
            [("namespace".into(), Some("acme".into()))]
        );
        assert_eq!(
            rules(&object("ConfigMap", "kube-system"), false),
            [("reserved".into(), Some("acme".into()))]
        );
    }

    #[test]
    fn cluster_scoped_kinds_need_the_grant() {
        let role =
            "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: x}\n";
        assert_eq!(rules(role, false), [("cluster-scoped".into(), None)]);
        assert_eq!(rules(role, true), []);
        let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: kube-x}\n";
        assert_eq!(rules(namespace, true), [("reserved".into(), None)]);
    }
}
