//! The objects that people write and delete: Repositories, Kits, Secrets.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};
use crate::servers::Servers;

fn patch_repository(platform: &Platform, spec: &Value) {
    let patch = json!({"spec": spec}).to_string();
    let arguments = [
        "patch",
        "repositories.trimtab.io",
        "platform",
        "--namespace",
        &platform.name,
        "--type=merge",
        "--patch",
        &patch,
    ];
    platform.kubectl.run(&arguments).expect("patched");
}

#[test]
fn a_suspended_repository_is_not_followed_until_it_is_resumed() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    // With a change that would matter: nothing is done by a spec that says that nothing be done.
    let narrower = json!([{"path": "kits/acme/other"}]);
    patch_repository(&platform, &json!({"suspend": true, "kits": narrower}));
    let repository = platform.until_repository("Suspended");
    let message = ready(&repository)["message"].as_str().unwrap().to_owned();
    assert!(message.contains(&first[..7]), "{message}");
    assert_eq!(ready(&platform.kit("kits/acme/shop"))["reason"], "Applied");
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    let company = format!("{}-{{company}}", platform.name);
    let wider = json!([{"path": "kits/{company}/*", "namespace": company}]);
    patch_repository(&platform, &json!({"kits": wider}));
    platform.until_repository("Suspended");
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["data"]["key"],
        "a"
    );
    patch_repository(&platform, &json!({"suspend": false}));
    platform.until_kit("kits/acme/shop", "Applied", &second);
    platform.until_repository("Applied");
}

#[test]
fn a_wrong_spec_stops_polling_with_its_field_and_the_mended_one_goes_on() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    patch_repository(&platform, &json!({"interval": "often"}));
    let repository = platform.until_repository("InvalidSpec");
    let message = ready(&repository)["message"].to_string();
    assert!(
        message.contains("spec.interval") && message.contains("often"),
        "{message}"
    );
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    patch_repository(&platform, &json!({"interval": "200ms"}));
    platform.until_kit("kits/acme/shop", "Applied", &second);
}

#[test]
fn a_guardrail_that_is_added_refuses_kits_that_were_fine_and_leaves_them_live() {
    let mut platform = Platform::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let service = crate::platform::service("shop", 6776, None);
    platform
        .git
        .write("kits/acme/shop/service.yaml", service)
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let live = platform.get("acme", "service/shop");
    let mut guardrails = platform.repository()["spec"]["guardrails"].clone();
    guardrails[0]["settings"] = json!({"service": {"allow": ["8000-8999"]}});
    patch_repository(&platform, &json!({"guardrails": guardrails}));
    let kit = platform.until_kit("kits/acme/shop", "Refused", &first);
    assert_eq!(Platform::findings(&kit)[0].2, "8000");
    assert_eq!(platform.get("acme", "service/shop"), live);
}

#[test]
fn a_kit_object_that_is_deleted_comes_back_and_its_objects_stay() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    let before = platform.until_kit("kits/acme/shop", "Applied", &first);
    let live = platform.get("acme", "configmap/shop");
    let namespace = &platform.name;
    let delete = [
        "delete",
        "kits.trimtab.io",
        "kits.acme.shop",
        "-n",
        namespace,
    ];
    platform.kubectl.run(&delete).unwrap();
    wait_for("the Kit is there again", SOON, || {
        let kit = platform.kit("kits/acme/shop");
        let new = kit["metadata"]["uid"] != before["metadata"]["uid"];
        match new && ready(&kit)["reason"] == "Applied" {
            true => Ok(()),
            false => Err(kit["status"].to_string()),
        }
    });
    assert_eq!(platform.get("acme", "configmap/shop"), live);
}

#[test]
fn a_repository_that_is_deleted_leaves_what_is_live_and_one_that_is_made_anew_goes_on() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let live = platform.get("acme", "configmap/shop");
    let namespace = &platform.name;
    let delete = [
        "delete",
        "repositories.trimtab.io",
        "platform",
        "-n",
        namespace,
    ];
    platform.kubectl.run(&delete).unwrap();
    assert_eq!(platform.get("acme", "configmap/shop"), live);
    let file = platform.repository_file();
    platform
        .kubectl
        .apply(&std::fs::read_to_string(file).unwrap())
        .unwrap();
    platform.until_repository("Applied");
    platform
        .git
        .edit("kits/acme/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit("kits/acme/shop", "Applied", &second);
}

#[test]
fn credentials_come_from_a_secret_and_a_mended_one_is_taken_up() {
    let servers = Servers::start();
    let mut platform = Platform::new(&[]);
    let text = std::fs::read_to_string(platform.repository_file()).unwrap();
    let url = format!("{}/shop.git", servers.text("http"));
    let spec = text
        .replace(&platform.git.url(), &url)
        .replace("  kits:\n", "  secretRef: {name: git}\n  kits:\n");
    std::fs::write(platform.repository_file(), spec).unwrap();
    platform.start();
    platform.until_repository("SecretNotRead");
    let secret = |password: &str| {
        let secret = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "git", "namespace": platform.name},
            "stringData": {"username": servers.text("user"), "password": password},
        });
        platform.kubectl.apply(&secret.to_string()).unwrap();
    };
    secret("wrong-word");
    let repository = platform.until_repository("AuthenticationFailed");
    assert!(
        !repository.to_string().contains("wrong-word"),
        "{repository}"
    );
    secret(&servers.text("password"));
    platform.until_repository("Applied");
    let logs = serde_json::to_string(&platform.logs()).unwrap();
    assert!(!logs.contains("wrong-word") && !logs.contains(&servers.text("password")));
}

#[test]
fn text_that_yaml_would_alter_arrives_as_it_is_and_stops_no_status() {
    let mut platform = Platform::new(&[]);
    // Characters that JSON lets stand, and that are line breaks or errors in YAML.
    let odd = "a\u{7f}b\u{9b}c\u{85}d\u{2028}e \u{2029} f";
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: odd}\ndata: {key: \"a\\x7Fb\\x9Bc\\x85d\\u2028e \\u2029 f\"}\n";
    platform.git.write("kits/acme/odd/map.yaml", map).unwrap();
    let revision = platform.git.commit(&format!("odd {odd}")).unwrap();
    platform.start();
    platform.until_kit("kits/acme/odd", "Applied", &revision);
    let live = |platform: &Platform| platform.get("acme", "configmap/odd").unwrap_or_default();
    assert_eq!(live(&platform)["data"]["key"], odd);
    let version = live(&platform)["metadata"]["resourceVersion"].clone();
    // A host that starts anew finds all as it is to be.
    platform.kill();
    platform.start_without_file();
    let next = platform
        .git
        .write("kits/acme/more/a.yaml", config_map("more", "a"))
        .and_then(|()| platform.git.commit("another"))
        .unwrap();
    platform.until_kit("kits/acme/more", "Applied", &next);
    platform.until_repository("Applied");
    assert_eq!(live(&platform)["metadata"]["resourceVersion"], version);
}
