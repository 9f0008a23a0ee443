//! `trimtab diff`: what a revision would change, before it does.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::asking::{ask, ask_json};
use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, config_map, service};

const KIT: &str = "kits/acme/shop";

fn suspend(platform: &Platform, suspended: bool) {
    let patch = json!({"spec": {"suspend": suspended}}).to_string();
    let arguments = [
        "patch",
        "kits.trimtab.io/kits.acme.shop",
        "-n",
        &platform.name,
        "--type=merge",
        "-p",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

fn until_found(platform: &Platform, revision: &str) {
    wait_for("the host has found the revision", SOON, || {
        let repository = platform.repository();
        match &repository["status"]["revision"]["revision"] {
            found if found == revision => Ok(()),
            _ => Err(platform.state(&repository)),
        }
    });
}

fn secret(value: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: key}}\nstringData:\n  password: {value}\n  same: stays-as-it-was\n"
    )
}

fn object<'a>(kit: &'a Value, name: &str) -> &'a Value {
    let mut objects = kit["objects"].as_array().expect("objects").iter();
    let found = objects.find(|it| it["object"].as_str().is_some_and(|it| it.ends_with(name)));
    found.unwrap_or_else(|| panic!("{name} is not in {kit:#}"))
}

#[test]
fn what_a_commit_would_change_is_what_it_changes_then() {
    let mut platform = Platform::new(&[]);
    let first = platform.start_with(&[
        (&format!("{KIT}/service.yaml"), &service("shop", 6776, None)),
        (
            &format!("{KIT}/config.yaml"),
            &config_map("shop", "https://u:hunter22-old@example.org"),
        ),
        (&format!("{KIT}/secret.yaml"), &secret("hunter22-old")),
        (&format!("{KIT}/old.yaml"), &config_map("old", "a")),
        ("kits/acme/other/config.yaml", &config_map("other", "a")),
    ]);
    platform.until_kit(KIT, "Applied", &first);
    platform.until_kit("kits/acme/other", "Applied", &first);
    let told = ask(&platform, &["diff"]);
    assert_eq!(
        (told.code, &*told.out),
        (Some(0), "no differences in 2 kits\n"),
        "{}",
        told.err
    );
    suspend(&platform, true);
    platform.until_kit(KIT, "Suspended", &first);
    let git = &platform.git;
    git.edit(&format!("{KIT}/service.yaml"), "port: 6776", "port: 5445")
        .unwrap();
    git.write(
        &format!("{KIT}/config.yaml"),
        config_map("shop", "https://u:hunter22-new@example.org"),
    )
    .unwrap();
    git.write(&format!("{KIT}/secret.yaml"), secret("hunter22-new"))
        .unwrap();
    git.write(&format!("{KIT}/new.yaml"), config_map("new", "b"))
        .unwrap();
    std::fs::remove_file(git.folder().join(format!("{KIT}/old.yaml"))).unwrap();
    let second = git.commit("another port").unwrap();
    until_found(&platform, &second);
    let before = platform.get("acme", "service/shop").unwrap();
    let (code, diff) = ask_json(&platform, &["diff", KIT]);
    assert_eq!(code, Some(1));
    let kit = &diff["kits"][0];
    assert_eq!(
        (&kit["state"], &kit["revision"]["revision"]),
        (&json!("changes"), &json!(second)),
        "{diff:#}"
    );
    assert_eq!(kit["live"]["revision"], first);
    assert!(
        kit["notes"][0].as_str().unwrap().contains("suspended"),
        "{kit:#}"
    );
    assert_eq!(kit["objects"].as_array().unwrap().len(), 5, "{kit:#}");
    let named = |name: &str| format!("{}/{name}", platform.namespace("acme"));
    let changed = object(kit, &format!("Service {}", named("shop")));
    assert_eq!(changed["change"], "update");
    assert_eq!(changed["origin"], format!("{KIT}/service.yaml:1"));
    assert!(
        changed["diff"]
            .as_str()
            .unwrap()
            .contains("\n-  - port: 6776\n"),
        "{changed:#}"
    );
    assert_eq!(
        object(kit, &format!("ConfigMap {}", named("new")))["change"],
        "create"
    );
    assert_eq!(
        object(kit, &format!("ConfigMap {}", named("old")))["change"],
        "delete"
    );
    let hidden = object(kit, &format!("Secret {}", named("key")));
    assert_eq!(hidden["fields"], json!(["/data/password"]));
    assert!(
        hidden["diff"]
            .as_str()
            .unwrap()
            .contains("+  password: \"*** (changed)\""),
        "{hidden:#}"
    );
    let told = ask(&platform, &["diff"]);
    assert_eq!(told.code, Some(1));
    assert!(
        told.out.ends_with("no differences in 1 kit more\n"),
        "{}",
        told.out
    );
    for value in ["hunter22", "aHVudGVyMj", "stays-as-it-was", "c3RheXMt"] {
        assert!(
            !told.all().contains(value) && !diff.to_string().contains(value),
            "{}",
            told.all()
        );
    }
    // Nothing was changed by asking.
    assert_eq!(platform.get("acme", "service/shop").unwrap(), before);
    assert_eq!(platform.get("acme", "configmap/new"), None);
    // What was said comes about.
    suspend(&platform, false);
    platform.until_kit(KIT, "Applied", &second);
    let after = platform.get("acme", "service/shop").unwrap();
    for field in changed["fields"].as_array().unwrap() {
        let field = field.as_str().unwrap();
        assert_ne!(after.pointer(field), before.pointer(field), "{field}");
    }
    assert_eq!(after["spec"]["ports"][0]["port"], 5445);
    assert!(platform.get("acme", "configmap/new").is_some());
    assert_eq!(platform.get("acme", "configmap/old"), None);
    let told = ask(&platform, &["diff", KIT]);
    assert_eq!(told.code, Some(0), "{}", told.all());
    // And the way back.
    let (code, diff) = ask_json(&platform, &["diff", KIT, "--revision", "HEAD~1"]);
    assert_eq!(code, Some(1));
    let kit = &diff["kits"][0];
    assert_eq!(kit["revision"]["revision"], first);
    assert_eq!(
        object(kit, &format!("ConfigMap {}", named("old")))["change"],
        "create"
    );
    assert_eq!(
        object(kit, &format!("ConfigMap {}", named("new")))["change"],
        "delete"
    );
    let (code, all) = ask_json(&platform, &["diff", "--revision", &first[..8]]);
    assert_eq!((code, all["kits"].as_array().unwrap().len()), (Some(1), 2));
    let told = ask(&platform, &["diff", "--revision", "nowhere"]);
    assert_eq!(told.code, Some(2), "{}", told.all());
}

#[test]
fn a_revision_that_would_be_refused_says_so_with_what_the_api_server_says() {
    let mut platform = Platform::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let first = platform.start_with(&[
        (&format!("{KIT}/service.yaml"), &service("shop", 6776, None)),
        (&format!("{KIT}/config.yaml"), &config_map("shop", "a")),
    ]);
    platform.until_kit(KIT, "Applied", &first);
    let git = &platform.git;
    git.edit(&format!("{KIT}/service.yaml"), "port: 6776", "port: 80")
        .unwrap();
    let second = git.commit("a port that is not allowed").unwrap();
    platform.until_kit(KIT, "Refused", &second);
    let (code, diff) = ask_json(&platform, &["diff"]);
    let kit = &diff["kits"][0];
    assert_eq!(
        (code, &kit["state"]),
        (Some(1), &json!("refused")),
        "{diff:#}"
    );
    assert_eq!(kit["findings"][0]["rule"], "port-policy/service-port");
    // A value that its schema does not take.
    git.write(
        &format!("{KIT}/service.yaml"),
        service("shop", 6776, None).replace("type: ClusterIP", "type: Sideways"),
    )
    .unwrap();
    let third = git.commit("a type that there is not").unwrap();
    platform.until_kit(KIT, "ApplyFailed", &third);
    let (code, diff) = ask_json(&platform, &["diff"]);
    let kit = &diff["kits"][0];
    assert_eq!(
        (code, &kit["state"]),
        (Some(1), &json!("refused")),
        "{diff:#}"
    );
    assert_eq!(kit["findings"][0]["rule"], "trimtab/apply-invalid");
}

#[test]
fn what_others_changed_is_told_and_what_nobody_else_has_is_not() {
    let mut platform = Platform::new(&[]);
    kit_yaml(&platform, KIT, "  drift: report\n");
    let first = platform.start_with(&[(&format!("{KIT}/config.yaml"), &config_map("shop", "a"))]);
    platform.until_kit(KIT, "Applied", &first);
    let namespace = platform.namespace("acme");
    let patch = [
        "patch",
        "configmap/shop",
        "-n",
        &namespace,
        "--type=merge",
        "-p",
        r#"{"data":{"key":"b"}}"#,
    ];
    platform.kubectl.run(&patch).unwrap();
    let told = wait_for("the drift is told", SOON, || {
        let told = ask(&platform, &["diff"]);
        match told.out.contains("drifted") {
            true => Ok(told),
            false => Err(told.all()),
        }
    });
    // The kit leaves it so: there is nothing that would be done.
    assert_eq!(told.code, Some(0), "{}", told.all());
    assert!(
        told.out.contains("changed by kubectl-patch, and left so"),
        "{}",
        told.out
    );
    assert!(told.out.contains("  /data\n"), "{}", told.out);
}
