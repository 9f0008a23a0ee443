//! Whose an object is.

use serde_json::json;
use trimtab_harness::git::Fixture;
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map};

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
    let revision = first.start_with(&[
        ("kits/acme/shop/config.yaml", &shared),
        ("kits/acme/shop/rest.yaml", &config_map("rest", "a")),
    ]);
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
    // It goes live by itself when the other one lets it go.
    first
        .git
        .git(&["rm", "-q", "kits/acme/shop/config.yaml"])
        .unwrap();
    first.git.commit("has it no longer").unwrap();
    second.until_kit("infra/thief", "Applied", &revision);
    assert_eq!(
        first.get("acme", "configmap/shared").unwrap()["data"]["key"],
        "b"
    );
}

#[test]
fn two_repositories_with_one_path_leave_each_other_alone_whichever_is_known_first() {
    let mut platform = Platform::new(&[]);
    let (shop, thief) = ("kits/acme/shop", "kits/acme/thief");
    let first = platform.start_with(&[(&format!("{shop}/a.yaml"), &config_map("one", "a"))]);
    platform.until_kit(shop, "Applied", &first);
    let before = platform.get("acme", "configmap/one").unwrap();
    // A second Repository of the namespace has a kit of the same path, without the object, and
    // another kit that wants it.
    let folder = tempfile::tempdir().unwrap();
    let git = Fixture::new(&folder.path().join("repository")).unwrap();
    git.write(&format!("{shop}/b.yaml"), config_map("two", "b"))
        .unwrap();
    let wanted = format!("{thief}/a.yaml");
    git.write(&wanted, config_map("one", "b")).unwrap();
    let theirs = git.commit("the same path").unwrap();
    let text = std::fs::read_to_string(platform.repository_file()).unwrap();
    let second = text
        .replace(&platform.git.url(), &git.url())
        .replace("name: platform,", "name: second,");
    platform.kubectl.apply(&second).unwrap();
    let refused = |revision: &str| {
        let kit = platform.until_kit(thief, "Refused", revision);
        let (rule, _, _) = &Platform::findings(&kit)[0];
        assert_eq!(rule, "trimtab/owned-by-another-kit");
        let live = platform.get("acme", "configmap/one").unwrap();
        assert_eq!(live["metadata"]["uid"], before["metadata"]["uid"]);
        assert_eq!(live["data"]["key"], "a");
    };
    refused(&theirs);
    assert!(platform.get("acme", "configmap/two").is_none());
    // What happens to the objects is told to whose they are.
    let namespace = platform.namespace("acme");
    let change = json!({"data": {"key": "other"}}).to_string();
    let by_hand = [
        "patch",
        "configmap",
        "one",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        &change,
    ];
    platform.kubectl.run(&by_hand).unwrap();
    wait_for("it is put right", SOON, || {
        let live = platform.get("acme", "configmap/one").unwrap();
        match live["data"]["key"] == "a" {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(shop))),
        }
    });
    git.git(&["rm", "-rq", shop]).unwrap();
    git.edit(&wanted, "key: b", "key: c").unwrap();
    let less = git.commit("no longer").unwrap();
    refused(&less);
    // A host for which the second one is the only one that it can read.
    git.write(&format!("{shop}/b.yaml"), config_map("two", "b"))
        .unwrap();
    git.edit(&wanted, "key: c", "key: d").unwrap();
    let again = git.commit("again").unwrap();
    let (here, away) = (platform.git.folder(), folder.path().join("away"));
    std::fs::rename(here, &away).unwrap();
    platform.kill();
    platform.start_without_file();
    platform.until_kit(thief, "Refused", &again);
}

#[test]
fn a_kit_that_adopts_nothing_goes_live_when_what_was_there_is_gone() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    let kubectl = platform.kubectl.clone();
    kubectl.run(&["create", "namespace", &namespace]).unwrap();
    let here = ["configmap", "shop", "--namespace", &namespace];
    kubectl.run(&[&["create"], &here[..]].concat()).unwrap();
    let kit = "kits/acme/shop";
    let revision = platform.start_with(&[
        (
            &format!("{kit}/kit.yaml"),
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec: {adopt: never}\n",
        ),
        (&format!("{kit}/a.yaml"), &config_map("shop", "a")),
    ]);
    let refused = platform.until_kit(kit, "Refused", &revision);
    assert_eq!(Platform::findings(&refused)[0].0, "trimtab/not-adopted");
    kubectl.run(&[&["delete"], &here[..]].concat()).unwrap();
    platform.until_kit(kit, "Applied", &revision);
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

#[test]
fn what_another_tool_set_leaves_an_object_that_is_taken_over() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    platform
        .kubectl
        .run(&["create", "namespace", &namespace])
        .unwrap();
    let before = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shop, labels: {old: 'yes'}}\ndata: {key: before, more: before}\n";
    platform
        .kubectl
        .client_side_apply(before, &namespace)
        .unwrap();
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let revision = platform.git.commit("takes it over").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &revision);
    let live = platform.get("acme", "configmap/shop").unwrap();
    assert_eq!(live["data"], serde_json::json!({"key": "a"}));
    assert!(live["metadata"]["labels"].get("old").is_none(), "{live}");
}

#[test]
fn a_kit_that_adopts_nothing_or_nothing_managed_is_refused_what_is_there() {
    let mut platform = Platform::new(&[]);
    let namespace = platform.namespace("acme");
    let kubectl = platform.kubectl.clone();
    kubectl.run(&["create", "namespace", &namespace]).unwrap();
    for (name, label) in [
        ("plain", "a: b"),
        ("managed", "app.kubernetes.io/managed-by: Helm"),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}, labels: {{{label}}}}}\ndata: {{key: before}}\n"
        );
        kubectl.apply(&text).unwrap();
    }
    for (kit, policy, object) in [
        ("never", "never", "plain"),
        ("managed", "unless-managed", "managed"),
        ("unmanaged", "unless-managed", "plain"),
    ] {
        let text = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {kit}}}\nspec: {{adopt: {policy}}}\n"
        );
        let folder = format!("kits/acme/{kit}");
        platform
            .git
            .write(&format!("{folder}/kit.yaml"), text)
            .unwrap();
        // One after the other: two kits may not have one object.
        let file = format!("{folder}/config.yaml");
        platform.git.write(&file, config_map(object, "a")).unwrap();
        let revision = platform.git.commit(kit).unwrap();
        if kit == "never" {
            platform.start();
        }
        if kit == "unmanaged" {
            platform.until_kit(&folder, "Applied", &revision);
        } else {
            let refused = platform.until_kit(&folder, "Refused", &revision);
            let (rule, place, _) = &Platform::findings(&refused)[0];
            assert_eq!(rule, "trimtab/not-adopted");
            assert_eq!(*place, format!("{file}:1"));
            let live = platform
                .get("acme", &format!("configmap/{object}"))
                .unwrap();
            assert_eq!(live["data"]["key"], "before");
        }
        platform.git.git(&["rm", "-q", &file]).unwrap();
    }
}

#[test]
fn a_kit_that_acts_as_a_service_account_has_its_rights_and_no_more() {
    let mut platform = Platform::new(&[]);
    let file = platform.repository_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let required = text.replace(
        "  - {path: 'kits/{company}/*', namespace:",
        "  - {path: 'kits/{company}/*', requireServiceAccount: true, namespace:",
    );
    assert_ne!(text, required);
    std::fs::write(&file, required).unwrap();
    let namespace = platform.namespace("acme");
    let kubectl = platform.kubectl.clone();
    kubectl.run(&["create", "namespace", &namespace]).unwrap();
    let here = ["--namespace", &namespace];
    for arguments in [
        vec!["create", "serviceaccount", "deployer"],
        vec![
            "create",
            "role",
            "deployer",
            "--resource=configmaps",
            "--verb=*",
        ],
        vec![
            "create",
            "rolebinding",
            "deployer",
            "--role=deployer",
            &format!("--serviceaccount={namespace}:deployer"),
        ],
    ] {
        kubectl.run(&[&arguments[..], &here].concat()).unwrap();
    }
    let kit = "kits/acme/shop";
    platform
        .git
        .write(&format!("{kit}/a.yaml"), config_map("shop", "a"))
        .unwrap();
    // A repository without any kit would be taken for a mistake.
    platform
        .git
        .write("infra/rest/a.yaml", config_map("rest", "a"))
        .unwrap();
    let first = platform.git.commit("acts as nobody").unwrap();
    platform.start();
    let refused = platform.until_kit(kit, "Refused", &first);
    assert_eq!(
        Platform::findings(&refused)[0].0,
        "trimtab/service-account-required"
    );
    let kit_yaml = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec: {serviceAccount: deployer}\n";
    platform
        .git
        .write(&format!("{kit}/kit.yaml"), kit_yaml)
        .unwrap();
    let second = platform.git.commit("acts as the deployer").unwrap();
    platform.until_kit(kit, "Applied", &second);
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: more}\nstringData: {word: hush}\n";
    platform
        .git
        .write(&format!("{kit}/b.yaml"), secret)
        .unwrap();
    platform
        .git
        .write(&format!("{kit}/c.yaml"), config_map("other", "a"))
        .unwrap();
    let third = platform.git.commit("more than it may").unwrap();
    let failed = platform.until_kit(kit, "ApplyFailed", &third);
    let (rule, place, _) = &Platform::findings(&failed)[0];
    assert_eq!(rule, "trimtab/apply-forbidden");
    assert_eq!(*place, format!("{kit}/b.yaml:1"));
    assert!(platform.get("acme", "secret/more").is_none());
    // What leaves is deleted with the same rights.
    platform.git.git(&["rm", "-rq", kit]).unwrap();
    platform.git.commit("leaves").unwrap();
    trimtab_harness::wait_for("it is gone", crate::platform::SOON, || {
        match platform.get("acme", "configmap/shop") {
            None => Ok(()),
            Some(_) => Err(platform.state(&platform.kit(kit))),
        }
    });
}
