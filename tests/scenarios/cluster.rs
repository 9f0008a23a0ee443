//! A cluster in which something else is wrong.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::manifests::definition;
use crate::platform::{Platform, SOON, config_map, ready};

const KIT: &str = "kits/acme/shop";

fn live(platform: &Platform, object: &str) {
    wait_for(&format!("{object} is live"), SOON, || {
        match platform.get("acme", object) {
            Some(live) if live["metadata"]["deletionTimestamp"].is_null() => Ok(()),
            _ => Err(platform.state(&platform.kit(KIT))),
        }
    });
}

#[test]
fn a_namespace_that_is_stuck_terminating_is_waited_for_and_made_anew() {
    let mut platform = Platform::new(&[]);
    let held = config_map("held", "a").replace(
        "  name: held\n",
        "  name: held\n  finalizers: [example.org/hold]\n",
    );
    platform.git.write(&format!("{KIT}/a.yaml"), held).unwrap();
    platform
        .git
        .write("kits/rival/shop/a.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["delete", "namespace", &namespace, "--wait=false"])
        .unwrap();
    let waiting = platform.until_kit(KIT, "WaitingForDeletion", &first);
    let message = ready(&waiting)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("which is being deleted"), "{message}");
    // Others go on.
    platform
        .git
        .edit("kits/rival/shop/a.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit("kits/rival/shop", "Applied", &second);
    let patch = r#"{"metadata": {"finalizers": null}}"#;
    let release = [
        "patch",
        "configmap",
        "held",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
    ];
    platform.kubectl.run(&release).unwrap();
    platform.until_kit(KIT, "Applied", &first);
    live(&platform, "configmap/held");
}

#[test]
fn a_quota_that_refuses_half_of_a_kit_is_told_and_what_it_lets_through_later_comes() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["create", "namespace", &namespace])
        .unwrap();
    // One is the cluster's own (kube-root-ca.crt).
    let kubectl = platform.kubectl.clone();
    let quota = |count: u32| {
        let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota",
            "metadata": {"name": "few", "namespace": namespace}, "spec": {"hard": {"count/configmaps": count.to_string()}}});
        kubectl.apply(&quota.to_string()).unwrap();
    };
    quota(3);
    wait_for("the quota counts", SOON, || {
        let status = platform
            .get("acme", "resourcequota/few")
            .unwrap_or_default()["status"]["used"]
            .clone();
        match status["count/configmaps"] == "1" {
            true => Ok(()),
            false => Err(status.to_string()),
        }
    });
    for number in 0..4 {
        let name = format!("c{number}");
        platform
            .git
            .write(&format!("{KIT}/{name}.yaml"), config_map(&name, "a"))
            .unwrap();
    }
    let first = platform.git.commit("first").unwrap();
    platform.start();
    let failed = platform.until_kit(KIT, "ApplyFailed", &first);
    let finding = failed["status"]["findings"][0].to_string();
    assert!(
        finding.contains("exceeded quota") && finding.contains("apply-forbidden"),
        "{finding}"
    );
    assert_eq!(failed["status"]["findingCounts"]["errors"], 2);
    quota(10);
    platform.until_kit(KIT, "Applied", &first);
    live(&platform, "configmap/c3");
}

#[test]
fn a_definition_that_somebody_deletes_comes_back_with_the_objects_of_its_kind() {
    let mut platform = Platform::new(&[]);
    let group = format!("{}.example.org", platform.name);
    let definition = definition(&group, "things", "Thing");
    platform
        .git
        .write("infra/things/crd.yaml", definition.to_string())
        .unwrap();
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "one"}, "spec": {"a": 1}});
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), thing.to_string())
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let kind = format!("things.{group}");
    let uid = |platform: &Platform| -> Value {
        platform
            .kubectl
            .get(&[&kind, "one", "-n", &platform.namespace("acme")])
            .ok()
            .flatten()
            .unwrap_or_default()["metadata"]["uid"]
            .clone()
    };
    let before = uid(&platform);
    platform.kubectl.run(&["delete", "crd", &kind]).unwrap();
    wait_for("a new object of the kind", SOON, || {
        let now = uid(&platform);
        match !now.is_null() && now != before {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(KIT))),
        }
    });
    // Its watch is alive again: what is changed by hand is put right.
    let namespace = platform.namespace("acme");
    let change = [
        "patch",
        &kind,
        "one",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        r#"{"spec": {"a": 2}}"#,
    ];
    platform.kubectl.run(&change).unwrap();
    wait_for("it is put right", SOON, || {
        let live = platform
            .kubectl
            .get(&[&kind, "one", "-n", &namespace])
            .ok()
            .flatten()
            .unwrap_or_default();
        match live["spec"]["a"] == 1 {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(KIT))),
        }
    });
}

#[test]
fn a_kit_waits_for_an_object_that_no_kit_has_until_it_is_healthy() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["create", "namespace", &namespace])
        .unwrap();
    let kit_yaml = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n  dependsOnObjects:\n  - {kind: ConfigMap, name: handed-in}\n  - {kind: Service, name: door}\n";
    platform
        .git
        .write(&format!("{KIT}/kit.yaml"), kit_yaml)
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    let says = |platform: &Platform, words: &str| {
        wait_for(words, SOON, || {
            let kit = platform.kit(KIT);
            let message = ready(&kit)["message"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            match message.contains(words) {
                true => Ok(()),
                false => Err(platform.state(&kit)),
            }
        });
    };
    says(&platform, "handed-in: it is not there");
    platform
        .kubectl
        .run(&["create", "configmap", "handed-in", "-n", &namespace])
        .unwrap();
    let door = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "door", "namespace": namespace},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}});
    platform.kubectl.apply(&door.to_string()).unwrap();
    says(&platform, "door: it has no address");
    assert!(platform.get("acme", "configmap/shop").is_none());
    let address = |addresses: Value| {
        let patch = json!({"status": {"loadBalancer": {"ingress": addresses}}}).to_string();
        let arguments = [
            "patch",
            "service",
            "door",
            "-n",
            &namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        platform.kubectl.run(&arguments).unwrap();
    };
    address(json!([{"ip": "192.0.2.1"}]));
    platform.until_kit(KIT, "Applied", &first);
    // Once live, it is kept right whatever becomes of what it waited for.
    address(json!(null));
    platform
        .kubectl
        .run(&["delete", "configmap", "shop", "-n", &namespace])
        .unwrap();
    live(&platform, "configmap/shop");
    platform.until_kit(KIT, "Applied", &first);
}
