//! The rule pod-security and the API server, about the same Pods.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::{root, wait_for};

use crate::odd_pods::{put, restricted, slots};
use crate::platform::SOON;

/// Pods of every sort that the standards tell apart, named `p0`, `p1` and so on.
fn pods() -> Vec<Value> {
    let mut base = restricted();
    // They cannot be created.
    base["spec"]["ephemeralContainers"] = Value::Null;
    let mut pods = vec![base.clone()];
    // The other containers are looked at in the same way, and each Pod takes the API server time.
    let elsewhere = [
        "ephemeralContainers",
        "initContainers",
        "containers/1",
        "1e",
        "1i",
    ];
    let slots = slots().into_iter();
    for slot in slots.filter(|slot| !elsewhere.iter().any(|it| slot.pointer.contains(it))) {
        // The host itself refuses an annotation that is null.
        let annotation = slot.pointer.starts_with("/metadata/annotations/");
        for value in slot
            .values
            .iter()
            .filter(|it| !(annotation && it.is_null()))
        {
            let mut pod = base.clone();
            put(&mut pod, &slot.pointer, value);
            pods.push(pod);
        }
    }
    for together in [
        json!({"/spec/hostNetwork": true, "/spec/containers/0/ports": [{"containerPort": 80}]}),
        json!({"/spec/hostUsers": false, "/spec/containers/0/securityContext/procMount": "Unmasked"}),
        json!({"/spec/hostUsers": false, "/spec/securityContext/runAsNonRoot": null}),
        json!({"/spec/hostUsers": false, "/spec/securityContext/runAsUser": 0}),
        json!({"/spec/hostUsers": false, "/spec/securityContext/seccompProfile": null}),
        json!({"/spec/os": {"name": "windows"}, "/spec/securityContext/seccompProfile": null,
            "/spec/containers": [{"name": "a", "image": "a"}], "/spec/initContainers": null}),
        json!({"/spec/os": {"name": "windows"}, "/spec/securityContext/seccompProfile": null, "/spec/hostNetwork": true,
            "/spec/securityContext/windowsOptions": {"hostProcess": true},
            "/spec/containers": [{"name": "a", "image": "a"}], "/spec/initContainers": null}),
        json!({"/spec/securityContext": null, "/spec/containers": [{"name": "a", "image": "a"}]}),
        json!({"/spec/containers/0/securityContext/allowPrivilegeEscalation": null, "/spec/containers/0/securityContext/privileged": true}),
    ] {
        let mut pod = base.clone();
        for (pointer, value) in together.as_object().expect("places and values") {
            put(&mut pod, pointer, value);
        }
        pods.push(pod);
    }
    for (index, pod) in pods.iter_mut().enumerate() {
        pod["metadata"]["name"] = json!(format!("p{index}"));
    }
    pods
}

struct Verdicts {
    allowed: BTreeSet<String>,
    forbidden: BTreeSet<String>,
    /// What kubectl said of those that were not created.
    refused: String,
}

/// What the API server says to each; Pods that are invalid are in neither set.
fn admitted(kubectl: &Kubectl, namespace: &str, file: &Path) -> Verdicts {
    let file = file.to_str().expect("UTF-8");
    // kubectl's own validation would send nothing at all.
    let create = [
        "create",
        "--dry-run=server",
        "--validate=ignore",
        "-o",
        "name",
    ];
    let output = kubectl
        .command(&create)
        .args(["-n", namespace, "-f", file])
        .output()
        .expect("kubectl runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (created, refused) = (text(output.stdout), text(output.stderr));
    let names = created.lines().filter_map(|it| it.strip_prefix("pod/"));
    let forbidden = refused.lines().filter_map(|line| {
        let (_, rest) = line.split_once("pods \"")?;
        let (name, why) = rest.split_once('"')?;
        why.contains("violates PodSecurity")
            .then(|| name.to_owned())
    });
    Verdicts {
        allowed: names.map(str::to_owned).collect(),
        forbidden: forbidden.collect(),
        refused: refused.clone(),
    }
}

/// The Pods that `trimtab check` finds an error in, with a kit of these files and settings.
fn refused(files: &[(&str, String)], settings: &Value) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let component = root().join("target/components/pod-security.wasm");
    std::fs::copy(component, folder.path().join("rule.wasm")).expect("the rule is built");
    let repository = json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Repository", "metadata": {"name": "odd"},
        "spec": {"url": "https://git.example.org/odd.git", "kits": [{"path": "odd", "clusterScoped": true}]}});
    let kit = json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Kit", "metadata": {"name": "odd"},
        "spec": {"plugins": [{"path": "/rule.wasm", "settings": settings}]}});
    std::fs::create_dir(folder.path().join("odd")).expect("made");
    let more = [
        ("../repository.yaml", repository.to_string()),
        ("kit.yaml", kit.to_string()),
    ];
    for (name, text) in files.iter().chain(&more) {
        std::fs::write(folder.path().join("odd").join(name), text).expect("written");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(["check", "-o", "json"])
        .current_dir(folder.path())
        .output()
        .expect("trimtab runs");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let findings = told["findings"].as_array().expect("a list").iter();
    let names = findings.map(|it| {
        let rule = it["rule"].as_str().expect("a rule");
        assert!(rule.starts_with("pod-security/"), "{it}");
        it["object"]["name"].as_str().expect("an object").to_owned()
    });
    names.collect()
}

#[test]
fn the_api_server_forbids_the_pods_that_check_finds_errors_in_and_no_others() {
    let kubectl = Kubectl::of_suite();
    let folder = tempfile::tempdir().expect("a folder");
    let (file, pods) = (folder.path().join("pods.json"), pods());
    let list = json!({"apiVersion": "v1", "kind": "List", "items": pods});
    std::fs::write(&file, list.to_string()).expect("written");
    for (level, version) in [
        ("baseline", "latest"),
        ("restricted", "latest"),
        ("baseline", "v1.18"),
        ("restricted", "v1.24"),
    ] {
        let name = format!(
            "t{}-{level}-{}",
            std::process::id(),
            version.replace('.', "-")
        );
        let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {
            "pod-security.kubernetes.io/enforce": level,
            "pod-security.kubernetes.io/enforce-version": version,
        }}});
        kubectl
            .apply(&namespace.to_string())
            .expect("a namespace is made");
        wait_for("Pods have an account to run as", SOON, || {
            let found = kubectl.get(&["serviceaccount", "default", "-n", &name]);
            found
                .ok()
                .flatten()
                .ok_or_else(|| "there is none".to_owned())
        });
        let theirs = admitted(&kubectl, &name, &file);
        let judged: BTreeSet<&String> = theirs.allowed.union(&theirs.forbidden).collect();
        let least = theirs.allowed.len().min(theirs.forbidden.len());
        assert!(least >= 30, "{level}:{version}: {}", theirs.refused);
        let mut valid = pods.clone();
        valid.retain(|pod| judged.contains(&pod["metadata"]["name"].as_str().unwrap().to_owned()));
        for pod in &mut valid {
            pod["metadata"]["namespace"] = json!(name);
        }
        let list = json!({"apiVersion": "v1", "kind": "List", "items": valid});
        let list = ("pods.yaml", list.to_string());
        let settings = json!({"level": level, "version": version});
        let ours = refused(std::slice::from_ref(&list), &settings);
        let difference: Vec<&Value> = valid
            .iter()
            .filter(|pod| {
                let name = pod["metadata"]["name"].as_str().unwrap();
                ours.contains(name) != theirs.forbidden.contains(name)
            })
            .collect();
        assert!(difference.is_empty(), "{level}:{version}: {difference:#?}");
        // The Namespace's labels say the same to the rule.
        let labelled = [list, ("namespace.yaml", namespace.to_string())];
        let by_label = refused(&labelled, &json!({"level": "privileged"}));
        assert_eq!(by_label, ours, "{level}:{version}");
        let gone = ["delete", "namespace", &name, "--wait=false"];
        kubectl.run(&gone).expect("it goes");
    }
}
