//! Revisions that are refused: the live state stays, and the admin reads why.

use crate::platform::{Platform, config_map, service};

const PORTS: (&str, &str) = ("port-policy", "{service: {allow: ['1024-9999']}}");
const UNIQUE: (&str, &str) = ("unique-node-ports", "{}");

#[test]
fn a_kit_that_breaks_a_rule_leaves_the_live_state_alone_and_stops_nobody_else() {
    let mut platform = Platform::new(&[PORTS]);
    platform
        .git
        .write("kits/acme/shop/service.yaml", service("shop", 6776, None))
        .unwrap();
    platform
        .git
        .write("kits/rival/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let live = platform.get("acme", "service/shop");

    platform
        .git
        .edit("kits/acme/shop/service.yaml", "6776", "80")
        .unwrap();
    platform
        .git
        .edit("kits/rival/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("one is wrong").unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &second);
    platform.until_kit("kits/rival/shop", "Applied", &second);
    let told = (
        "port-policy/service-port".to_owned(),
        "kits/acme/shop/service.yaml:10".to_owned(),
        "1024".to_owned(),
    );
    assert_eq!(Platform::findings(&kit), [told]);
    assert_eq!(kit["status"]["applied"]["revision"], first.as_str());
    assert_eq!(platform.get("acme", "service/shop"), live);
    assert_eq!(
        platform.get("rival", "configmap/shop").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn every_error_of_a_kit_is_told_at_once() {
    let mut platform = Platform::new(&[PORTS]);
    let two = format!("{}---\n{}", service("a", 80, None), service("b", 443, None));
    platform
        .git
        .write("kits/acme/shop/services.yaml", two)
        .unwrap();
    platform
        .git
        .write(
            "kits/acme/broken/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {k: 1, k: 2}\n",
        )
        .unwrap();
    platform
        .git
        .write("kits/acme/broken/b.yaml", "apiVersion: v1\nkind: [\n")
        .unwrap();
    let revision = platform.git.commit("four errors").unwrap();
    platform.start();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &revision);
    assert_eq!(Platform::findings(&kit).len(), 2);
    let kit = platform.until_kit("kits/acme/broken", "Refused", &revision);
    let places: Vec<String> = Platform::findings(&kit)
        .into_iter()
        .map(|(_, place, _)| place)
        .collect();
    assert_eq!(
        places,
        ["kits/acme/broken/a.yaml:4", "kits/acme/broken/b.yaml:3"]
    );
}

#[test]
fn a_node_port_of_another_kit_is_refused_and_goes_live_when_it_is_free() {
    let mut platform = Platform::new(&[UNIQUE]);
    platform
        .git
        .write(
            "kits/acme/shop/service.yaml",
            service("shop", 80, Some(31501)),
        )
        .unwrap();
    platform
        .git
        .write(
            "kits/rival/shop/service.yaml",
            service("shop", 80, Some(31502)),
        )
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    platform.until_kit("kits/rival/shop", "Applied", &first);

    platform
        .git
        .edit("kits/acme/shop/service.yaml", "31501", "31502")
        .unwrap();
    let second = platform.git.commit("takes the rival's").unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &second);
    let found = Platform::findings(&kit);
    assert_eq!(found[0].0, "unique-node-ports/taken");
    assert_eq!(found[0].1, "kits/acme/shop/service.yaml:11");
    assert_eq!(
        platform.kit("kits/rival/shop")["status"]["applied"]["revision"],
        first.as_str()
    );
    assert_eq!(
        platform.get("acme", "service/shop").unwrap()["spec"]["ports"][0]["nodePort"],
        31501
    );

    platform
        .git
        .edit("kits/rival/shop/service.yaml", "31502", "31503")
        .unwrap();
    let third = platform.git.commit("the rival moves").unwrap();
    platform.until_kit("kits/rival/shop", "Applied", &third);
    trimtab_harness::wait_for("the refused kit goes live", crate::platform::SOON, || {
        let live = platform.get("acme", "service/shop").unwrap();
        let port = &live["spec"]["ports"][0]["nodePort"];
        if *port == 31502 {
            Ok(())
        } else {
            Err(port.to_string())
        }
    });
}

#[test]
fn a_missing_or_exchanged_guardrail_stops_every_kit() {
    let mut platform = Platform::new(&[PORTS]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);

    let rule = platform.git.folder().join("rules/port-policy.wasm");
    std::fs::remove_file(&rule).unwrap();
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("takes the guardrail off").unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &second);
    assert_eq!(Platform::findings(&kit)[0].0, "trimtab/plugin-missing");

    let other = trimtab_harness::root().join("target/components/namespace-guard.wasm");
    std::fs::copy(other, &rule).unwrap();
    let third = platform
        .git
        .commit("another component in its place")
        .unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &third);
    assert_eq!(Platform::findings(&kit)[0].0, "trimtab/plugin-digest");
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "a"
    );
}

#[test]
fn a_kit_whose_plugin_is_no_component_stops_alone() {
    let mut platform = Platform::new(&[]);
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n  plugins:\n  - path: rule.wasm\n";
    platform.git.write("kits/acme/shop/kit.yaml", kit).unwrap();
    platform
        .git
        .write("kits/acme/shop/rule.wasm", [0, 1, 2, 3])
        .unwrap();
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    platform
        .git
        .write("kits/rival/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let revision = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/rival/shop", "Applied", &revision);
    let kit = platform.until_kit("kits/acme/shop", "Refused", &revision);
    let (rule, place, _) = Platform::findings(&kit).remove(0);
    assert_eq!(
        (rule.as_str(), place.as_str()),
        ("trimtab/plugin-refused", "kits/acme/shop/kit.yaml:6")
    );
    assert_eq!(platform.get("acme", "configmap/shop"), None);
}

#[test]
fn the_grants_hold_without_any_plugin() {
    let mut platform = Platform::new(&[]);
    let stray = config_map("shop", "a")
        .replace("  name: shop\n", "  name: shop\n  namespace: kube-system\n");
    platform
        .git
        .write("kits/acme/shop/config.yaml", stray)
        .unwrap();
    let role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: everything}\nrules: []\n";
    platform
        .git
        .write("kits/acme/shop/role.yaml", role)
        .unwrap();
    let revision = platform.git.commit("too much").unwrap();
    platform.start();
    let kit = platform.until_kit("kits/acme/shop", "Refused", &revision);
    let rules: Vec<String> = Platform::findings(&kit)
        .into_iter()
        .map(|(rule, ..)| rule)
        .collect();
    assert_eq!(
        rules,
        [
            "trimtab/namespace-not-granted",
            "trimtab/cluster-scoped-not-granted"
        ]
    );
}
