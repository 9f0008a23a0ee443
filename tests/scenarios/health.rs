//! Whether what is live is as it should be.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::manifests::{definition, kit_yaml};
use crate::platform::{Platform, SOON, config_map, ready, service};

const KIT: &str = "kits/acme/shop";

fn deployment(name: &str, more: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: 2\n  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n{more}      containers: [{{name: web, image: 'example.org/web:1'}}]\n"
    )
}

/// On a node that there is not.
const NOWHERE: &str = "      nodeSelector: {nowhere: 'yes'}\n";

fn until_message(platform: &Platform, kit: &str, words: &[&str]) {
    wait_for(&format!("{kit} says {words:?}"), SOON, || {
        let kit = platform.kit(kit);
        let message = ready(&kit)["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        match words.iter().all(|word| message.contains(word)) {
            true => Ok(()),
            false => Err(message),
        }
    });
}

#[test]
fn a_kit_is_ready_when_its_workloads_are_and_others_do_not_wait_for_it() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", ""))
        .unwrap();
    platform
        .git
        .write("kits/acme/stuck/a.yaml", deployment("stuck", NOWHERE))
        .unwrap();
    kit_yaml(
        &platform,
        "kits/acme/after",
        "  dependsOn: [kits/acme/stuck]\n",
    );
    platform
        .git
        .write("kits/acme/after/a.yaml", config_map("after", "a"))
        .unwrap();
    platform
        .git
        .write("kits/acme/other/a.yaml", config_map("other", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    platform.until_kit("kits/acme/other", "Applied", &first);
    let stuck = platform.until_kit("kits/acme/stuck", "Progressing", &first);
    assert_eq!(stuck["status"]["applied"]["revision"], first.as_str());
    // The words are the scheduler's, and the pod's.
    until_message(
        &platform,
        "kits/acme/stuck",
        &["0 of 2 pods available", "pod stuck-", "Unschedulable"],
    );
    platform.until_kit("kits/acme/after", "WaitingForDependency", &first);
    platform.until_repository("Progressing");
    // A newer commit takes it up, in the middle of its waiting.
    platform
        .git
        .write("kits/acme/stuck/a.yaml", deployment("stuck", ""))
        .unwrap();
    let second = platform.git.commit("mended").unwrap();
    platform.until_kit("kits/acme/stuck", "Applied", &second);
    platform.until_kit("kits/acme/after", "Applied", &first);
    platform.until_repository("Applied");
}

#[test]
fn what_is_not_healthy_in_time_is_told_and_its_recovery_is_noticed() {
    let mut platform = Platform::new(&[]);
    kit_yaml(&platform, KIT, "  health: {deadline: 2s}\n");
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", NOWHERE))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    let kit = platform.until_kit(KIT, "Unhealthy", &first);
    assert_eq!(kit["status"]["health"][0]["health"], "progressing");
    until_message(&platform, KIT, &["not healthy after 2 s", "0 of 2 pods"]);
    let events = platform.events(KIT);
    assert!(
        events.iter().any(|it| it.contains("Unhealthy")),
        "{events:?}"
    );
    let namespace = platform.namespace("acme");
    let nodes = platform.kubectl.get(&["nodes"]).unwrap().unwrap();
    let node = nodes["items"][0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    // The node is every scenario's: what they must not see is scheduled by this label alone.
    let label = json!({"metadata": {"labels": {format!("for-{namespace}"): "yes"}}}).to_string();
    platform
        .kubectl
        .run(&["patch", "node", &node, "-p", &label])
        .unwrap();
    let selector = format!("      nodeSelector: {{'for-{namespace}': 'yes'}}\n");
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", &selector))
        .unwrap();
    let second = platform.git.commit("to where there is a node").unwrap();
    platform.until_kit(KIT, "Applied", &second);
    // It falls ill, and recovers, by itself.
    let pods = [
        "get", "pods", "-n", &namespace, "-l", "app=web", "-o", "name",
    ];
    let pod = platform
        .kubectl
        .run(&pods)
        .unwrap()
        .lines()
        .next()
        .unwrap()
        .to_owned();
    let sick = json!({"status": {"phase": "Pending", "conditions": [
        {"type": "Ready", "status": "False", "reason": "ContainersNotReady"},
        {"type": "ContainersReady", "status": "False"},
    ], "containerStatuses": [{"name": "web", "ready": false, "image": "x", "imageID": "", "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}}}]}});
    let patch = [
        "patch",
        &pod,
        "-n",
        &namespace,
        "--subresource=status",
        "--type=merge",
        "-p",
    ];
    let mut patch: Vec<&str> = patch.to_vec();
    let sick = sick.to_string();
    patch.push(&sick);
    platform.kubectl.run(&patch).unwrap();
    until_message(
        &platform,
        KIT,
        &["1 of 2 pods available", "ImagePullBackOff"],
    );
    platform
        .kubectl
        .run(&["delete", &pod, "-n", &namespace, "--wait=false"])
        .unwrap();
    platform.until_kit(KIT, "Applied", &second);
    assert_eq!(platform.kit(KIT)["status"]["health"], Value::Null);
}

#[test]
fn a_custom_resource_is_healthy_when_its_conditions_say_so() {
    let mut platform = Platform::new(&[]);
    let group = format!("{}.example.org", platform.name);
    let definition = definition(&group, "things", "Thing");
    platform
        .git
        .write("infra/things/crd.yaml", definition.to_string())
        .unwrap();
    let thing = json!({"apiVersion": format!("{group}/v1"), "kind": "Thing", "metadata": {"name": "one"}, "spec": {"a": 1}});
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), thing.to_string())
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let namespace = platform.namespace("acme");
    let say = |status: &str| {
        let patch = json!({"status": {"conditions": [
            {"type": "Ready", "status": status, "reason": "Growing", "message": "not grown yet"},
        ]}});
        let (kind, patch) = (format!("things.{group}/one"), patch.to_string());
        let arguments = [
            "patch",
            &kind,
            "-n",
            &namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            &patch,
        ];
        platform.kubectl.run(&arguments).unwrap();
    };
    say("False");
    until_message(&platform, KIT, &["Growing: not grown yet"]);
    say("True");
    platform.until_kit(KIT, "Applied", &first);
}

#[test]
fn a_kit_that_rolls_back_is_as_it_was_and_does_not_try_the_bad_revision_again() {
    let mut platform = Platform::new(&[]);
    kit_yaml(
        &platform,
        KIT,
        "  onFailure: rollback\n  health: {deadline: 3s}\n",
    );
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", ""))
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("web", "good"))
        .unwrap();
    platform
        .git
        .write("kits/acme/other/a.yaml", config_map("other", "a"))
        .unwrap();
    let good = platform.git.commit("good").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &good);
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", NOWHERE))
        .unwrap();
    platform
        .git
        .write(&format!("{KIT}/b.yaml"), config_map("web", "bad"))
        .unwrap();
    let bad = platform.git.commit("bad").unwrap();
    let kit = platform.until_kit(KIT, "RolledBack", &bad);
    assert_eq!(kit["status"]["applied"]["revision"], good.as_str());
    assert_eq!(kit["status"]["quarantine"]["revision"], bad.as_str());
    until_message(
        &platform,
        KIT,
        &["was not healthy", "of 2 pods", &good[..7]],
    );
    let key =
        |platform: &Platform| platform.get("acme", "configmap/web").unwrap()["data"]["key"].clone();
    assert_eq!(key(&platform), "good");
    // Neither a commit elsewhere nor a host that starts anew tries it again.
    platform
        .git
        .edit("kits/acme/other/a.yaml", "key: a", "key: b")
        .unwrap();
    let third = platform.git.commit("elsewhere").unwrap();
    platform.until_kit("kits/acme/other", "Applied", &third);
    platform.kill();
    platform.start();
    platform
        .git
        .edit("kits/acme/other/a.yaml", "key: b", "key: c")
        .unwrap();
    let fourth = platform.git.commit("elsewhere again").unwrap();
    platform.until_kit("kits/acme/other", "Applied", &fourth);
    platform.until_kit(KIT, "RolledBack", &bad);
    assert_eq!(key(&platform), "good");
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment("web", ""))
        .unwrap();
    let fifth = platform.git.commit("mended").unwrap();
    let kit = platform.until_kit(KIT, "Applied", &fifth);
    assert_eq!(kit["status"]["quarantine"], Value::Null);
    assert_eq!(key(&platform), "bad");
}

#[test]
fn a_kit_is_not_rolled_back_to_what_breaks_a_rule_together_with_another() {
    let mut platform = Platform::new(&[("unique-node-ports", "{}")]);
    kit_yaml(
        &platform,
        KIT,
        "  onFailure: rollback\n  health: {deadline: 6s}\n",
    );
    let git = &platform.git;
    git.write(&format!("{KIT}/a.yaml"), deployment("web", ""))
        .unwrap();
    git.write(&format!("{KIT}/b.yaml"), service("web", 80, Some(31511)))
        .unwrap();
    let other = "kits/acme/other";
    git.write(&format!("{other}/a.yaml"), service("other", 80, None))
        .unwrap();
    let good = git.commit("good").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &good);
    // One commit, by which the port changes hands, so that it was never both kits'.
    let git = &platform.git;
    git.write(&format!("{KIT}/a.yaml"), deployment("web", NOWHERE))
        .unwrap();
    git.write(&format!("{KIT}/b.yaml"), service("web", 80, None))
        .unwrap();
    git.write(
        &format!("{other}/a.yaml"),
        service("other", 80, Some(31511)),
    )
    .unwrap();
    let bad = git.commit("bad").unwrap();
    platform.until_kit(other, "Applied", &bad);
    // What is live counts, though a newer revision of it is refused.
    platform
        .git
        .write(&format!("{other}/b.yaml"), "kind: [\n")
        .unwrap();
    let broken = platform.git.commit("broken").unwrap();
    platform.until_kit(other, "Refused", &broken);
    let finding = wait_for("it tells why it stays", SOON, || {
        let kit = platform.kit(KIT);
        match kit["status"]["findings"][0].clone() {
            Value::Null => Err(platform.state(&kit)),
            finding => Ok(finding),
        }
    });
    assert_eq!(finding["rule"], "trimtab/not-rolled-back");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains(&good[..7]) && message.contains("31511"),
        "{message}"
    );
    let kit = platform.until_kit(KIT, "Unhealthy", &bad);
    assert_eq!(kit["status"]["quarantine"], Value::Null);
    let ports = platform.get("acme", "service/web").unwrap()["spec"].clone();
    assert_eq!(ports["type"], "ClusterIP", "what is live stays");
}
