//! Revisions that go live.

use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready, service};

#[test]
fn a_commit_goes_live_and_touches_nothing_but_what_it_changed() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/service.yaml", service("shop", 6776, None))
        .unwrap();
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    platform
        .git
        .write("kits/rival/shop/service.yaml", service("shop", 80, None))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let rival = platform.until_kit("kits/rival/shop", "Applied", &first);
    let before = platform.get("acme", "configmap/shop").unwrap();
    let rivals = platform.get("rival", "service/shop").unwrap();
    assert_eq!(
        before["metadata"]["annotations"]["trimtab.io/revision"],
        first.as_str()
    );
    assert_eq!(
        before["metadata"]["annotations"]["trimtab.io/origin"],
        "kits/acme/shop/config.yaml:1"
    );

    platform
        .git
        .edit("kits/acme/shop/service.yaml", "6776", "5445")
        .unwrap();
    let second = platform
        .git
        .commit_as("Ada <ada@example.org>", "another port")
        .unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Applied", &second);
    assert_eq!(
        platform.get("acme", "service/shop").unwrap()["spec"]["ports"][0]["port"],
        5445
    );
    assert_eq!(kit["status"]["applied"]["author"], "Ada <ada@example.org>");
    assert_eq!(kit["status"]["applied"]["subject"], "another port");
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap(),
        before,
        "what did not change was not sent"
    );
    assert_eq!(platform.get("rival", "service/shop").unwrap(), rivals);
    assert_eq!(
        platform.kit("kits/rival/shop"),
        rival,
        "the neighbour was not even looked at"
    );
    let evaluated = platform
        .logs()
        .into_iter()
        .rfind(|line| line["message"] == "evaluated")
        .unwrap();
    assert_eq!(
        (&evaluated["kits"], &evaluated["looked_at"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_definition_is_served_before_objects_of_its_kind_are_sent_even_from_another_kit() {
    let mut platform = Platform::new(&[]);
    let group = format!("{}.example.org", platform.name);
    let definition = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: lamps.{group}}}\n\
         spec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: Lamp, plural: lamps}}\n  versions:\n\
         \x20 - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object, x-kubernetes-preserve-unknown-fields: true}}}}}}\n"
    );
    let lamp = format!(
        "apiVersion: {group}/v1\nkind: Lamp\nmetadata: {{name: desk}}\nspec: {{bright: true}}\n"
    );
    platform
        .git
        .write("infra/definitions/crd.yaml", &definition)
        .unwrap();
    platform
        .git
        .write("infra/definitions/lamp.yaml", lamp.replace("desk", "own"))
        .unwrap();
    platform
        .git
        .write("kits/acme/light/lamp.yaml", &lamp)
        .unwrap();
    let revision = platform.git.commit("lamps").unwrap();
    platform.start();
    platform.until_kit("infra/definitions", "Applied", &revision);
    platform.until_kit("kits/acme/light", "Applied", &revision);
    let lamp = platform
        .get("acme", &format!("lamps.{group}/desk"))
        .expect("the lamp is live");
    assert_eq!(lamp["spec"]["bright"], true);
}

#[test]
fn a_killed_host_goes_on_where_it_was_and_sends_nothing_twice() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let before = (
        platform.get("acme", "configmap/shop"),
        platform.kit("kits/acme/shop"),
    );
    platform.kill();
    platform.start();
    wait_for("the second host has settled", SOON, || {
        let settled = platform
            .logs()
            .iter()
            .filter(|line| line["message"] == "settled")
            .count();
        if settled == 2 {
            Ok(())
        } else {
            Err(format!("{settled} times"))
        }
    });
    assert_eq!(
        (
            platform.get("acme", "configmap/shop"),
            platform.kit("kits/acme/shop")
        ),
        before
    );

    platform.kill();
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("while nobody looked").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &second);
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn a_suspended_kit_stays_as_it_is_until_it_is_resumed() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let patch = |platform: &Platform, suspend: bool| {
        let patch = format!("{{\"spec\":{{\"suspend\":{suspend}}}}}");
        let namespace = &platform.name;
        let arguments = [
            "patch",
            "kits.trimtab.io",
            "kits.acme.shop",
            "-n",
            namespace,
            "--type=merge",
            "-p",
            &patch,
        ];
        platform.kubectl.run(&arguments).unwrap();
    };
    patch(&platform, true);
    wait_for("it is suspended", SOON, || {
        let kit = platform.kit("kits/acme/shop");
        if ready(&kit)["reason"] == "Suspended" {
            Ok(())
        } else {
            Err(kit["status"].to_string())
        }
    });
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    wait_for("the second revision was seen", SOON, || {
        let seen = platform.repository()["status"]["revision"]["revision"].clone();
        if seen == second.as_str() {
            Ok(())
        } else {
            Err(seen.to_string())
        }
    });
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "a"
    );
    patch(&platform, false);
    platform.until_kit("kits/acme/shop", "Applied", &second);
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "b"
    );
}
