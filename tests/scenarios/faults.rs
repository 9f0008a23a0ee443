//! Git and cluster that do not do as they should.

use crate::platform::{Platform, config_map, ready};

#[test]
fn a_remote_that_vanishes_leaves_the_live_state_and_is_followed_again_when_it_is_back() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let away = platform.git.folder().with_extension("away");
    std::fs::rename(platform.git.folder(), &away).unwrap();
    let repository = platform.until_repository("Unreachable");
    assert!(
        ready(&repository)["message"]
            .as_str()
            .unwrap()
            .contains("live: "),
        "{repository}"
    );
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "a"
    );
    std::fs::rename(&away, platform.git.folder()).unwrap();
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit("kits/acme/shop", "Applied", &second);
    platform.until_repository("Applied");
}

#[test]
fn a_deleted_branch_and_an_empty_repository_are_conditions_of_their_own() {
    let mut platform = Platform::new(&[]);
    platform.start();
    platform.until_repository("EmptyRepository");
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    platform
        .git
        .git(&["branch", "--move", "main", "other"])
        .unwrap();
    platform.until_repository("RefNotFound");
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "a"
    );
}

#[test]
fn a_rewritten_history_is_followed_and_told() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &second);
    platform
        .git
        .git(&["reset", "--hard", "--quiet", &first])
        .unwrap();
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: c")
        .unwrap();
    let third = platform.git.commit("instead").unwrap();
    platform.until_kit("kits/acme/shop", "Applied", &third);
    let events = platform
        .kubectl
        .get(&["events", "--namespace", &platform.name])
        .unwrap()
        .unwrap();
    let reasons = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|event| event["reason"] == "HistoryRewritten");
    assert_eq!(reasons.count(), 1);
}

#[test]
fn an_object_that_the_api_refuses_is_told_at_its_line_and_the_fix_goes_live() {
    let mut platform = Platform::new(&[]);
    let wrong = config_map("shop", "a").replace("\ndata:", "\ndta:");
    platform
        .git
        .write("kits/acme/shop/config.yaml", wrong)
        .unwrap();
    let first = platform.git.commit("a typing error").unwrap();
    platform.start();
    let kit = platform.until_kit("kits/acme/shop", "ApplyFailed", &first);
    assert_eq!(Platform::findings(&kit)[0].0, "trimtab/apply-failed");
    assert_eq!(
        Platform::findings(&kit)[0].1,
        "kits/acme/shop/config.yaml:1"
    );
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "\ndta:", "\ndata:")
        .unwrap();
    let second = platform.git.commit("mended").unwrap();
    platform.until_kit("kits/acme/shop", "Applied", &second);
}

/// As of a request that a host had given up, because a newer revision came, and that the API server
/// carried out all the same: nobody waits for it.
#[test]
fn an_object_that_comes_late_of_a_request_that_was_given_up_is_not_left_behind() {
    let mut platform = Platform::new(&[]);
    let kit = "kits/acme/shop";
    let map = config_map("shop", "a");
    let first = platform.start_with(&[("kits/acme/shop/config.yaml", &map)]);
    platform.until_kit(kit, "Applied", &first);
    let set = platform.kit(kit)["metadata"]["labels"]["applyset.kubernetes.io/id"].clone();
    let late = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "late", "namespace": platform.namespace("acme"),
            "labels": {"applyset.kubernetes.io/part-of": set}},
        "data": {"key": "a"},
    });
    let file = platform.repository_file().with_file_name("late.json");
    std::fs::write(&file, late.to_string()).unwrap();
    let manager = format!("trimtab/{}/kits.acme.shop", platform.name);
    let arguments = ["apply", "--server-side", "--field-manager", &manager, "-f"];
    let mut arguments = arguments.to_vec();
    arguments.push(file.to_str().unwrap());
    platform.kubectl.run(&arguments).unwrap();
    trimtab_harness::wait_for("it is gone", crate::platform::SOON, || {
        match platform.get("acme", "configmap/late") {
            None => Ok(()),
            Some(late) => Err(late.to_string()),
        }
    });
    assert!(platform.get("acme", "configmap/shop").is_some());
}
