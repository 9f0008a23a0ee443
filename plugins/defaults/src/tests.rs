use super::*;
use serde_json::{Value, json};
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::transformer_cases::<Defaults>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::transformer_odd_objects::<Defaults>(CASES);
}

fn patched(mut patch: Value, mode: &str, mut object: Value) -> Value {
    patch["mode"] = json!(mode);
    let patch: Patch = serde_json::from_value(patch).expect("it is a patch");
    assert!(patch.apply(&mut object).is_ok());
    object
}

fn strategic(patch: Value, mode: &str, object: Value) -> Value {
    patched(json!({"strategic": patch}), mode, object)
}

fn pod(spec: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec})
}

#[test]
fn lists_are_merged_by_the_keys_of_kubernetes() {
    let object = pod(json!({
        "containers": [
            {"name": "a", "env": [{"name": "X", "value": "1"}], "ports": [{"containerPort": 80}]},
            {"name": "b"},
        ],
        "tolerations": [{"key": "x"}],
    }));
    let patch = json!({"spec": {
        "containers": [{
            "name": "a",
            "env": [{"name": "Y", "value": "2"}, {"name": "X", "value": "3"}],
            "ports": [{"containerPort": 80, "name": "http"}],
            "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],
        }],
        "tolerations": [{"key": "y"}],
    }});
    let expected = |x: &str, toleration: &str| {
        pod(json!({
            "containers": [
                {
                    "name": "a",
                    "env": [{"name": "X", "value": x}, {"name": "Y", "value": "2"}],
                    "ports": [{"containerPort": 80, "name": "http"}],
                    "volumeMounts": [{"mountPath": "/tmp", "name": "tmp"}],
                },
                {"name": "b"},
            ],
            "tolerations": [{"key": toleration}],
        }))
    };
    let overridden = strategic(patch.clone(), "override", object.clone());
    assert_eq!(overridden, expected("3", "y"));
    assert_eq!(
        strategic(patch, "onlyIfMissing", object),
        expected("1", "x")
    );
}

#[test]
fn a_pattern_is_every_item_and_never_a_new_one() {
    let patch = json!({"spec": {
        "containers": [{"name": "*", "securityContext": {"runAsNonRoot": true}}],
        "initContainers": [{"name": "*", "tty": true}],
    }});
    let object = pod(json!({"containers": [
        {"name": "a"}, {"name": "b", "securityContext": {"runAsNonRoot": false, "x": 1}},
    ]}));
    let merged = strategic(patch, "onlyIfMissing", object);
    assert_eq!(
        merged["spec"]["containers"],
        json!([
            {"name": "a", "securityContext": {"runAsNonRoot": true}},
            {"name": "b", "securityContext": {"runAsNonRoot": false, "x": 1}},
        ])
    );
}

#[test]
fn directives_delete_and_replace() {
    let object = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"finalizers": ["a", "b"]},
        "spec": {
            "containers": [{"name": "a"}, {"name": "b"}],
            "volumes": [{"name": "x", "emptyDir": {"medium": "Memory"}}, {"name": "y"}],
            "securityContext": {"runAsUser": 1},
            "affinity": {"nodeAffinity": {}},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {}},
        },
    });
    let patch = json!({
        "metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]},
        "spec": {
            "containers": [{"name": "a", "$patch": "delete"}],
            "volumes": [{"$patch": "replace"}, {"name": "z"}],
            "securityContext": {"$patch": "replace", "fsGroup": 2},
            "affinity": {"$patch": "delete"},
            "strategy": {"$retainKeys": ["type"], "type": "Recreate"},
        },
    });
    let merged = strategic(patch, "override", object);
    assert_eq!(merged["metadata"]["finalizers"], json!(["b", "c"]));
    assert_eq!(
        merged["spec"],
        json!({
            "containers": [{"name": "b"}],
            "volumes": [{"name": "z"}],
            "securityContext": {"fsGroup": 2},
            "strategy": {"type": "Recreate"},
        })
    );
}

#[test]
fn custom_resources_have_no_merge_keys() {
    let object = json!({"apiVersion": "example.org/v1", "spec": {"containers": [{"name": "a"}]}});
    let patch = json!({"spec": {"containers": [{"name": "b"}]}});
    let merged = strategic(patch, "override", object);
    assert_eq!(merged["spec"]["containers"], json!([{"name": "b"}]));
}

#[test]
fn a_merge_patch_overrides_or_fills_in() {
    let patch = json!({"merge": {"spec": {"a": 1, "b": {"c": 2}}}});
    let object = json!({"spec": {"a": 0, "b": {"d": 3}}});
    assert_eq!(
        patched(patch.clone(), "override", object.clone()),
        json!({"spec": {"a": 1, "b": {"c": 2, "d": 3}}})
    );
    assert_eq!(
        patched(patch, "onlyIfMissing", object),
        json!({"spec": {"a": 0, "b": {"c": 2, "d": 3}}})
    );
}

#[test]
fn a_default_never_overwrites_by_a_json_patch() {
    let patch = json!({"json": [
        {"op": "add", "path": "/a", "value": 1}, {"op": "add", "path": "/b", "value": 2},
        {"op": "add", "path": "/list/-", "value": 3}, {"op": "add", "path": "/list/0", "value": 4},
    ]});
    assert_eq!(
        patched(patch, "onlyIfMissing", json!({"a": 0, "list": [0]})),
        json!({"a": 0, "b": 2, "list": [4, 0, 3]})
    );
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    for wrong in [
        json!({}),
        json!({"merge": {}, "strategic": {}}),
        json!({"merge": []}),
        json!({"merge": {"a": null}}),
        json!({"strategic": {"a": {"$patch": "delete"}}}),
        json!({"mode": "override", "strategic": {"a": {"$patch": "remove"}}}),
        json!({"mode": "override", "strategic": {"a": {"$append": "x"}}}),
        json!({"json": [{"op": "remove", "path": "/a"}]}),
        json!({"json": [{"op": "add", "path": "a", "value": 1}]}),
        json!({"json": [{"op": "insert", "path": "/a", "value": 1}]}),
    ] {
        let read = serde_json::from_value::<Patch>(wrong.clone());
        assert!(read.is_err(), "{wrong}");
    }
}
