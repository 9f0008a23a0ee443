//! Objects only where the kit may be.

use schemars::JsonSchema;
use serde::Deserialize;
use trimtab_plugin::{Context, Exemption, Level, Object, Pattern, Report, Rule, Validator};

mod reach;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Patterns of namespaces that no kit may have objects in.
    pub reserved: Vec<Pattern>,
    /// Cluster-scoped kinds that need the grant, as `ClusterRole`.
    pub cluster_scoped_kinds: Vec<String>,
    /// What the rule `reference` weighs: `error`, `warning`, `info`, or `ignore`, the default.
    pub references: Level,
    /// Patterns of namespaces that objects may refer to besides the kit's.
    pub may_refer_to: Vec<Pattern>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

impl Default for Settings {
    fn default() -> Self {
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Self {
            reserved: ["kube-*", "default", "trimtab-system"]
                .map(Pattern::new)
                .to_vec(),
            references: Level::Ignore,
            may_refer_to: Vec::new(),
            exempt: Vec::new(),
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
        (
            "reference",
            "an object refers to no namespace but the kit's and settings.mayReferTo",
        ),
    ];
}

impl Validator for NamespaceGuard {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        for object in objects {
            place(context, object, report);
            scope(context, object, report);
            references(context, object, report);
        }
    }
}

fn spared(context: &Context<Settings>, rule: &str, object: &Object) -> bool {
    Exemption::any(&context.settings.exempt, rule, object, None)
}

fn place(context: &Context<Settings>, object: &Object, report: &mut Report) {
    let makes = object.kind() == "Namespace" && object.group().is_empty();
    let (namespace, field) = match makes {
        true => (object.name(), "/metadata/name"),
        false => (object.namespace(), "/metadata/namespace"),
    };
    let (kind, name) = (object.kind(), object.name());
    let (rule, message) = if Pattern::any(&context.settings.reserved, namespace) {
        let message = format!("the namespace {namespace} of {kind} {name} is reserved");
        ("reserved", message)
    } else if !makes && outside(context, namespace) {
        let message =
            format!("{kind} {name} is in the namespace {namespace}, which is not the kit's");
        ("namespace", message)
    } else {
        return;
    };
    if spared(context, rule, object) {
        return;
    }
    let finding = report.error(rule, message, object, field);
    if !makes && !context.namespace.is_empty() {
        finding.propose(&context.namespace);
    }
}

fn scope(context: &Context<Settings>, object: &Object, report: &mut Report) {
    let kinds = &context.settings.cluster_scoped_kinds;
    let cluster_scoped = kinds.iter().any(|kind| object.is_kind(kind));
    if cluster_scoped && !context.cluster_scoped && !spared(context, "cluster-scoped", object) {
        let message = format!(
            "{} {} is cluster-scoped, which the kit is not granted",
            object.kind(),
            object.name()
        );
        report.error("cluster-scoped", message, object, "/kind");
    }
}

fn references(context: &Context<Settings>, object: &Object, report: &mut Report) {
    let settings = &context.settings;
    let anywhere = context.allowed_namespaces.is_empty();
    if settings.references == Level::Ignore || anywhere || spared(context, "reference", object) {
        return;
    }
    let own = object.namespace();
    for reach in reach::reaches(object) {
        let into = match reach.namespace {
            Some(it) if it == own || !outside(context, it) => continue,
            Some(it) if Pattern::any(&settings.may_refer_to, it) => continue,
            Some(it) => format!("the namespace {it}, which is not the kit's"),
            None => "namespaces that it does not name; name them one by one".to_owned(),
        };
        let message = format!("{} {}: {} {into}", object.kind(), object.name(), reach.what);
        report.tell(
            settings.references,
            "reference",
            message,
            object,
            &reach.field,
        );
    }
}

fn outside(context: &Context<Settings>, namespace: &str) -> bool {
    let allowed = &context.allowed_namespaces;
    !namespace.is_empty() && !allowed.is_empty() && !allowed.iter().any(|name| name == namespace)
}

trimtab_plugin::export_validator!(NamespaceGuard);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;
    use trimtab_plugin::testing;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

    #[test]
    fn every_case_gives_what_it_expects() {
        testing::cases::<NamespaceGuard>(CASES);
    }

    #[test]
    fn odd_objects_give_findings_and_no_panic() {
        testing::odd_objects::<NamespaceGuard>(CASES);
    }

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
