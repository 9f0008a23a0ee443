//! Direct changes, past Git, which the API server asks the host about.

mod in_a_pod;
mod ways_past;

use std::net::{SocketAddr, TcpListener};
use std::process::Child;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, service};

const PORTS: (&str, &str) = ("port-policy", "{service: {allow: ['1024-9999']}}");
const KIT: &str = "kits/acme/shop";

/// Of a host that serves the webhook at a port of its own.
pub fn arguments(_: &str) -> Vec<String> {
    let at = free("127.0.0.1");
    let arguments = ["--admission", "--admission-url", &format!("https://{at}")];
    arguments.map(str::to_owned).into()
}

fn free(address: &str) -> SocketAddr {
    let free = TcpListener::bind((address, 0)).expect("a port");
    free.local_addr().expect("an address")
}

/// A host that ends with the test.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A host with a door, and a kit with a Service behind it.
fn guarded(policy: &str) -> Platform {
    let mut platform = Platform::new(&[PORTS]);
    platform.guard_the_door(policy);
    let shop = service("shop", 6776, None);
    let first = platform.start_with(&[(&format!("{KIT}/service.yaml"), &shop)]);
    platform.until_kit(KIT, "Applied", &first);
    platform
}

/// Changes the port by hand. Gives what kubectl said, and whether it was taken.
fn change(platform: &Platform, port: u16, more: &[&str]) -> (bool, String) {
    let patch = json!([{"op": "replace", "path": "/spec/ports/0/port", "value": port}]);
    let (patch, namespace) = (patch.to_string(), platform.namespace("acme"));
    let mut arguments = vec!["patch", "service", "shop", "--namespace", &namespace];
    arguments.extend(["--type=json", "--patch", &patch]);
    arguments.extend(more);
    let output = platform.kubectl.command(&arguments).output();
    let output = output.expect("kubectl runs");
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.success(), words)
}

/// Waits until a change to this port, which is only tried, is taken or refused with these words.
fn until(platform: &Platform, port: u16, taken: bool, words: &str) -> String {
    wait_for(&format!("a change to {port}: {words:?}"), SOON, || {
        let (found, said) = change(platform, port, &["--dry-run=server"]);
        match found == taken && said.contains(words) {
            true => Ok(said),
            false => Err(said),
        }
    })
}

fn refused(platform: &Platform) -> String {
    until(platform, 80, false, "[port-policy/service-port]")
}

fn webhooks(platform: &Platform) -> Value {
    let name = format!("trimtab.{}", platform.name);
    let found = platform
        .kubectl
        .get(&["validatingwebhookconfiguration", &name]);
    found.expect("kubectl works").unwrap_or_default()["webhooks"].clone()
}

fn set_admission(platform: &Platform, admission: &Value) {
    let patch = json!({"spec": {"admission": admission}}).to_string();
    let arguments = [
        "patch",
        "repositories.trimtab.io",
        "platform",
        "-n",
        &platform.name,
        "--type=merge",
        "-p",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

#[test]
fn a_direct_change_that_breaks_a_guardrail_is_refused_with_the_rules_words() {
    let platform = guarded("{}");
    let words = refused(&platform);
    for part in [
        "/spec/ports/0/port",
        "is not allowed",
        "write 1024 instead",
        "kits/acme/shop/service.yaml:1",
    ] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let (taken, words) = change(&platform, 80, &[]);
    assert!(!taken && words.contains("denied the request"), "{words}");
    // A new object, which no kit has, is judged as well, and none of another kind or namespace.
    let namespace = platform.namespace("acme");
    let mine: Value = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "mine", "namespace": namespace},
        "spec": {"ports": [{"port": 443}]}});
    assert!(platform.kubectl.apply(&mine.to_string()).is_err());
    let map = ["create", "configmap", "mine", "--namespace", &namespace];
    platform.kubectl.run(&map).unwrap();
    let elsewhere = platform.namespace("nobody");
    platform
        .kubectl
        .run(&["create", "namespace", &elsewhere])
        .unwrap();
    let mut theirs = mine;
    theirs["metadata"]["namespace"] = elsewhere.into();
    platform.kubectl.apply(&theirs.to_string()).unwrap();
    // A good one is taken, and put right by the host, whose own writes nobody asks about.
    let (taken, words) = change(&platform, 6777, &["--dry-run=server"]);
    assert!(taken, "{words}");
    let patch = r#"{"spec": {"selector": {"app": "other"}}}"#;
    let arguments = [
        "patch",
        "service",
        "shop",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
    wait_for("it is put right", SOON, || {
        match platform.get("acme", "service/shop").unwrap()["spec"]["selector"]["app"] == "shop" {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(KIT))),
        }
    });
}

#[test]
fn a_port_changes_by_hand_only_with_a_note_where_a_guardrail_asks_for_one() {
    let noted = "{noted: [{for: {kinds: [Service]}, fields: ['/spec/ports/*/port']}]}";
    let mut platform = Platform::new(&[("changes", noted)]);
    platform.guard_the_door("{}");
    let shop = service("shop", 6776, None);
    let first = platform.start_with(&[(&format!("{KIT}/service.yaml"), &shop)]);
    platform.until_kit(KIT, "Applied", &first);
    let words = until(&platform, 6777, false, "[changes/noted]");
    assert!(words.contains("changes from 6776 to 6777"), "{words}");
    let namespace = platform.namespace("acme");
    let patch = r#"{"metadata": {"annotations": {"change-note": "the scanner has it"}}, "spec": {"ports": [{"port": 6777}]}}"#;
    let arguments = ["patch", "service", "shop", "--namespace", &namespace];
    let tried = ["--type=merge", "--dry-run=server", "--patch", patch];
    platform
        .kubectl
        .run(&[&arguments[..], &tried].concat())
        .unwrap();
    // What changes nothing that has a rule is nobody's business.
    let label = r#"{"metadata": {"labels": {"mine": "x"}}}"#;
    let tried = ["--type=merge", "--patch", label];
    platform
        .kubectl
        .run(&[&arguments[..], &tried].concat())
        .unwrap();
}

#[test]
fn the_namespaces_at_the_door_follow_the_kits_and_go_with_the_policy() {
    let platform = guarded("{timeoutSeconds: 3}");
    refused(&platform);
    let values =
        || webhooks(&platform)[0]["namespaceSelector"]["matchExpressions"][0]["values"].clone();
    assert_eq!(webhooks(&platform)[0]["timeoutSeconds"], 3);
    assert_eq!(values(), json!([platform.namespace("acme")]));
    let reached = |what: &str, wanted: Value| {
        wait_for(what, SOON, || match values() {
            found if found == wanted => Ok(()),
            found => Err(found.to_string()),
        });
    };
    let map = config_map("shop", "a");
    platform.git.write("kits/rival/shop/a.yaml", map).unwrap();
    platform.git.commit("a rival").unwrap();
    reached(
        "both",
        json!([platform.namespace("acme"), platform.namespace("rival")]),
    );
    std::fs::remove_dir_all(platform.git.folder().join("kits/rival")).unwrap();
    platform.git.commit("no rival").unwrap();
    reached("one", json!([platform.namespace("acme")]));
    set_admission(&platform, &json!({"enforce": "warn"}));
    let warned = until(&platform, 80, true, "[port-policy/service-port]");
    assert!(warned.contains("Warning:"), "{warned}");
    set_admission(&platform, &Value::Null);
    until(&platform, 80, true, "");
    assert_eq!(webhooks(&platform), Value::Null);
}

#[test]
fn while_the_host_is_away_changes_are_refused_or_let_through_as_the_policy_says() {
    let mut platform = guarded("{failurePolicy: Fail, timeoutSeconds: 2}");
    refused(&platform);
    platform.kill();
    let words = until(&platform, 6777, false, "failed calling webhook");
    assert!(!words.contains("denied the request"), "{words}");
    // The next one is let in, and takes up its own work, whoever was registered before.
    platform
        .git
        .edit(&format!("{KIT}/service.yaml"), "6776", "6778")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.start_without_file();
    platform.until_kit(KIT, "Applied", &second);
    refused(&platform);
    until(&platform, 6777, true, "");
    set_admission(
        &platform,
        &json!({"failurePolicy": "Ignore", "timeoutSeconds": 2}),
    );
    wait_for("Ignore is registered", SOON, || {
        match webhooks(&platform)[0]["failurePolicy"].clone() {
            found if found == "Ignore" => Ok(()),
            found => Err(found.to_string()),
        }
    });
    refused(&platform);
    platform.kill();
    until(&platform, 80, true, "");
}

#[test]
fn a_host_that_takes_over_serves_with_the_same_authority() {
    let mut platform = guarded("{}");
    refused(&platform);
    let before = webhooks(&platform)[0]["clientConfig"].clone();
    let _other = Other(platform.another());
    platform.kill();
    wait_for("the other one is registered", SOON, || {
        let now = webhooks(&platform)[0]["clientConfig"].clone();
        match now["url"] != before["url"] && now["caBundle"] == before["caBundle"] {
            true => Ok(()),
            false => Err(now["url"].to_string()),
        }
    });
    refused(&platform);
    until(&platform, 6777, true, "");
}

/// The Secret's certificates.
fn kept(platform: &Platform) -> Value {
    let arguments = ["secret", "trimtab-admission", "--namespace", &platform.name];
    let secret = platform
        .kubectl
        .get(&arguments)
        .unwrap()
        .unwrap_or_default();
    let text = secret["data"]["certificates.json"]
        .as_str()
        .unwrap_or_default();
    let bytes = STANDARD.decode(text).expect("base64");
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[test]
fn certificates_that_are_about_to_end_are_made_anew_without_an_interruption() {
    let platform = guarded("{}");
    refused(&platform);
    let before = kept(&platform);
    let old = webhooks(&platform)[0]["clientConfig"]["caBundle"].clone();
    let old = STANDARD.decode(old.as_str().unwrap()).unwrap();
    // As if ten months had gone by.
    let mut aged = before.clone();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(48);
    aged["serving"]["until"] = soon.to_string().into();
    aged["authorities"][0]["until"] = (soon + jiff::SignedDuration::from_hours(48))
        .to_string()
        .into();
    let data =
        json!({"data": {"certificates.json": STANDARD.encode(aged.to_string())}}).to_string();
    let arguments = [
        "patch",
        "secret",
        "trimtab-admission",
        "-n",
        &platform.name,
        "--type=merge",
        "-p",
        &data,
    ];
    platform.kubectl.run(&arguments).unwrap();
    wait_for("new ones are kept", SOON, || {
        // Whatever is under way, each change gets its verdict.
        let (taken, words) = change(&platform, 80, &["--dry-run=server"]);
        assert!(
            !taken && words.contains("[port-policy/service-port]"),
            "{words}"
        );
        let now = kept(&platform);
        let renewed = now["serving"]["certificate"] != before["serving"]["certificate"];
        match renewed && now["authorities"].as_array().map(Vec::len) == Some(2) {
            true => Ok(()),
            false => Err(now["serving"]["until"].to_string()),
        }
    });
    wait_for("both authorities are trusted", SOON, || {
        let (taken, words) = change(&platform, 80, &["--dry-run=server"]);
        assert!(
            !taken && words.contains("[port-policy/service-port]"),
            "{words}"
        );
        let now = webhooks(&platform)[0]["clientConfig"]["caBundle"].clone();
        let now = STANDARD.decode(now.as_str().unwrap()).unwrap();
        match now.starts_with(&old) && now.len() > old.len() {
            true => Ok(()),
            false => Err(format!("{} bytes", now.len())),
        }
    });
    refused(&platform);
}

#[test]
fn a_kit_may_act_as_a_service_account_but_who_has_that_account_is_not_taken_for_the_host() {
    let mut platform = Platform::new(&[PORTS]);
    platform.guard_the_door("{}");
    let namespace = platform.namespace("acme");
    let account = format!("{namespace}:deployer");
    let kubectl = platform.kubectl.clone();
    kubectl.run(&["create", "namespace", &namespace]).unwrap();
    for arguments in [
        "create serviceaccount deployer",
        "create role deployer --resource=services --verb=*",
        &format!("create rolebinding deployer --role=deployer --serviceaccount={account}"),
    ] {
        let words: Vec<&str> = arguments.split(' ').collect();
        let here = ["--namespace", &namespace];
        kubectl.run(&[&words[..], &here].concat()).unwrap();
    }
    let kit_yaml = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec: {serviceAccount: deployer}\n";
    let shop = service("shop", 6776, None);
    let file = format!("{KIT}/service.yaml");
    let first = platform.start_with(&[(&file, &shop), (&format!("{KIT}/kit.yaml"), kit_yaml)]);
    platform.until_kit(KIT, "Applied", &first);
    refused(&platform);
    let user = format!("--as=system:serviceaccount:{account}");
    let manager = format!("--field-manager=trimtab/{}/kits.acme.shop", platform.name);
    let (taken, words) = change(&platform, 80, &["--dry-run=server", &user, &manager]);
    assert!(
        !taken && words.contains("[port-policy/service-port]"),
        "{words}"
    );
    let patch = r#"{"spec": {"publishNotReadyAddresses": true}}"#;
    let arguments = [
        "patch",
        "service",
        "shop",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        patch,
        &user,
    ];
    kubectl.run(&arguments).unwrap();
    platform.git.edit(&file, "app: shop", "app: other").unwrap();
    let second = platform.git.commit("by the host").unwrap();
    platform.until_kit(KIT, "Applied", &second);
}
