use serde_json::json;

use super::*;
use crate::kit::{DeletionBudget, Grants, InputDigest, KitPath, KitPolicy, KitSource};
use crate::manifest::{Limits, read};
use crate::pipeline::{Rendered, Verdict as KitVerdict};

fn kit(path: &str, namespace: Option<&str>, allowed: &[&str], files: &str) -> KitVerdict {
    let source = KitSource {
        path: KitPath::new(path),
        grants: Grants {
            namespace: namespace.map(str::to_owned),
            allowed_namespaces: allowed.iter().map(|it| (*it).to_owned()).collect(),
            ..Grants::default()
        },
        plugins: Vec::new(),
        ignore: Vec::new(),
        depends_on: Vec::new(),
        depends_on_objects: Vec::new(),
        policy: KitPolicy::default(),
        rules: RulePolicy::default(),
        budget: DeletionBudget::default(),
        inputs: InputDigest::none(),
        findings: Vec::new(),
    };
    let manifests = read(
        &format!("{path}/a.yaml"),
        files.as_bytes(),
        &Limits::default(),
    );
    let rendered = Rendered {
        manifests: manifests.expect("objects"),
        ..Rendered::empty()
    };
    KitVerdict {
        kit: source.into(),
        rendered: rendered.into(),
        cross: Vec::new(),
        changes: Vec::new(),
        changed_from: None,
        looked_at: true,
    }
}

fn map(name: &str, namespace: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})
        .to_string()
}

fn law() -> Law {
    let verdicts = vec![
        kit("infra/mesh", None, &[], &map("mesh", "istio")),
        kit("kits/a", Some("a"), &["a", "shared"], &map("one", "a")),
        kit("kits/b", Some("shared"), &["shared"], &map("two", "shared")),
        kit(
            "kits/c",
            Some("shared"),
            &["shared"],
            &map("three", "shared"),
        ),
    ];
    let evaluation = Evaluation {
        verdicts,
        ..Evaluation::default()
    };
    Law::new(AdmissionPolicy::default(), evaluation.into())
}

/// Whose an object is taken for, and whether that kit has it.
fn taken_for(law: &Law, name: &str, namespace: &str) -> Option<(String, bool)> {
    let key = ObjectKey {
        group_kind: GroupKind {
            group: "".into(),
            kind: "ConfigMap".into(),
        },
        namespace: Some(namespace.into()),
        name: name.into(),
    };
    let (kit, has) = law.kit_of(&key)?;
    Some((law.evaluation.verdicts[kit].kit.path.to_string(), has))
}

#[test]
fn the_namespaces_are_those_granted_and_of_a_kit_that_may_be_anywhere_those_it_is_in() {
    let law = law();
    let names: Vec<&str> = law.namespaces().map(|name| &**name).collect();
    assert_eq!(names, ["a", "istio", "shared"]);
}

#[test]
fn an_object_is_its_kits_and_one_of_no_kit_the_first_ones_whose_namespace_it_is_in() {
    let law = law();
    let kit = |path: &str, has| Some((path.to_owned(), has));
    assert_eq!(taken_for(&law, "three", "shared"), kit("kits/c", true));
    // kits/a may have objects there, but is at home elsewhere.
    assert_eq!(taken_for(&law, "new", "shared"), kit("kits/b", false));
    assert_eq!(taken_for(&law, "new", "istio"), kit("infra/mesh", false));
    assert_eq!(taken_for(&law, "one", "elsewhere"), None);
    assert_eq!(
        law.origin(3, &key_of_three()).as_deref(),
        Some("kits/c/a.yaml:1")
    );
}

fn key_of_three() -> ObjectKey {
    let law = law();
    law.evaluation.verdicts[3].rendered.manifests[0].key()
}
