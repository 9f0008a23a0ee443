//! Kits and Repositories that are deleted, and what becomes of their objects.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON};
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
