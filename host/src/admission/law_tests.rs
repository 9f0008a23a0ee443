use serde_json::json;

use super::*;
use crate::kit::{Grants, KitRule};
use crate::manifest::{Limits, read};
use crate::pipeline::{Rendered, Verdict as KitVerdict};

fn kit(path: &str, namespace: Option<&str>, allowed: &[&str], files: &str) -> KitVerdict {
    let source = KitSource {
        grants: Grants {
            namespace: namespace.map(str::to_owned),
            granted_namespaces: allowed.iter().map(|it| (*it).to_owned()).collect(),
            allowed_namespaces: allowed.iter().map(|it| (*it).to_owned()).collect(),
            ..Grants::default()
        },
        ..KitSource::without_files(KitPath::new(path))
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
        compared: false,
        changed_from: None,
        pinned: None,
        looked_at: true,
        late: None,
    }
}

fn map(name: &str, namespace: &str) -> String {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}})
        .to_string()
}

fn of_evaluation(evaluation: Evaluation, live: &LiveNamespaces, before: Option<&Law>) -> Law {
    let company = KitRule {
        path: "kits/{company}".into(),
        namespace: Some("{company}".into()),
        ..KitRule::default()
    };
    let spec = RepositorySpec {
        kits: vec![company],
        ..RepositorySpec::of("https://git.example.org/platform.git")
    };
    Law::new(
        AdmissionPolicy::default(),
        &spec,
        evaluation.into(),
        live,
        before,
    )
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
    of_evaluation(evaluation, &LiveNamespaces::new(), None)
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

fn names(law: &Law) -> Vec<&str> {
    law.namespaces().map(|name| &**name).collect()
}

fn live(kits: &[(&str, &str)]) -> LiveNamespaces {
    let mut live = LiveNamespaces::new();
    for (path, namespace) in kits {
        let of_kit = live.entry(KitPath::new(*path)).or_default();
        of_kit.insert((*namespace).into());
    }
    live
}

fn of(verdicts: Vec<KitVerdict>, live: &LiveNamespaces, before: Option<&Law>) -> Law {
    let evaluation = Evaluation {
        verdicts,
        ..Evaluation::default()
    };
    of_evaluation(evaluation, live, before)
}

#[test]
fn a_revision_without_kits_takes_no_namespace_out_in_which_their_objects_are() {
    let before = of(vec![kit("kits/a", Some("a"), &["a"], "")], &live(&[]), None);
    let live = live(&[("kits/a", "a"), ("kits/b", "b")]);
    let law = of(Vec::new(), &live, Some(&before));
    assert_eq!(names(&law), ["a", "b"]);
    for name in ["a", "b"] {
        // The one was known, and the other is as the Repository would have it.
        let kit = &law.of(law.by_namespace[name][0]).kit;
        assert_eq!(kit.grants.namespace.as_deref(), Some(name));
        assert_eq!(kit.grants.allowed_namespaces, [name]);
    }
    assert_eq!(
        names(&of(Vec::new(), &LiveNamespaces::new(), Some(&law))),
        [""; 0]
    );
}

#[test]
fn a_kit_does_not_narrow_where_direct_changes_are_judged_and_names_that_are_none_are_left_out() {
    let mut narrowed = kit("kits/a", Some("a"), &["a", "data"], "");
    let source = Arc::make_mut(&mut narrowed.kit);
    source.grants.allowed_namespaces = vec!["a".into()];
    let odd = kit("infra/odd", None, &[], &map("x", "not a label!"));
    let law = of(vec![odd, narrowed], &live(&[]), None);
    assert_eq!(names(&law), ["a", "data"]);
}

#[test]
fn a_kit_that_may_be_anywhere_and_does_not_go_live_is_where_it_was() {
    let mut refused = kit("infra/mesh", None, &[], &map("mesh", "monitoring"));
    let error = Finding::host_error("plugin-fuel", "it is wrong");
    refused.cross.push(error);
    let law = of(vec![refused], &live(&[("infra/mesh", "istio")]), None);
    assert_eq!(names(&law), ["istio"]);
}
