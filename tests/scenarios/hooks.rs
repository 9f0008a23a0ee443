//! Hooks of Helm's, live: as `helm template` writes them.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready};

const KIT: &str = "kits/acme/shop";
const EARLY: &str = "kits/acme/shop/early.yaml";
const LATE: &str = "kits/acme/shop/late.yaml";
const MAIN: &str = "kits/acme/shop/main.yaml";

/// The label of a node that a Job's pods wait for: they are no other scenario's.
fn awaited(platform: &Platform, job: &str, version: u32) -> String {
    format!("{}-{job}-{version}", platform.namespace("acme"))
}

fn job(platform: &Platform, name: &str, events: &str, version: u32) -> String {
    let node = awaited(platform, name, version);
    format!(
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: {name}\n  annotations: {{helm.sh/hook: '{events}'}}\nspec:\n  template:\n    spec:\n      restartPolicy: Never\n      nodeSelector: {{{node}: 'yes'}}\n      containers: [{{name: a, image: 'example.org/a:{version}'}}]\n"
    )
}

/// There is a node for it from now on.
fn let_run(platform: &Platform, job: &str, version: u32) {
    let label = awaited(platform, job, version);
    let patch = json!({"metadata": {"labels": {label: "yes"}}}).to_string();
    let nodes = platform.kubectl.get(&["nodes"]).unwrap().unwrap();
    let node = nodes["items"][0]["metadata"]["name"].as_str().unwrap();
    let arguments = ["patch", "node", node, "-p", &patch];
    platform.kubectl.run(&arguments).unwrap();
}

/// Waits until the kit waits for this hook.
fn until_waiting(platform: &Platform, job: &str, revision: &str) -> Value {
    let name = format!("Job.batch {}/{job}", platform.namespace("acme"));
    wait_for(&format!("the kit waits for {job}"), SOON, || {
        let kit = platform.kit(KIT);
        let ready = ready(&kit);
        let message = ready["message"].as_str().unwrap_or_default();
        let tried = &kit["status"]["attempted"]["revision"];
        match ready["reason"] == "WaitingForHook" && message.contains(&name) && tried == revision {
            true => Ok(kit),
            false => Err(platform.state(&kit)),
        }
    })
}

fn uid(platform: &Platform, object: &str) -> Value {
    let live = platform.get("acme", object);
    live.expect("it is there")["metadata"]["uid"].clone()
}

fn key(platform: &Platform) -> Value {
    platform.get("acme", "configmap/main").unwrap_or_default()["data"]["key"].clone()
}

#[test]
fn hooks_have_their_turns_run_once_and_again_when_they_change_whatever_becomes_of_the_host() {
    let mut platform = Platform::new(&[]);
    let early = job(&platform, "early", "pre-install,pre-upgrade", 1);
    let late = job(&platform, "late", "post-install,post-upgrade", 1);
    let main = config_map("main", "a");
    let first = platform.start_with(&[(EARLY, &early), (LATE, &late), (MAIN, &main)]);
    until_waiting(&platform, "early", &first);
    assert_eq!(platform.get("acme", "configmap/main"), None);
    assert_eq!(platform.get("acme", "job/late"), None);
    let before = uid(&platform, "job/early");

    // A host that starts anew goes on where it was.
    platform.kill();
    platform.start_without_file();
    let_run(&platform, "early", 1);
    let kit = until_waiting(&platform, "late", &first);
    assert_eq!(uid(&platform, "job/early"), before);
    assert_eq!(key(&platform), "a");
    let hooks = kit["status"]["hooks"].as_array().expect("one has run");
    let name = format!("Job.batch {}/early", platform.namespace("acme"));
    assert_eq!((hooks.len(), &hooks[0]["object"]), (1, &json!(name)));
    let_run(&platform, "late", 1);
    platform.until_kit(KIT, "Applied", &first);
    let ended = platform.get("acme", "job/early").unwrap()["status"]["completionTime"].clone();
    let made =
        platform.get("acme", "configmap/main").unwrap()["metadata"]["creationTimestamp"].clone();
    assert!(ended.as_str().expect("it ended") <= made.as_str().expect("it was made"));

    // What has run is not run again though it is gone, by another host neither.
    let gone = ["delete", "job", "early", "-n", &platform.namespace("acme")];
    platform.kubectl.run(&gone).unwrap();
    platform.kill();
    platform.start_without_file();
    platform.git.write(MAIN, config_map("main", "b")).unwrap();
    let second = platform.git.commit("another value").unwrap();
    platform.until_kit(KIT, "Applied", &second);
    assert_eq!(key(&platform), "b");
    assert_eq!(platform.get("acme", "job/early"), None);

    // Nor for a status that somebody spoils, or that a write that was given up comes to: the host
    // writes what it knows.
    let known = platform.kit(KIT)["status"].clone();
    let spoilt = json!({"status": {"objects": 99, "hooks": null, "inputs": "other", "serviceAccount": "nobody"}}).to_string();
    let (object, namespace) = (
        format!("kits.trimtab.io/{}", KIT.replace('/', ".")),
        &platform.name,
    );
    let place = ["-n", namespace, "--subresource=status", "--type=merge"];
    let patch = [&["patch", &object, "-p", &spoilt], &place[..]].concat();
    platform.kubectl.run(&patch).unwrap();
    wait_for("the status is as it was", SOON, || {
        let status = platform.kit(KIT)["status"].clone();
        let of = |status: &Value| {
            ["objects", "hooks", "inputs", "applied", "serviceAccount"].map(|it| status[it].clone())
        };
        match of(&status) == of(&known) {
            true => Ok(()),
            false => Err(status.to_string()),
        }
    });
    assert_eq!(platform.get("acme", "job/early"), None);
    let before = uid(&platform, "job/late");

    // Changed hooks are made anew, around what is changed with them.
    let again = |name: &str, events: &str| job(&platform, name, events, 2);
    platform
        .git
        .write(EARLY, again("early", "pre-install,pre-upgrade"))
        .unwrap();
    platform
        .git
        .write(LATE, again("late", "post-install,post-upgrade"))
        .unwrap();
    platform.git.write(MAIN, config_map("main", "c")).unwrap();
    let third = platform.git.commit("all of it").unwrap();
    until_waiting(&platform, "early", &third);
    assert_eq!(key(&platform), "b");
    assert_eq!(uid(&platform, "job/late"), before);
    let_run(&platform, "early", 2);
    until_waiting(&platform, "late", &third);
    assert_eq!(key(&platform), "c");
    assert_ne!(uid(&platform, "job/late"), before);
    let_run(&platform, "late", 2);
    platform.until_kit(KIT, "Applied", &third);
}

#[test]
fn a_hook_that_fails_stops_its_kit_and_no_other_and_the_mended_one_takes_its_place() {
    let mut platform = Platform::new(&[]);
    let early = job(&platform, "early", "pre-install", 1);
    let bad = early.replace("  template:", "  activeDeadlineSeconds: 1\n  template:");
    let first = platform.start_with(&[
        (EARLY, &bad),
        (MAIN, &config_map("main", "a")),
        ("kits/acme/other/main.yaml", &config_map("other", "a")),
    ]);
    platform.until_kit("kits/acme/other", "Applied", &first);
    let kit = platform.until_kit(KIT, "HookFailed", &first);
    let message = ready(&kit)["message"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let name = format!("Job.batch {}/early", platform.namespace("acme"));
    assert!(
        message.contains(&name) && message.contains("DeadlineExceeded"),
        "{message}"
    );
    let found = Platform::findings(&kit);
    let place = format!("{EARLY}:1");
    assert_eq!(
        (found[0].0.as_str(), &found[0].1),
        ("trimtab/hook-failed", &place)
    );
    assert_eq!(platform.get("acme", "configmap/main"), None);
    let before = uid(&platform, "job/early");
    platform.git.write(EARLY, &early).unwrap();
    let second = platform.git.commit("without a deadline").unwrap();
    until_waiting(&platform, "early", &second);
    assert_ne!(uid(&platform, "job/early"), before);
    let_run(&platform, "early", 1);
    platform.until_kit(KIT, "Applied", &second);
    assert_eq!(key(&platform), "a");
}
