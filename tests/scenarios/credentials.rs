//! The host's credentials for the API server, which expire or are taken back.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::{client_certificate, wait_for};

use crate::platform::{Platform, SOON, config_map};

const KIT: &str = "kits/acme/shop";
const FILE: &str = "kits/acme/shop/config.yaml";
/// As short as a host needs to begin on a busy machine.
const SHORT: Duration = Duration::from_secs(20);
const LONG: Duration = Duration::from_secs(3600);

/// Makes `file` a kubeconfig as the suite's with another user, in one step.
fn write_kubeconfig(platform: &Platform, file: &Path, user: &Value) {
    let text = std::fs::read_to_string(&platform.kubectl.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    config["users"][0]["user"] = user.clone();
    let new = file.with_extension("new");
    std::fs::write(&new, config.to_string()).unwrap();
    std::fs::rename(new, file).unwrap();
}

fn beside(platform: &Platform, name: &str) -> PathBuf {
    platform.repository_file().with_file_name(name)
}

/// Makes `file` a kubeconfig with a client certificate that is valid for so long.
fn with_certificate(platform: &Platform, file: &str, validity: Duration) -> PathBuf {
    let plane = platform.kubectl.kubeconfig.parent().unwrap();
    let (certificate, key) = client_certificate::issue(plane, validity).unwrap();
    let kind = validity.as_secs();
    let paths = [format!("{kind}.crt"), format!("{kind}.key")].map(|name| beside(platform, &name));
    std::fs::write(&paths[0], certificate).unwrap();
    std::fs::write(&paths[1], key).unwrap();
    let file = beside(platform, file);
    let user = json!({"client-certificate": paths[0], "client-key": paths[1]});
    write_kubeconfig(platform, &file, &user);
    file
}

/// A platform with one commit of one kit.
fn committed() -> (Platform, String) {
    let platform = Platform::new(&[]);
    platform.git.write(FILE, config_map("shop", "a")).unwrap();
    let first = platform.git.commit("first").unwrap();
    (platform, first)
}

fn change(platform: &Platform) -> String {
    platform.git.edit(FILE, "key: a", "key: b").unwrap();
    platform.git.commit("second").unwrap()
}

/// Waits until the API server takes what this kubectl has for nobody's.
fn until_refused(kubectl: &Kubectl, arguments: &[&str]) {
    wait_for("it is not accepted any more", SOON, || {
        let all = [&["get", "--raw", "/api"], arguments].concat();
        match kubectl.run(&all) {
            Err(error) if error.to_string().contains("logged in") => Ok(()),
            Err(error) => Err(error.to_string()),
            Ok(_) => Err("it is".into()),
        }
    });
}

fn said(platform: &Platform, field: &str, words: &str) -> usize {
    let logs = platform.logs();
    let text = |line: &Value| line[field].as_str().unwrap_or_default().contains(words);
    logs.iter().filter(|line| text(line)).count()
}

/// The host that was started first is the one that acts, and has read its credentials anew.
fn nobody_noticed(platform: &Platform) {
    assert_eq!(said(platform, "message", "this host acts"), 1);
    assert!(said(platform, "message", "they are read anew") > 0);
}

/// A token dies under a host whose kubeconfig has this user: `written` is what the user's file,
/// which is given to `user`, says for a token.
fn token_is_exchanged(user: impl Fn(&Path) -> Value, written: impl Fn(&str) -> String) {
    let (mut platform, first) = committed();
    let space = platform.name.clone();
    let kubectl = platform.kubectl.clone();
    let run = |line: &str| kubectl.run(&line.split(' ').collect::<Vec<_>>()).unwrap();
    run(&format!("create namespace {space}"));
    run(&format!("create serviceaccount host -n {space}"));
    run(&format!(
        "create clusterrolebinding {space} --clusterrole=cluster-admin --serviceaccount={space}:host"
    ));
    // A token dies with what it is bound to; its own end is ten minutes away.
    let token = |secret: &str| {
        run(&format!("create secret generic {secret} -n {space}"));
        run(&format!(
            "create token host -n {space} --bound-object-kind=Secret --bound-object-name={secret}"
        ))
        .trim()
        .to_owned()
    };
    let (file, config) = (beside(&platform, "token"), beside(&platform, "config"));
    let old = token("old");
    std::fs::write(&file, written(&old)).unwrap();
    write_kubeconfig(&platform, &config, &user(&file));
    platform.host_kubeconfig = Some(config);
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    std::fs::write(&file, written(&token("new"))).unwrap();
    run(&format!("delete secret old -n {space}"));
    until_refused(&kubectl, &["--token", &old]);
    let second = change(&platform);
    platform.until_kit(KIT, "Applied", &second);
    nobody_noticed(&platform);
    run(&format!("delete clusterrolebinding {space}"));
}

#[test]
fn a_token_that_is_taken_back_is_exchanged_for_the_one_that_its_file_has_now() {
    let user = |file: &Path| json!({ "tokenFile": file });
    token_is_exchanged(user, str::to_owned);
}

#[test]
fn a_token_that_is_taken_back_is_exchanged_for_the_one_that_a_program_gives_now() {
    const VERSION: &str = "client.authentication.k8s.io/v1";
    let user = |file: &Path| json!({"exec": {"apiVersion": VERSION, "command": "cat", "args": [file], "interactiveMode": "Never"}});
    token_is_exchanged(user, |token| {
        json!({"apiVersion": VERSION, "kind": "ExecCredential", "status": {"token": token}})
            .to_string()
    });
}

#[test]
fn a_client_certificate_that_expires_is_exchanged_for_the_one_that_the_kubeconfig_has_now() {
    let (mut platform, first) = committed();
    let expiring = with_certificate(&platform, "config", SHORT);
    platform.host_kubeconfig = Some(expiring.clone());
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let mut old = platform.kubectl.clone();
    old.kubeconfig = beside(&platform, "old-config");
    std::fs::rename(expiring, &old.kubeconfig).unwrap();
    with_certificate(&platform, "config", LONG);
    until_refused(&old, &[]);
    let second = change(&platform);
    platform.until_kit(KIT, "Applied", &second);
    nobody_noticed(&platform);
}

#[test]
fn a_host_whose_credentials_expire_says_so_and_ends_until_there_are_others() {
    let (mut platform, first) = committed();
    platform.host_kubeconfig = Some(with_certificate(&platform, "config", SHORT));
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let second = change(&platform);
    platform.until_kit(KIT, "Applied", &second);
    assert_eq!(platform.ended(), Some(3));
    let words = "put valid ones where they come from";
    assert!(said(&platform, "error", words) > 0);
    platform.start_without_file();
    assert_eq!(platform.ended(), Some(3));
    with_certificate(&platform, "config", LONG);
    platform.start_without_file();
    platform.git.edit(FILE, "key: b", "key: c").unwrap();
    let third = platform.git.commit("third").unwrap();
    platform.until_kit(KIT, "Applied", &third);
}
