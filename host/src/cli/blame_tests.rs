use serde_json::json;

use super::*;

fn asked(
    words: &[&str],
    namespace: Option<&str>,
) -> Option<(String, Option<String>, Option<String>)> {
    let words: Vec<String> = words.iter().map(|it| (*it).to_owned()).collect();
    let asked = Asked::read(&words, namespace).ok()?;
    Some((asked.object, asked.namespace, asked.field))
}

#[test]
fn an_object_is_written_as_kubectl_takes_it_and_as_trimtab_writes_it() {
    let some = |text: &str| Some(text.to_owned());
    for (words, object, namespace, field) in [
        (&["service/vision"][..], "service/vision", None, None),
        (&["service", "vision"], "service/vision", None, None),
        (&["svc/vision", "/spec"], "svc/vision", None, some("/spec")),
        (
            &["svc", "vision", "spec.type"],
            "svc/vision",
            None,
            some("spec.type"),
        ),
        (&["Service a/vision"], "Service/vision", some("a"), None),
        (
            &["Service", "a/vision", "/spec"],
            "Service/vision",
            some("a"),
            some("/spec"),
        ),
        (
            &["Deployment.apps a/shop", "/spec"],
            "Deployment.apps/shop",
            some("a"),
            some("/spec"),
        ),
    ] {
        assert_eq!(
            asked(words, None),
            Some((object.to_owned(), namespace, field)),
            "{words:?}"
        );
    }
    let told = asked(&["Service a/vision"], Some("b")).expect("an object");
    assert_eq!(told.1.as_deref(), Some("b"));
    for words in [
        &["vision"][..],
        &["/vision"],
        &["svc/"],
        &["svc", "a/b/c"],
        &["a/b", "c", "d"],
    ] {
        assert_eq!(asked(words, None), None, "{words:?}");
    }
}

fn blame() -> Blame {
    let commit = |short: &str, author: &str| json!({"revision": short, "short": short, "author": author, "subject": "s", "committedAt": "2026-11-20T09:00:00Z"});
    serde_json::from_value(json!({
        "object": "Service a/vision", "kit": "kits/a/vision", "managers": [], "revision": commit("4f2a1c9", "Bob <b@e>"),
        "lines": [
            {"field": "/spec/ports/0/port", "path": "spec.ports[0].port", "by": "file", "value": 5445,
                "file": {"path": "kits/a/vision/service.yaml", "line": 14, "commit": commit("4f2a1c9", "Alice Example <a@e>")}},
            {"field": "/metadata/labels/team", "path": "metadata.labels.team", "by": "transformer", "value": "x",
                "transformers": [{"name": "common-labels", "version": "0.1.0", "path": "rules/l.wasm", "digest": "sha256:0",
                    "guardrail": false, "named": {"path": "kits/a/vision/kit.yaml", "line": 5, "commit": commit("1111111", "Bob <b@e>")}, "after": "x"}]},
            {"field": "/spec/type", "path": "spec.type", "by": "manager", "value": "a\u{1b}[2Jb", "inGit": "ClusterIP",
                "file": {"path": "kits/a/vision/service.yaml", "line": 6},
                "managers": [{"manager": "kubectl-edit", "operation": "Update", "at": "2026-11-27T08:00:00Z"}]},
        ],
    }))
    .expect("an answer")
}

#[test]
fn fields_stand_in_lines_beside_who_set_them() {
    assert_eq!(
        many(&blame(), false),
        "Service a/vision, kit kits/a/vision at 4f2a1c9\n\
         4f2a1c9  Alice Example 2026-11-20  kits/a/vision/service.yaml:14                   spec.ports[0].port: 5445\n\
         1111111  Bob 2026-11-20            kits/a/vision/kit.yaml:5 (common-labels 0.1.0)  metadata.labels.team: x\n\
         -        kubectl-edit 2026-11-27   not in Git                                      spec.type: a\u{fffd}[2Jb (Git: ClusterIP at kits/a/vision/service.yaml:6)\n"
    );
}

#[test]
fn one_field_is_told_of_in_full() {
    let blame = blame();
    let told = one(&blame, &blame.lines[1], false);
    for words in [
        "metadata.labels.team: x",
        "common-labels 0.1.0, rules/l.wasm sha256:0",
        "made x of nothing",
        "kits/a/vision/kit.yaml:5",
        "Bob <b@e>",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
}
