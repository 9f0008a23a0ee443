//! What stays, although a commit no longer has it.

use serde_json::json;
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map};
use crate::prune::gone;

const KIT: &str = "kits/acme/shop";

/// A policy by which no ConfigMap of a namespace loses a kit's label.
fn policy(platform: &Platform) -> (String, String) {
    let (name, namespace) = (&platform.name, platform.namespace("acme"));
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["configmaps"]}],
            },
            "validations": [{
                "expression": "has(object.metadata.labels) && 'applyset.kubernetes.io/part-of' in object.metadata.labels",
                "message": "the label stays on",
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]},
    });
    (policy.to_string(), binding.to_string())
}

#[test]
fn what_cannot_be_let_go_is_told_and_tried_again_ever_more_slowly_and_nothing_is_deleted_before() {
    let mut platform = Platform::new(&[]);
    let marked = config_map("marked", "a").replace(
        "  name: marked\n",
        "  name: marked\n  annotations: {trimtab.io/prune: keep}\n",
    );
    let first = platform.start_with(&[
        (&format!("{KIT}/marked.yaml"), &marked),
        (&format!("{KIT}/leaves.yaml"), &config_map("leaves", "a")),
        (&format!("{KIT}/stays.yaml"), &config_map("stays", "a")),
    ]);
    platform.until_kit(KIT, "Applied", &first);
    let (policy, binding) = policy(&platform);
    platform.kubectl.apply(&policy).unwrap();
    platform.kubectl.apply(&binding).unwrap();
    let namespace = platform.namespace("acme");
    let unlabel = [
        "label",
        "configmap",
        "stays",
        "applyset.kubernetes.io/part-of-",
        "-n",
        &namespace,
        "--dry-run=server",
    ];
    wait_for("the policy is in force", SOON, || {
        match platform.kubectl.run(&unlabel) {
            Err(_) => Ok(()),
            Ok(text) => Err(text),
        }
    });
    for name in ["marked", "leaves"] {
        let file = format!("{KIT}/{name}.yaml");
        platform.git.git(&["rm", "-q", &file]).unwrap();
    }
    let second = platform.git.commit("less").unwrap();
    let failed = platform.until_kit(KIT, "ApplyFailed", &second);
    let finding = failed["status"]["findings"][0].clone();
    assert_eq!(finding["rule"], "trimtab/delete-failed");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("marked was not let go") && message.contains("the label stays on"),
        "{message}"
    );
    assert!(platform.get("acme", "configmap/leaves").is_some());
    let delete = ["delete", "validatingadmissionpolicybinding", &platform.name];
    platform.kubectl.run(&delete).unwrap();
    platform.until_kit(KIT, "Applied", &second);
    gone(&platform, "acme", "configmap/leaves");
    let kept = platform.get("acme", "configmap/marked").expect("it stays");
    let labels = kept["metadata"]["labels"].to_string();
    assert!(!labels.contains("part-of"), "{labels}");
    let delete = ["delete", "validatingadmissionpolicy", &platform.name];
    platform.kubectl.run(&delete).unwrap();
    // With pauses of 1, 2, 4, 8 … s there is no time for more.
    let logs = platform.logs();
    let attempts = logs.iter().filter(|line| line["message"] == "kit").count();
    assert!(attempts <= 10, "{attempts} attempts");
}

#[test]
fn a_repository_that_came_out_empty_keeps_what_is_live_also_when_a_new_host_finds_other_kits() {
    let mut platform = Platform::new(&[]);
    let first = platform.start_with(&[
        ("README.md", "a shop"),
        (&format!("{KIT}/a.yaml"), &config_map("shop", "a")),
    ]);
    platform.until_kit(KIT, "Applied", &first);
    platform.git.git(&["rm", "-rq", "kits"]).unwrap();
    let empty = platform.git.commit("empty").unwrap();
    let held = |platform: &Platform| {
        let refused = platform.until_kit(KIT, "Refused", &empty);
        assert_eq!(Platform::findings(&refused)[0].0, "trimtab/empty-kit");
        assert!(platform.get("acme", "configmap/shop").is_some());
    };
    held(&platform);
    let settled = |platform: &Platform| {
        let logs = platform.logs();
        let lines = logs.iter().filter(|line| line["message"] == "settled");
        lines.count()
    };
    let anew = |platform: &mut Platform| {
        platform.kill();
        let before = settled(platform);
        platform.start_without_file();
        wait_for("the new host has settled", SOON, || {
            match settled(platform) > before {
                true => Ok(()),
                false => Err(platform.state(&platform.repository())),
            }
        });
    };
    anew(&mut platform);
    held(&platform);
    // The repository is not empty any more, and still nobody has said that it was meant.
    let other = "kits/acme/other";
    platform
        .git
        .write(&format!("{other}/a.yaml"), config_map("other", "a"))
        .unwrap();
    let third = platform.git.commit("another kit").unwrap();
    platform.until_kit(other, "Applied", &third);
    anew(&mut platform);
    held(&platform);
}
