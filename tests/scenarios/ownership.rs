//! Whose an object is.

use crate::platform::{Platform, config_map};

#[test]
fn an_object_that_two_kits_have_is_refused_in_both_with_both_origins() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/one/config.yaml", config_map("shared", "a"))
        .unwrap();
    platform
        .git
        .write("kits/acme/two/config.yaml", config_map("shared", "b"))
        .unwrap();
    let revision = platform.git.commit("one object, two kits").unwrap();
    platform.start();
    for (kit, other) in [
        ("kits/acme/one", "kits/acme/two"),
        ("kits/acme/two", "kits/acme/one"),
    ] {
        let status = platform.until_kit(kit, "Refused", &revision)["status"].clone();
        let finding = &status["findings"][0];
        assert_eq!(finding["rule"], "trimtab/object-in-two-kits");
        assert_eq!(finding["origin"]["path"], format!("{kit}/config.yaml"));
        assert_eq!(
            finding["notes"][0]["origin"]["path"],
            format!("{other}/config.yaml")
        );
    }
}

#[test]
fn an_object_of_another_repository_is_refused_with_both_origins() {
    let mut first = Platform::new(&[]);
    let mut second = Platform::new(&[]);
    let namespace = first.namespace("acme");
    let shared = config_map("shared", "a").replace(
        "  name: shared\n",
        &format!("  name: shared\n  namespace: {namespace}\n"),
    );
    first
        .git
        .write("kits/acme/shop/config.yaml", &shared)
        .unwrap();
    let revision = first.git.commit("has it").unwrap();
    first.start();
    first.until_kit("kits/acme/shop", "Applied", &revision);
    second
        .git
        .write(
            "infra/thief/config.yaml",
            shared.replace("key: a", "key: b"),
        )
        .unwrap();
    let text = std::fs::read_to_string(second.repository_file()).unwrap();
    let wider = text.replace(
        "clusterScoped: true}",
        &format!("allowedNamespaces: [{namespace}]}}"),
    );
    std::fs::write(second.repository_file(), wider).unwrap();
    let revision = second.git.commit("wants it").unwrap();
    second.start();
    let kit = second.until_kit("infra/thief", "Refused", &revision);
    let finding = &kit["status"]["findings"][0];
    assert_eq!(finding["rule"], "trimtab/owned-by-another-kit");
    assert_eq!(finding["origin"]["path"], "infra/thief/config.yaml");
    assert_eq!(
        finding["notes"][0]["origin"]["path"],
        "kits/acme/shop/config.yaml"
    );
    assert_eq!(
        first.get("acme", "configmap/shared").unwrap()["data"]["key"],
        "a"
    );
}

#[test]
fn an_object_that_a_person_applied_is_taken_over() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["create", "namespace", &namespace])
        .unwrap();
    let by_hand = config_map("shop", "by-hand").replace(
        "  name: shop\n",
        &format!("  name: shop\n  namespace: {namespace}\n"),
    );
    platform.kubectl.apply(&by_hand).unwrap();
    platform
        .git
        .write(
            "kits/acme/shop/config.yaml",
            config_map("shop", "by-commit"),
        )
        .unwrap();
    let revision = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &revision);
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "by-commit"
    );
}
