//! What leaves a kit.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};

pub fn gone(platform: &Platform, company: &str, object: &str) {
    wait_for(&format!("{object} is gone"), SOON, || {
        match platform.get(company, object) {
            None => Ok(()),
            Some(live) => Err(live["metadata"].to_string()),
        }
    });
}

/// A kit with this many ConfigMaps, `c0` and so on, in files of their own.
pub fn many(platform: &Platform, kit: &str, count: usize) {
    for number in 0..count {
        let name = format!("c{number}");
        platform
            .git
            .write(&format!("{kit}/{name}.yaml"), config_map(&name, "a"))
            .unwrap();
    }
}

fn remove(platform: &Platform, path: &str) {
    platform.git.git(&["rm", "-rq", path]).unwrap();
}

pub fn patch_kit(platform: &Platform, kit: &str, patch: &Value) {
    let (name, patch) = (kit.replace('/', "."), patch.to_string());
    let arguments = [
        "patch",
        "kits.trimtab.io",
        &name,
        "--namespace",
        &platform.name,
        "--type=merge",
        "--patch",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

#[test]
fn what_leaves_a_kit_is_deleted_and_what_is_marked_or_holds_data_stays() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    many(&platform, kit, 3);
    let marked = config_map("marked", "a").replace(
        "  name: marked\n",
        "  name: marked\n  annotations: {trimtab.io/prune: keep}\n",
    );
    let claim = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n";
    platform
        .git
        .write(&format!("{kit}/marked.yaml"), marked)
        .unwrap();
    platform
        .git
        .write(&format!("{kit}/claim.yaml"), claim)
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    // Nobody here binds a claim to a volume.
    platform.until_kit(kit, "Progressing", &first);
    for path in ["c1.yaml", "marked.yaml", "claim.yaml"] {
        remove(&platform, &format!("{kit}/{path}"));
    }
    let second = platform.git.commit("less").unwrap();
    let status = platform.until_kit(kit, "Applied", &second)["status"].clone();
    assert!(platform.get("acme", "configmap/c1").is_none());
    assert_eq!(status["objects"], 2);
    for object in ["configmap/marked", "pvc/data"] {
        let live = platform.get("acme", object).expect("it stays");
        let labels = live["metadata"]["labels"].to_string();
        assert!(
            !labels.contains("part-of"),
            "{object} is nobody's: {labels}"
        );
    }
    let events = platform.events(kit);
    assert!(
        events
            .iter()
            .any(|it| it.contains("Kept") && it.contains("marked")),
        "{events:?}"
    );
    // What was let go can come back to any kit.
    let other = "kits/acme/other";
    platform
        .git
        .write(&format!("{other}/marked.yaml"), config_map("marked", "b"))
        .unwrap();
    let third = platform.git.commit("another kit has it").unwrap();
    platform.until_kit(other, "Applied", &third);
    assert_eq!(
        platform.get("acme", "configmap/marked").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn too_many_deletions_stop_a_revision_until_somebody_says_that_they_are_meant() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    many(&platform, kit, 8);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(kit, "Applied", &first);
    for number in 3..8 {
        remove(&platform, &format!("{kit}/c{number}.yaml"));
    }
    platform
        .git
        .edit(&format!("{kit}/c0.yaml"), "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("five of eight").unwrap();
    let refused = platform.until_kit(kit, "Refused", &second);
    let message = ready(&refused)["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("would delete 5 of 8") && message.contains("ConfigMap"),
        "{message}"
    );
    assert_eq!(
        platform.get("acme", "configmap/c0").unwrap()["data"]["key"],
        "a"
    );
    // A newer commit that does not touch the kit changes nothing; a host that starts anew neither.
    platform
        .git
        .write("kits/acme/other/x.yaml", config_map("x", "a"))
        .unwrap();
    let third = platform.git.commit("elsewhere").unwrap();
    platform.kill();
    platform.start();
    platform.until_kit("kits/acme/other", "Applied", &third);
    platform.until_kit(kit, "Refused", &second);
    let wrong = platform.trimtab(&["reconcile", kit, "--allow-deletions", &third[..7]]);
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    let right = platform.trimtab(&["reconcile", kit, "--allow-deletions", &second[..7]]);
    assert_eq!(right.status.code(), Some(0), "{right:?}");
    platform.until_kit(kit, "Applied", &second);
    gone(&platform, "acme", "configmap/c7");
    assert_eq!(
        platform.get("acme", "configmap/c0").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn a_kit_that_comes_out_empty_keeps_what_is_live() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    many(&platform, kit, 1);
    platform
        .git
        .write(&format!("{kit}/README.md"), "a shop")
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(kit, "Applied", &first);
    remove(&platform, &format!("{kit}/c0.yaml"));
    let second = platform.git.commit("empty").unwrap();
    let refused = platform.until_kit(kit, "Refused", &second);
    assert_eq!(Platform::findings(&refused)[0].0, "trimtab/empty-kit");
    assert!(platform.get("acme", "configmap/c0").is_some());
}

#[test]
fn a_directory_that_is_renamed_keeps_its_objects_and_loses_its_old_kit() {
    let mut platform = Platform::new(&[]);
    many(&platform, "kits/acme/shop", 5);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let before = platform.get("acme", "configmap/c3").unwrap();
    platform
        .git
        .git(&["mv", "kits/acme/shop", "kits/acme/store"])
        .unwrap();
    platform
        .git
        .write(
            "kits/acme/store/c3.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c3}\ndata: {other: b}\n",
        )
        .unwrap();
    let second = platform.git.commit("another name").unwrap();
    platform.until_kit("kits/acme/store", "Applied", &second);
    let after = platform.get("acme", "configmap/c3").unwrap();
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"]);
    assert_eq!(
        after["data"],
        json!({"other": "b"}),
        "what the kit no longer sets is gone"
    );
    let managers = after["metadata"].to_string();
    assert!(!managers.contains("kits.acme.shop"), "{managers}");
    wait_for("the old Kit is gone", SOON, || {
        match platform.kit("kits/acme/shop") {
            Value::Null => Ok(()),
            kit => Err(kit["status"].to_string()),
        }
    });
}

#[test]
fn a_kit_that_leaves_the_repository_is_deleted_after_those_that_depend_on_it() {
    let mut platform = Platform::new(&[]);
    let kit_yaml = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec:\n  dependsOn: [kits/acme/db]\n";
    platform
        .git
        .write("kits/acme/web/kit.yaml", kit_yaml)
        .unwrap();
    let held = config_map("web", "a").replace(
        "  name: web\n",
        "  name: web\n  finalizers: [example.org/hold]\n",
    );
    platform.git.write("kits/acme/web/web.yaml", held).unwrap();
    platform
        .git
        .write("kits/acme/db/db.yaml", config_map("db", "a"))
        .unwrap();
    platform
        .git
        .write("kits/acme/rest/rest.yaml", config_map("rest", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/web", "Applied", &first);
    remove(&platform, "kits/acme/web");
    remove(&platform, "kits/acme/db");
    let second = platform.git.commit("both leave").unwrap();
    platform.until_kit("kits/acme/web", "Pruning", &second);
    platform.until_kit("kits/acme/db", "WaitingForDependents", &second);
    assert!(platform.get("acme", "configmap/db").is_some());
    let namespace = platform.namespace("acme");
    let patch = r#"{"metadata": {"finalizers": null}}"#;
    let release = [
        "patch",
        "configmap",
        "web",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
    ];
    platform.kubectl.run(&release).unwrap();
    gone(&platform, "acme", "configmap/db");
    for kit in ["kits/acme/web", "kits/acme/db"] {
        wait_for("the Kit is gone", SOON, || match platform.kit(kit) {
            Value::Null => Ok(()),
            kit => Err(kit["status"].to_string()),
        });
    }
    assert!(platform.get("acme", "configmap/rest").is_some());
}

#[test]
fn an_object_that_somebody_deletes_comes_back() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    many(&platform, kit, 2);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(kit, "Applied", &first);
    let before = platform.get("acme", "configmap/c1").unwrap();
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["delete", "configmap", "c1", "-n", &namespace])
        .unwrap();
    wait_for("it is there again", SOON, || {
        match platform.get("acme", "configmap/c1") {
            Some(live) if live["metadata"]["uid"] != before["metadata"]["uid"] => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn a_kit_waits_for_the_kit_that_it_depends_on_and_delays_no_other() {
    let mut platform = Platform::new(&[]);
    let kit_yaml = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: web}\nspec:\n  dependsOn: [kits/acme/db]\n";
    platform
        .git
        .write("kits/acme/web/kit.yaml", kit_yaml)
        .unwrap();
    platform
        .git
        .write("kits/acme/web/web.yaml", config_map("web", "a"))
        .unwrap();
    let wrong = config_map("db", "a").replace("data:", "datum:");
    platform.git.write("kits/acme/db/db.yaml", wrong).unwrap();
    platform
        .git
        .write("kits/acme/rest/rest.yaml", config_map("rest", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/rest", "Applied", &first);
    let waiting = platform.until_kit("kits/acme/web", "WaitingForDependency", &first);
    let message = ready(&waiting)["message"].as_str().unwrap().to_owned();
    assert!(message.contains("waits for kit kits/acme/db"), "{message}");
    assert!(platform.get("acme", "configmap/web").is_none());
    platform
        .git
        .write("kits/acme/db/db.yaml", config_map("db", "a"))
        .unwrap();
    let second = platform.git.commit("mended").unwrap();
    platform.until_kit("kits/acme/db", "Applied", &second);
    platform.until_kit("kits/acme/web", "Applied", &first);
    patch_kit(
        &platform,
        "kits/acme/web",
        &json!({"spec": {"suspend": true}}),
    );
    wait_for("it is suspended", SOON, || {
        match ready(&platform.kit("kits/acme/web")) {
            condition if condition["reason"] == "Suspended" => Ok(()),
            condition => Err(condition.to_string()),
        }
    });
}

#[test]
fn a_hand_over_that_was_cut_off_is_finished_by_the_kit_that_has_the_object_now() {
    let mut platform = Platform::new(&[]);
    let file = |kit: &str, name: &str| format!("kits/acme/{kit}/{name}.yaml");
    for (kit, name) in [("one", "anchor"), ("one", "moved"), ("three", "other")] {
        let text = config_map(name, "a");
        platform.git.write(&file(kit, name), text).unwrap();
    }
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/one", "Applied", &first);
    platform.kill();
    // As a host leaves it that is killed between the two writes of a hand-over to kit two.
    let manager = format!("trimtab/{}/kits.acme.two", platform.name);
    let patch = json!([
        {"op": "replace", "path": "/metadata/managedFields/0/manager", "value": manager}
    ]);
    let (space, patch) = (platform.namespace("acme"), patch.to_string());
    let arguments = [
        "patch",
        "configmap",
        "moved",
        "-n",
        &space,
        "--type=json",
        "-p",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
    let (from, to) = (file("one", "moved"), file("three", "moved"));
    platform.git.git(&["mv", &from, &to]).unwrap();
    platform.git.edit(&to, "key: a", "key: b").unwrap();
    let second = platform.git.commit("to another kit").unwrap();
    platform.start_without_file();
    platform.until_kit("kits/acme/three", "Applied", &second);
    platform.until_kit("kits/acme/one", "Applied", &second);
}
