//! What Flux applies: the kustomize-controller changes the kustomization of the directory, where an
//! import lays one over it. Both are built, and are to be the same.

use serde_json::{Value, json};

use super::super::trial::Checkout;
use super::import;

/// A kustomization, and fields of a Kustomization of that directory.
const CASES: [(&str, &str); 8] = [
    (
        "resources: [a.yaml]",
        "patches: [{patch: '[{\"op\":\"add\",\"path\":\"/spec/paused\",\"value\": true}]', target: {kind: Deployment}}]",
    ),
    (
        "resources: [a.yaml]\npatches: [{patch: '[{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\": 4}]', target: {name: a}}]",
        "images: [{name: a, newTag: '2'}]",
    ),
    (
        "resources: [a.yaml]\nnamespace: base",
        "targetNamespace: other",
    ),
    (
        "resources: [a.yaml]\nnamePrefix: x-",
        "patches: [{patch: '{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: own}, spec: {replicas: 7}}'}]",
    ),
    (
        "resources: [a.yaml]\nlabels: [{pairs: {base: one}}]",
        "components: [../part]\ntargetNamespace: other",
    ),
    (
        "resources: [a.yaml]\nconfigMapGenerator: [{name: made, namespace: own, literals: [a=b]}]",
        "namePrefix: x-\nnameSuffix: -y",
    ),
    (
        "resources: [a.yaml]\nimages: [{name: a, newTag: '2'}]",
        "images: [{name: a, newName: registry.example.org/a, newTag: '3'}]",
    ),
    (
        "resources: [a.yaml]\ncomponents: [../part]",
        "patches: [{patch: '{apiVersion: v1, kind: ConfigMap, metadata: {name: c, namespace: own}, $patch: delete}'}]",
    ),
];
const SOURCE: &str = "apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: platform, namespace: flux-system}
spec: {url: 'https://git.example.org/platform.git'}
";
const OBJECTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: own}
spec:
  replicas: 1
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      containers: [{name: a, image: 'a:1'}]
      volumes: [{name: made, configMap: {name: made}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: c, namespace: own}
";
const PART: &str = "apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
patches: [{patch: '[{\"op\":\"add\",\"path\":\"/spec/minReadySeconds\",\"value\": 5}]', target: {kind: Deployment}}]
";

/// As the generator of fluxcd/pkg/kustomize does it.
fn edited(mut kustomization: Value, spec: &Value) -> Value {
    for (field, from) in [
        ("namespace", "targetNamespace"),
        ("namePrefix", "namePrefix"),
        ("nameSuffix", "nameSuffix"),
    ] {
        if !spec[from].is_null() {
            kustomization[field] = spec[from].clone();
        }
    }
    for field in ["patches", "components", "images"] {
        for item in spec[field].as_array().into_iter().flatten() {
            if kustomization[field].is_null() {
                kustomization[field] = json!([]);
            }
            let list = kustomization[field].as_array_mut().expect("a list");
            let same = |it: &&mut Value| field == "images" && it["name"] == item["name"];
            match list.iter_mut().find(same) {
                Some(found) => *found = item.clone(),
                None => list.push(item.clone()),
            }
        }
    }
    kustomization
}

fn checkout() -> Checkout {
    Checkout::of(&[("app/a.yaml", OBJECTS), ("part/kustomization.yaml", PART)])
}

fn built(checkout: &Checkout, spec: &Value) -> Vec<Value> {
    let evaluation = checkout.evaluate_spec(spec);
    let [verdict] = &evaluation.verdicts[..] else {
        panic!("{} kits", evaluation.verdicts.len());
    };
    assert_eq!(
        verdict.findings().count(),
        0,
        "{:?}",
        verdict.rendered.findings
    );
    let manifests = verdict.rendered.manifests.iter();
    let mut objects: Vec<Value> = manifests.map(|it| it.object.clone()).collect();
    objects.sort_by_key(Value::to_string);
    objects
}

#[test]
fn a_kustomization_over_the_directory_gives_what_flux_s_change_of_it_gives() {
    for (kustomization, fields) in CASES {
        let base: Value = serde_yaml::from_str(kustomization).expect("YAML");
        let spec: Value = serde_yaml::from_str(fields).expect("YAML");

        let flux = checkout();
        let text = edited(base, &spec).to_string();
        flux.write("app/kustomization.yaml", &text);
        let rule = json!({"url": "file:///", "kits": [{"path": "app", "clusterScoped": true}]});
        let expected = built(&flux, &rule);

        let own = checkout();
        own.write("app/kustomization.yaml", kustomization);
        let mut object = json!({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
            "metadata": {"name": "app", "namespace": "flux-system"},
            "spec": {
                "path": "./app", "prune": true,
                "sourceRef": {"kind": "GitRepository", "name": "platform"},
            },
        });
        for (field, value) in spec.as_object().expect("a mapping") {
            object["spec"][field] = value.clone();
        }
        own.write("flux/flux.yaml", &format!("{SOURCE}---\n{object}\n"));
        let imported = own.import(import, &["flux"]);
        assert_eq!(imported.left, [], "{kustomization}\n{fields}");
        let found = built(&own, &imported.settled.repository["spec"]);
        assert_eq!(found, expected, "{kustomization}\n{fields}");
    }
}
