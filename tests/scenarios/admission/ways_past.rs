//! Ways past the door that are none.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use super::{KIT, change, guarded, refused, until};
use crate::platform::{Platform, SOON, config_map};

#[test]
fn an_object_that_is_being_deleted_is_judged_until_it_is_gone_but_can_go() {
    let platform = guarded("{}");
    refused(&platform);
    // No host that would put it right, but for the verdicts: the file has it no longer.
    std::fs::remove_file(platform.git.folder().join(format!("{KIT}/service.yaml"))).unwrap();
    platform
        .git
        .write(&format!("{KIT}/map.yaml"), config_map("other", "x"))
        .unwrap();
    let namespace = platform.namespace("acme");
    let patched = |patch: Value| {
        let patch = patch.to_string();
        let arguments = ["patch", "service", "shop", "--namespace", &namespace];
        let how = ["--type=merge", "--patch", &patch];
        platform.kubectl.run(&[&arguments[..], &how].concat())
    };
    patched(json!({"metadata": {"finalizers": ["example.org/hold"]}})).unwrap();
    let without = platform.git.commit("without the Service").unwrap();
    wait_for("it is being deleted", SOON, || {
        let live = platform.get("acme", "service/shop").unwrap_or_default();
        match live["metadata"]["deletionTimestamp"].is_string() {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(KIT))),
        }
    });
    let (taken, words) = change(&platform, 80, &[]);
    assert!(
        !taken && words.contains("[port-policy/service-port]"),
        "{words}"
    );
    patched(json!({"metadata": {"finalizers": null}})).unwrap();
    platform.until_kit(KIT, "Applied", &without);
}

#[test]
fn a_commit_without_kits_leaves_the_door_shut() {
    let mut platform = guarded("{}");
    refused(&platform);
    std::fs::remove_dir_all(platform.git.folder().join("kits")).unwrap();
    let empty = platform.git.commit("a mistake").unwrap();
    wait_for("the host has seen it", SOON, || {
        let repository = platform.repository();
        match repository["status"]["revision"]["revision"] == empty.as_str() {
            true => Ok(()),
            false => Err(repository["status"].to_string()),
        }
    });
    refused(&platform);
    // Nor does a host that starts on it.
    platform.kill();
    platform.start();
    until(&platform, 80, false, "[port-policy/service-port]");
    let (taken, words) = change(&platform, 80, &[]);
    assert!(
        !taken && words.contains("[port-policy/service-port]"),
        "{words}"
    );
}

#[test]
fn a_container_that_is_put_into_a_running_pod_is_judged() {
    let mut platform = Platform::new(&[("images", "{allow: [example.org]}")]);
    platform.guard_the_door("{}");
    let first = platform.start_with(&[(&format!("{KIT}/map.yaml"), &config_map("map", "x"))]);
    platform.until_kit(KIT, "Applied", &first);
    let namespace = platform.namespace("acme");
    let said = |arguments: &[&str]| {
        let all = [arguments, &["--namespace", &namespace]].concat();
        let output = platform.kubectl.command(&all).output().expect("it runs");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    wait_for("the door is there", SOON, || {
        let image = "--image=docker.io/library/shop:1.0.0";
        let words = said(&["run", "shop", image, "--dry-run=server"]);
        match words.contains("[images/repository]") {
            true => Ok(()),
            false => Err(words),
        }
    });
    let image = "--image=example.org/shop:1.0.0";
    assert_eq!(said(&["run", "shop", image]), "");
    let debug = |image: &str| {
        let containers = json!([{"name": "debug", "image": image}]);
        let patch = json!({"spec": {"ephemeralContainers": containers}}).to_string();
        let part = ["--subresource=ephemeralcontainers", "--type=strategic"];
        let how = ["--dry-run=server", "--patch", &patch];
        said(&[&["patch", "pod", "shop"], &part[..], &how].concat())
    };
    assert_eq!(debug("example.org/debug:1.0.0"), "");
    let refused = debug("docker.io/library/anything:1.0.0");
    assert!(refused.contains("[images/repository]"), "{refused}");
}
