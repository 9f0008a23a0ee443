//! Kits and Repositories that are deleted, and what becomes of their objects.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, config_map};
use crate::prune::{gone, many, patch_kit};

#[test]
fn a_kit_that_is_deleted_takes_its_objects_along_if_its_policy_says_so() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    many(&platform, kit, 5);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(kit, "Applied", &first);
    let before = platform.get("acme", "configmap/c0").unwrap();
    patch_kit(
        &platform,
        kit,
        &json!({"spec": {"deletionPolicy": "prune"}}),
    );
    wait_for("it is held", SOON, || match platform.kit(kit) {
        kit if kit["metadata"]["finalizers"] == json!(["trimtab.io/prune"]) => Ok(()),
        kit => Err(kit["metadata"].to_string()),
    });
    let namespace = &platform.name;
    let delete = [
        "delete",
        "kits.trimtab.io",
        "kits.acme.shop",
        "-n",
        namespace,
    ];
    platform.kubectl.run(&delete).unwrap();
    // The repository still has the kit: all is made anew.
    wait_for("the object is another", SOON, || {
        match platform.get("acme", "configmap/c0") {
            Some(live) if live["metadata"]["uid"] != before["metadata"]["uid"] => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    platform.until_kit(kit, "Applied", &first);
}

#[test]
fn a_repository_that_is_deleted_takes_its_objects_along_even_while_git_is_away() {
    let mut platform = Platform::new(&[]);
    let file = platform.repository_file();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("  kits:\n", "  deletionPolicy: prune\n  kits:\n"),
    )
    .unwrap();
    let kit = "kits/acme/shop";
    many(&platform, kit, 5);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(kit, "Applied", &first);
    let away = platform.git.folder().with_extension("away");
    std::fs::rename(platform.git.folder(), &away).unwrap();
    platform.until_repository("Unreachable");
    // Nobody is there when it is asked for, and it is done all the same.
    platform.kill();
    let namespace = &platform.name;
    let delete = [
        "delete",
        "repositories.trimtab.io",
        "platform",
        "-n",
        namespace,
        "--wait=false",
    ];
    platform.kubectl.run(&delete).unwrap();
    assert!(platform.get("acme", "configmap/c4").is_some());
    platform.start_without_file();
    for number in 0..5 {
        gone(&platform, "acme", &format!("configmap/c{number}"));
    }
    wait_for("the Repository is gone", SOON, || {
        match platform.repository() {
            Value::Null => Ok(()),
            repository => Err(platform.state(&repository)),
        }
    });
}

#[test]
fn what_is_kept_stays_though_the_host_may_delete_the_namespace_that_it_made() {
    let mut platform = Platform::new(&[]);
    for kit in ["shop", "web"] {
        let kit_yaml = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {kit}}}\nspec: {{prune: {{deleteNamespaces: true}}}}\n"
        );
        let folder = format!("kits/{kit}/{kit}");
        platform
            .git
            .write(&format!("{folder}/kit.yaml"), kit_yaml)
            .unwrap();
        platform
            .git
            .write(&format!("{folder}/c.yaml"), config_map("c", "a"))
            .unwrap();
    }
    let marked = config_map("marked", "a").replace(
        "  name: marked\n",
        "  name: marked\n  annotations: {trimtab.io/prune: keep}\n",
    );
    platform
        .git
        .write("kits/shop/shop/marked.yaml", marked)
        .unwrap();
    platform
        .git
        .write("kits/rest/rest/c.yaml", config_map("c", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    for kit in ["shop/shop", "web/web", "rest/rest"] {
        platform.until_kit(&format!("kits/{kit}"), "Applied", &first);
    }
    for kit in ["kits/shop", "kits/web"] {
        platform.git.git(&["rm", "-rq", kit]).unwrap();
    }
    platform.git.commit("both leave").unwrap();
    gone(&platform, "shop", "configmap/c");
    let kits = ["kits/shop/shop", "kits/web/web"];
    wait_for("the Kits are gone", SOON, || {
        let left: Vec<Value> = kits.iter().map(|kit| platform.kit(kit)).collect();
        match left.iter().all(Value::is_null) {
            true => Ok(()),
            false => Err(platform.state(&left[0])),
        }
    });
    assert!(platform.get("shop", "configmap/marked").is_some());
    let namespace = platform.namespace("web");
    let found = platform.kubectl.get(&["namespace", &namespace]).unwrap();
    let leaving = found.is_none_or(|it| !it["metadata"]["deletionTimestamp"].is_null());
    assert!(leaving, "the other namespace was the host's to delete");
}

#[test]
fn a_copy_of_an_object_with_its_label_is_nobody_s_to_delete() {
    let mut platform = Platform::new(&[]);
    many(&platform, "kits/acme/shop", 1);
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let mut copy = platform.get("acme", "configmap/c0").unwrap();
    let metadata = copy["metadata"].as_object_mut().unwrap();
    for field in [
        "uid",
        "resourceVersion",
        "managedFields",
        "creationTimestamp",
    ] {
        metadata.remove(field);
    }
    metadata["name"] = "copy".into();
    platform.kubectl.apply(&copy.to_string()).unwrap();
    many(&platform, "kits/acme/shop", 2);
    let second = platform.git.commit("one more").unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Applied", &second);
    assert_eq!(Platform::findings(&kit)[0].0, "trimtab/foreign-label");
    assert!(platform.get("acme", "configmap/copy").is_some());
}

#[test]
fn what_depends_on_an_object_goes_before_it_if_the_kit_says_foreground() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    kit_yaml(&platform, kit, "  prune: {propagation: foreground}\n");
    let owner = format!("{kit}/owner.yaml");
    let (first, other) = (config_map("owner", "a"), config_map("other", "a"));
    let other_file = format!("{kit}/other.yaml");
    let first = platform.start_with(&[(&owner, &first), (&other_file, &other)]);
    platform.until_kit(kit, "Applied", &first);
    // Somebody's object that holds its owner until it is gone itself, which a finalizer delays.
    let uid = &platform.get("acme", "configmap/owner").unwrap()["metadata"]["uid"];
    let dependent = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "dependent", "namespace": platform.namespace("acme"),
            "finalizers": ["example.org/slow"],
            "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner",
                "uid": uid, "blockOwnerDeletion": true}]},
    });
    platform.kubectl.apply(&dependent.to_string()).unwrap();
    platform.git.git(&["rm", "-q", &owner]).unwrap();
    let second = platform.git.commit("without the owner").unwrap();
    platform.until_kit(kit, "Pruning", &second);
    let held = platform.get("acme", "configmap/owner").unwrap();
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    wait_for("its dependent goes first", SOON, || {
        let dependent = platform.get("acme", "configmap/dependent").unwrap();
        match dependent["metadata"]["deletionTimestamp"].is_string() {
            true => Ok(()),
            false => Err(dependent.to_string()),
        }
    });
    let namespace = platform.namespace("acme");
    let release = [
        "patch",
        "configmap",
        "dependent",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        r#"{"metadata": {"finalizers": null}}"#,
    ];
    platform.kubectl.run(&release).unwrap();
    platform.until_kit(kit, "Applied", &second);
    assert!(platform.get("acme", "configmap/owner").is_none());
}
