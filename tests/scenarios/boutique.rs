//! Every revision of a real repository through the host (`shared/data/online-boutique.fi`).

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;
use trimtab_harness::{not_run, root, wait_for};

use crate::platform::{Platform, SOON};

/// Brings the shop's history into the platform's repository, as the branch main. None if it is not
/// there.
pub fn import(platform: &Platform) -> Option<()> {
    let folder = std::env::var_os("TRIMTAB_DATA").map(PathBuf::from);
    let file = folder
        .unwrap_or_else(|| root().join("../shared/data"))
        .join("online-boutique.fi");
    if !file.is_file() {
        not_run("online-boutique.fi is not there (TRIMTAB_DATA names its folder)");
        return None;
    }
    let import = Command::new("git")
        .current_dir(platform.git.folder())
        .args(["fast-import", "--quiet", "--force"])
        .stdin(std::fs::File::open(file).unwrap())
        .stdout(Stdio::null())
        .status();
    assert!(import.unwrap().success());
    Some(())
}

#[test]
fn every_revision_of_a_real_shop_is_live_as_its_files_say() {
    let mut platform = Platform::new(&[]);
    let Some(()) = import(&platform) else { return };
    let text = std::fs::read_to_string(platform.repository_file()).unwrap();
    let (head, _) = text.split_once("  kits:\n").unwrap();
    let namespace = platform.namespace("shop");
    let spec = format!(
        "{head}  ref: {{branch: followed}}\n  kits:\n  - {{path: kubernetes-manifests, namespace: {namespace}, ignore: [kustomization.yaml]}}\n"
    );
    std::fs::write(platform.repository_file(), spec).unwrap();
    let revisions = platform
        .git
        .git(&[
            "rev-list",
            "--reverse",
            "--first-parent",
            "main",
            "--",
            "kubernetes-manifests",
        ])
        .unwrap();
    let revisions: Vec<&str> = revisions.lines().collect();
    assert!(revisions.len() > 50, "{} revisions", revisions.len());
    platform
        .git
        .git(&["update-ref", "refs/heads/followed", revisions[0]])
        .unwrap();
    platform.start();
    let (mut live, mut refused, mut compared) = (0, 0, 0);
    for revision in &revisions {
        platform
            .git
            .git(&["update-ref", "refs/heads/followed", revision])
            .unwrap();
        if files(&platform, revision).is_empty() {
            continue;
        }
        let kit = wait_for(&format!("{revision} is settled"), SOON, || {
            // The Repository's status is written last.
            let at = platform.repository()["status"]["revision"]["revision"] == **revision;
            let kit = platform.kit("kubernetes-manifests");
            let attempted = &kit["status"]["attempted"]["revision"];
            let reason = crate::platform::ready(&kit)["reason"].clone();
            let same_inputs = *attempted != **revision && is_live(&reason);
            if at && (*attempted == **revision || same_inputs) {
                Ok(kit)
            } else {
                Err(kit["status"].to_string())
            }
        });
        if !is_live(&crate::platform::ready(&kit)["reason"]) {
            rightly_refused(&platform, revision, &kit["status"]["findings"][0]);
            refused += 1;
            continue;
        }
        live += 1;
        compared += compare(&platform, revision);
    }
    println!(
        "{} revisions: {live} live, {refused} refused; {compared} objects compared",
        revisions.len()
    );
    assert!(
        live >= 39 && compared >= 980,
        "{live} live, {compared} objects compared"
    );
}

/// The control plane has no load balancers, and what asks for one is on its way for ever.
fn is_live(reason: &Value) -> bool {
    ["Applied", "Progressing", "Unhealthy"]
        .iter()
        .any(|it| reason == it)
}

/// The first years used an API that Kubernetes 1.16 took away, and some revisions have a key twice,
/// which kubectl does not tell. Nothing of such a revision may be sent.
fn rightly_refused(platform: &Platform, revision: &str, finding: &Value) {
    let message = finding["message"].as_str().unwrap_or_default();
    if finding["rule"] == "trimtab/yaml" && message.contains("stands twice") {
        return;
    }
    assert_eq!(
        finding["rule"], "trimtab/unknown-kind",
        "{revision}: {finding}"
    );
    assert_eq!(finding["hint"], "it serves apps/v1", "{revision}");
    let text = platform.git.git(&[
        "grep",
        "apiVersion: extensions/v1beta1",
        revision,
        "--",
        "kubernetes-manifests",
    ]);
    assert!(text.is_ok(), "{revision}: {finding}");
}

fn files(platform: &Platform, revision: &str) -> Vec<String> {
    let list = platform
        .git
        .git(&[
            "ls-tree",
            "-r",
            "--name-only",
            revision,
            "--",
            "kubernetes-manifests",
        ])
        .unwrap();
    list.lines()
        .filter(|path| path.ends_with(".yaml") && !path.ends_with("/kustomization.yaml"))
        .map(str::to_owned)
        .collect()
}

/// Each object of the revision's files is live, and what kubectl would change about it is nothing.
fn compare(platform: &Platform, revision: &str) -> usize {
    let mut yaml = String::new();
    for path in files(platform, revision) {
        yaml.push_str(
            &platform
                .git
                .git(&["show", &format!("{revision}:{path}")])
                .unwrap(),
        );
        yaml.push_str("\n---\n");
    }
    agrees(platform, revision, ("kubernetes-manifests", "shop"), &yaml)
}

/// Each of these objects is live, what kubectl would change about it is nothing, and the kit has no
/// others. Gives how many they are.
pub fn agrees(
    platform: &Platform,
    revision: &str,
    (kit, company): (&str, &str),
    yaml: &str,
) -> usize {
    let namespace = platform.namespace(company);
    let file = platform.repository_file().with_file_name("compared.yaml");
    std::fs::write(&file, yaml).unwrap();
    let file = file.display().to_string();
    // kubectl reads the files; the server says what they would come to over what is live.
    let arguments = [
        "apply",
        "--server-side",
        "--dry-run=server",
        "--force-conflicts",
        "--field-manager=comparison",
        "--namespace",
        &namespace,
        "--output",
        "json",
        "-f",
        &file,
    ];
    let wanted: Value = serde_json::from_str(&platform.kubectl.run(&arguments).unwrap()).unwrap();
    let wanted = wanted["items"]
        .as_array()
        .cloned()
        .unwrap_or_else(|| vec![wanted]);
    let mut kinds = BTreeSet::new();
    for object in &wanted {
        kinds.insert(object["kind"].as_str().unwrap().to_owned());
    }
    let kinds: Vec<String> = kinds.into_iter().collect();
    let live = platform
        .kubectl
        .get(&[&kinds.join(","), "--namespace", &namespace])
        .unwrap()
        .unwrap();
    let live = live["items"].as_array().unwrap();
    for object in &wanted {
        let twin = live.iter().find(|it| {
            it["kind"] == object["kind"] && it["metadata"]["name"] == object["metadata"]["name"]
        });
        let twin = twin.unwrap_or_else(|| {
            panic!(
                "{revision}: {} {} is not live",
                object["kind"], object["metadata"]["name"]
            )
        });
        for part in ["spec", "data", "rules", "subjects"] {
            assert_eq!(
                twin[part], object[part],
                "{revision}: {part} of {} {}",
                object["kind"], object["metadata"]["name"]
            );
        }
    }
    let set = format!(
        "applyset.kubernetes.io/part-of={}",
        platform.kit(kit)["metadata"]["labels"]["applyset.kubernetes.io/id"]
            .as_str()
            .unwrap()
    );
    let owned = platform
        .kubectl
        .get(&[&kinds.join(","), "--namespace", &namespace, "-l", &set])
        .unwrap()
        .unwrap();
    let owned = owned["items"].as_array().unwrap().len();
    assert_eq!(owned, wanted.len(), "{revision}: what left is gone");
    wanted.len()
}
