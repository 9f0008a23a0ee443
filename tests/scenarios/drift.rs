//! What others change on the objects of kits.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

mod lists;

use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, config_map, service};

const KIT: &str = "kits/acme/shop";

fn patch(platform: &Platform, object: &str, patch: &Value, more: &[&str]) {
    let (namespace, patch) = (platform.namespace("acme"), patch.to_string());
    let mut arguments = vec!["patch", object, "--namespace", &namespace, "--type=merge"];
    arguments.extend(["--patch", &patch]);
    arguments.extend(more);
    platform.kubectl.run(&arguments).unwrap();
}

fn until(platform: &Platform, object: &str, pointer: &str, value: &Value) {
    wait_for(&format!("{object} has {pointer}: {value}"), SOON, || {
        let live = platform.get("acme", object).unwrap_or_default();
        match live.pointer(pointer) {
            Some(found) if found == value => Ok(()),
            found => Err(format!("{found:?}; {}", platform.state(&platform.kit(KIT)))),
        }
    });
}

fn deployment() -> String {
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: shop}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: shop}}\n  template:\n    metadata: {labels: {app: shop}, creationTimestamp: null}\n    spec:\n      containers:\n      - name: shop\n        image: example.org/shop:1\n        args: [a, b]\n        ports:\n        - containerPort: 53\n        - {containerPort: 53, protocol: UDP, name: dns}\n        resources: {requests: {cpu: 0.5, memory: 1024Mi}, limits: {cpu: '1', memory: 1Gi}}\nstatus: {}\n".into()
}

fn autoscaler() -> Value {
    json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "shop"},
        "spec": {"minReplicas": 1, "maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}}})
}

/// Scales the shop as its autoscaler would.
fn scale(platform: &Platform, replicas: u32) {
    let size = json!({"spec": {"replicas": replicas}});
    let as_autoscaler = [
        "--subresource=scale",
        "--field-manager=kube-controller-manager",
    ];
    patch(platform, "deployment/shop", &size, &as_autoscaler);
}

/// How many times the host said that it sent something for the kit, all in all.
fn sent(platform: &Platform) -> i64 {
    let logs = platform.logs();
    let kits = logs.iter().filter(|line| line["message"] == "kit");
    kits.filter_map(|line| line["changed"].as_i64()).sum()
}

#[test]
fn a_change_by_hand_is_put_right_and_told_with_who_did_it() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), service("shop", 6776, None))
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "other"}}),
        &[],
    );
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
    let drift = wait_for("the status tells of it", SOON, || {
        match platform.kit(KIT)["status"]["drift"][0].clone() {
            Value::Null => Err("nothing".to_owned()),
            drift => Ok(drift),
        }
    });
    assert_eq!(drift["manager"], "kubectl-patch");
    assert_eq!(drift["fields"], json!(["/data"]));
    assert_eq!(drift["corrected"], true);
    wait_for("an Event tells of it", SOON, || {
        let events = platform.events(KIT);
        match events
            .iter()
            .any(|it| it.contains("DriftCorrected") && it.contains("kubectl-patch"))
        {
            true => Ok(()),
            false => Err(format!("{events:?}")),
        }
    });
    let status = platform.trimtab(&["status"]);
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    let told = status.contains("/data was changed by kubectl-patch at ");
    assert!(told && status.contains("and put right"), "{status}");
    // A field that is removed, and one that nobody but the kit has.
    patch(
        &platform,
        "service/shop",
        &json!({"spec": {"selector": null}}),
        &[],
    );
    until(
        &platform,
        "service/shop",
        "/spec/selector/app",
        &json!("shop"),
    );
    patch(
        &platform,
        "service/shop",
        &json!({"metadata": {"labels": {"mine": "x"}}}),
        &[],
    );
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "again"}}),
        &[],
    );
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
    let labels = platform.get("acme", "service/shop").unwrap()["metadata"]["labels"].clone();
    assert_eq!(labels["mine"], "x", "what is not the kit's is left");
}

#[test]
fn what_the_server_makes_of_a_manifest_is_no_drift_not_even_for_a_host_that_starts_anew() {
    let mut platform = Platform::new(&[]);
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\nstringData: {word: x}\n";
    let scaler = "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: shop}\nspec:\n  maxReplicas: 3\n  targetCPUUtilizationPercentage: 50\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: shop}\n";
    let job = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: shop}\nspec:\n  schedule: '@daily'\n  suspend: true\n  jobTemplate:\n    spec:\n      template:\n        spec:\n          restartPolicy: Never\n          containers: [{name: a, image: 'example.org/a:1', env: [{name: A, value: ''}]}]\n";
    for (file, text) in [
        ("a", &*deployment()),
        ("b", secret),
        ("c", scaler),
        ("d", job),
    ] {
        platform
            .git
            .write(&format!("{KIT}/{file}.yaml"), text)
            .unwrap();
    }
    platform
        .git
        .write(&format!("{KIT}/e.yaml"), service("shop", 80, None))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    platform.until_repository("Applied");
    let before = sent(&platform);
    platform.kill();
    platform.start();
    wait_for("the host has looked again", SOON, || {
        let logs = platform.logs();
        let settled = logs
            .iter()
            .filter(|line| line["message"] == "settled")
            .count();
        if settled >= 2 {
            Ok(())
        } else {
            Err(settled.to_string())
        }
    });
    assert_eq!(sent(&platform), before, "nothing is sent again");
    assert_eq!(platform.kit(KIT)["status"]["drift"], Value::Null);
}

#[test]
fn what_was_changed_while_no_host_ran_is_put_right_when_one_starts() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), config_map("shop", "a"))
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("gone", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    platform.kill();
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "other"}}),
        &[],
    );
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["delete", "configmap", "gone", "-n", &namespace])
        .unwrap();
    platform.start();
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
    until(&platform, "configmap/gone", "/data/key", &json!("a"));
}

#[test]
fn a_kit_that_reports_leaves_it_and_says_so_until_its_manifest_changes() {
    let mut platform = Platform::new(&[]);
    kit_yaml(&platform, KIT, "  drift: report\n");
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "other"}}),
        &[],
    );
    wait_for("the finding", SOON, || {
        let findings = platform.kit(KIT)["status"]["findings"].clone();
        let finding = &findings[0];
        let text = finding["message"].as_str().unwrap_or_default();
        if finding["rule"] == "trimtab/drift" && text.contains("kubectl-patch") {
            assert_eq!(finding["origin"]["path"], format!("{KIT}/a.yaml"));
            Ok(())
        } else {
            Err(findings.to_string())
        }
    });
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "other"
    );
    platform
        .git
        .edit(&format!("{KIT}/a.yaml"), "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    let kit = platform.until_kit(KIT, "Applied", &second);
    assert_eq!(kit["status"]["findings"], Value::Null);
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn replicas_are_an_autoscaler_s_and_what_is_ignored_is_whoever_s_takes_it() {
    let mut platform = Platform::new(&[]);
    kit_yaml(
        &platform,
        KIT,
        "  ignore:\n  - {kind: Deployment.apps, fields: [/spec/template/spec/containers/*/image]}\n",
    );
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment())
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    // No kit has it, as one that KEDA makes.
    let namespace = platform.namespace("acme");
    let mut autoscaler = autoscaler();
    autoscaler["metadata"]["namespace"] = namespace.as_str().into();
    platform.kubectl.apply(&autoscaler.to_string()).unwrap();
    scale(&platform, 3);
    let image = json!([{"name": "shop", "image": "example.org/shop:2"}]);
    let set = [
        "set",
        "image",
        "deployment/shop",
        "shop=example.org/shop:2",
        "-n",
        &namespace,
    ];
    platform.kubectl.run(&set).unwrap();
    // What is corrected afterwards shows that the others were seen and left.
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "other"}}),
        &[],
    );
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
    platform
        .git
        .edit(&format!("{KIT}/a.yaml"), "args: [a, b]", "args: [a, c]")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit(KIT, "Applied", &second);
    let live = platform.get("acme", "deployment/shop").unwrap();
    assert_eq!(live["spec"]["replicas"], 3);
    let container = &live["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["image"], image[0]["image"]);
    assert_eq!(container["args"], json!(["a", "c"]));
    // What nobody scales any more is as large as the repository says, and a person's size is drift.
    platform
        .kubectl
        .run(&["delete", "hpa", "shop", "-n", &namespace])
        .unwrap();
    until(&platform, "deployment/shop", "/spec/replicas", &json!(1));
    platform
        .kubectl
        .run(&["scale", "deployment/shop", "--replicas=5", "-n", &namespace])
        .unwrap();
    until(&platform, "deployment/shop", "/spec/replicas", &json!(1));
}

#[test]
fn a_workload_whose_autoscaler_leaves_the_kit_gets_the_size_that_the_repository_says() {
    let mut platform = Platform::new(&[]);
    let file = format!("{KIT}/c.yaml");
    let first = platform.start_with(&[
        (&format!("{KIT}/a.yaml"), &deployment()),
        (&format!("{KIT}/b.yaml"), &config_map("shop", "a")),
        (&file, &autoscaler().to_string()),
    ]);
    platform.until_kit(KIT, "Applied", &first);
    scale(&platform, 3);
    let other = json!({"data": {"key": "other"}});
    patch(&platform, "configmap/shop", &other, &[]);
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
    until(&platform, "deployment/shop", "/spec/replicas", &json!(3));
    // A host that knows nothing of what was before finds it out as well.
    platform.kill();
    platform.git.git(&["rm", "-q", &file]).unwrap();
    platform.git.commit("of one size again").unwrap();
    platform.start();
    until(&platform, "deployment/shop", "/spec/replicas", &json!(1));
    assert!(platform.get("acme", "hpa/shop").is_none());
}

#[test]
fn a_fight_is_slowed_down_and_named_and_the_rest_of_the_kit_is_kept_right() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), config_map("shop", "a"))
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("calm", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let rival = ["--field-manager=rival-operator"];
    for round in 0..5 {
        let value = json!({"data": {"key": format!("round-{round}")}});
        patch(&platform, "configmap/shop", &value, &rival);
        until(&platform, "configmap/shop", "/data/key", &json!("a"));
    }
    patch(
        &platform,
        "configmap/shop",
        &json!({"data": {"key": "mine"}}),
        &rival,
    );
    let finding = wait_for("the fight is named", SOON, || {
        let findings = platform.kit(KIT)["status"]["findings"].clone();
        match findings[0]["rule"] == "trimtab/drift-fight" {
            true => Ok(findings[0]["message"].to_string()),
            false => Err(findings.to_string()),
        }
    });
    assert!(
        finding.contains("rival-operator") && finding.contains("/data"),
        "{finding}"
    );
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "mine"
    );
    patch(
        &platform,
        "configmap/calm",
        &json!({"data": {"key": "other"}}),
        &[],
    );
    until(&platform, "configmap/calm", "/data/key", &json!("a"));
    // In its time it is put right all the same.
    until(&platform, "configmap/shop", "/data/key", &json!("a"));
}
