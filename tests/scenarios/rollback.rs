//! A person takes a kit, or the platform, back to what was good, and lets it go again.

use std::process::Output;

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map, ready, service};

const SHOP: &str = "kits/acme/shop";

fn words(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}{}", text(&output.stdout), text(&output.stderr))
}

fn does(platform: &Platform, arguments: &[&str]) -> String {
    let output = platform.trimtab(arguments);
    let words = words(&output);
    assert!(output.status.success(), "{arguments:?}: {words}");
    words
}

fn port(platform: &Platform) -> Value {
    platform.get("acme", "service/shop").unwrap()["spec"]["ports"][0]["port"].clone()
}

/// A shop with another port in each of these revisions. Gives their ids.
fn shop(platform: &mut Platform, ports: &[u16]) -> Vec<String> {
    let mut revisions = Vec::new();
    for (index, port) in ports.iter().enumerate() {
        let file = "kits/acme/shop/service.yaml";
        platform
            .git
            .write(file, service("shop", *port, None))
            .unwrap();
        revisions.push(platform.git.commit(&format!("port {port}")).unwrap());
        if index == 0 {
            platform.start();
        }
        platform.until_kit(SHOP, "Applied", &revisions[index]);
    }
    revisions
}

#[test]
fn a_kit_goes_back_to_the_last_good_revision_stays_there_and_follows_again_when_resumed() {
    let mut platform = Platform::new(&[]);
    let revisions = shop(&mut platform, &[6776, 5445, 5446]);
    let nothing = platform.trimtab(&["rollback", SHOP, "--yes"]);
    assert_eq!(nothing.status.code(), Some(2), "{}", words(&nothing));
    let unasked = platform.trimtab(&["rollback", SHOP, "--reason", "it flickers"]);
    assert!(words(&unasked).contains("--yes"), "{}", words(&unasked));
    assert_eq!(port(&platform), 5446);

    let back = ["rollback", SHOP, "--yes", "--reason", "it flickers"];
    let told = does(&platform, &back);
    assert!(told.contains(&revisions[1][..7]), "{told}");
    assert_eq!(port(&platform), 5445);
    let kit = platform.until_kit(SHOP, "Held", &revisions[1]);
    let message = ready(&kit)["message"].to_string();
    assert!(message.contains("it flickers"), "{message}");
    assert_eq!(ready(&kit)["status"], "True");
    assert_eq!(kit["spec"]["reason"], "it flickers");

    // Once more leads further back, and not to where it came from.
    does(&platform, &back);
    assert_eq!(port(&platform), 6776);
    platform.until_kit(SHOP, "Held", &revisions[0]);

    // What is committed meanwhile waits, for this kit alone.
    platform
        .git
        .write("kits/acme/shop/service.yaml", service("shop", 7000, None))
        .unwrap();
    platform
        .git
        .write("kits/rival/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let newest = platform.git.commit("the fix").unwrap();
    platform.until_kit("kits/rival/shop", "Applied", &newest);
    assert_eq!(port(&platform), 6776);

    // Neither does a host that starts anew forget it.
    platform.kill();
    platform.start();
    wait_for("the second host has settled", SOON, || {
        let settled = platform.logs();
        let mut settled = settled.iter().filter(|it| it["message"] == "settled");
        match settled.next_back().map(|it| it["summary"].to_string()) {
            Some(summary) if summary.contains("1 held") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert_eq!(port(&platform), 6776);

    does(&platform, &["resume", SHOP]);
    platform.until_kit(SHOP, "Applied", &newest);
    assert_eq!(port(&platform), 7000);
    assert!(does(&platform, &["resume", SHOP]).contains("neither held nor suspended"));
}

#[test]
fn the_whole_platform_goes_back_with_kits_that_came_and_went_since() {
    let mut platform = Platform::new(&[]);
    let write = |platform: &Platform, path: &str, value: &str| {
        let name = path.rsplit('/').next().unwrap();
        let text = config_map(name, value);
        platform.git.write(&format!("{path}/config.yaml"), text)
    };
    write(&platform, "kits/acme/shop", "a").unwrap();
    write(&platform, "kits/rival/old", "a").unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/rival/old", "Applied", &first);
    platform.until_repository("Applied");
    write(&platform, "kits/acme/shop", "b").unwrap();
    write(&platform, "kits/acme/new", "a").unwrap();
    platform.git.git(&["rm", "-rq", "kits/rival/old"]).unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit("kits/acme/new", "Applied", &second);
    let value = |platform: &Platform| {
        let shop = platform.get("acme", "configmap/shop");
        shop.map(|it| it["data"]["key"].clone()).unwrap_or_default()
    };
    wait_for("the second revision is known as good", SOON, || {
        let history = platform.repository()["status"]["history"].clone();
        match history[0]["revision"] == second.as_str() {
            true => Ok(()),
            false => Err(history.to_string()),
        }
    });

    let told = does(
        &platform,
        &["rollback", "--all", "--yes", "--reason", "nothing answers"],
    );
    assert!(told.contains(&first[..7]), "{told}");
    let repository = platform.until_repository("Held");
    assert_eq!(repository["status"]["held"]["revision"], first.as_str());
    assert_eq!(
        repository["status"]["revision"]["revision"],
        second.as_str()
    );
    assert_eq!(value(&platform), "a");
    assert!(platform.get("rival", "configmap/old").is_some());
    wait_for("what came since is gone", SOON, || {
        match platform.kit("kits/acme/new") {
            Value::Null => Ok(()),
            kit => Err(kit["status"].to_string()),
        }
    });

    write(&platform, "kits/acme/shop", "c").unwrap();
    let third = platform.git.commit("third").unwrap();
    wait_for("the third revision is seen", SOON, || {
        let seen = platform.repository()["status"]["revision"]["revision"].clone();
        match seen == third.as_str() {
            true => Ok(()),
            false => Err(seen.to_string()),
        }
    });
    assert_eq!(value(&platform), "a");
    does(&platform, &["resume", "--all"]);
    platform.until_kit("kits/acme/shop", "Applied", &third);
    assert_eq!(value(&platform), "c");
}

#[test]
fn a_kit_that_goes_back_brings_its_rules_and_the_guardrails_stay_those_of_today() {
    let mut platform = Platform::new(&[("port-policy", "{service: {allow: ['1024-9999']}}")]);
    let component = trimtab_harness::root().join("target/components/port-policy.wasm");
    let bytes = std::fs::read(component).unwrap();
    let rules = |allowed: &str| {
        format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: shop}}\nspec:\n  plugins:\n\
             \x20 - path: rules.wasm\n    settings: {{service: {{allow: ['{allowed}']}}}}\n"
        )
    };
    let git = &platform.git;
    git.write("kits/acme/shop/rules.wasm", &bytes).unwrap();
    git.write("kits/acme/shop/kit.yaml", rules("6000-6999"))
        .unwrap();
    let revisions = shop(&mut platform, &[6776]);
    // The rule and what it judges change together; neither would stand with the other's past.
    let git = &platform.git;
    git.write("kits/acme/shop/kit.yaml", rules("5000-5999"))
        .unwrap();
    git.write("kits/acme/shop/service.yaml", service("shop", 5445, None))
        .unwrap();
    let second = git.commit("other ports").unwrap();
    platform.until_kit(SHOP, "Applied", &second);
    // The guardrail is exchanged for a stricter one, at another path, since.
    let git = &platform.git;
    git.git(&["mv", "rules/port-policy.wasm", "rules/ports.wasm"])
        .unwrap();
    git.commit("the guardrail moves").unwrap();
    let mut guardrails = platform.repository()["spec"]["guardrails"].clone();
    guardrails[0]["path"] = "rules/ports.wasm".into();
    guardrails[0]["settings"] = json!({"service": {"allow": ["5000-6999"]}});
    let patch = json!({"spec": {"guardrails": guardrails}}).to_string();
    let patch = [
        "patch",
        "repositories.trimtab.io",
        "platform",
        "--type=merge",
        "-p",
        &patch,
        "-n",
        &platform.name,
    ];
    platform.kubectl.run(&patch).unwrap();
    platform.until_repository("Applied");

    does(&platform, &["rollback", SHOP, "--yes", "--reason", "back"]);
    assert_eq!(port(&platform), 6776);
    platform.until_kit(SHOP, "Held", &revisions[0]);
}

#[test]
fn kubectl_holds_a_kit_as_well_and_what_is_no_good_revision_leaves_it_as_it_is() {
    let mut platform = Platform::new(&[]);
    let revisions = shop(&mut platform, &[6776, 5445]);
    let namespace = platform.name.clone();
    let patch = |spec: &Value| {
        let patch = json!({"spec": spec}).to_string();
        let kit = ["kits.trimtab.io", "kits.acme.shop", "-n", &namespace];
        let arguments = [&["patch"], &kit[..], &["--type=merge", "-p", &patch]].concat();
        platform.kubectl.run(&arguments)
    };
    let error = patch(&json!({"revision": revisions[0]})).expect_err("a reason is needed");
    assert!(format!("{error:#}").contains("spec.reason"), "{error:#}");
    patch(&json!({"revision": &revisions[0][..8], "reason": "it flickers"})).unwrap();
    platform.until_kit(SHOP, "Held", &revisions[0]);
    assert_eq!(port(&platform), 6776);

    patch(&json!({"revision": "0123456789"})).unwrap();
    let kit = wait_for("it says that there is no such revision", SOON, || {
        let kit = platform.kit(SHOP);
        match ready(&kit)["reason"] == "Refused" {
            true => Ok(kit),
            false => Err(kit["status"].to_string()),
        }
    });
    let message = ready(&kit)["message"].to_string();
    assert!(message.contains("0123456789"), "{message}");
    assert_eq!(port(&platform), 6776);
    let unproven = platform.trimtab(&[
        "rollback",
        SHOP,
        "--to",
        "0123456789",
        "--yes",
        "--reason",
        "a",
    ]);
    assert_eq!(unproven.status.code(), Some(2));
    // What it was taken back from is nothing to go back to.
    let offered = words(&unproven);
    assert!(offered.contains(&revisions[0][..7]), "{offered}");
    assert!(!offered.contains(&revisions[1][..7]), "{offered}");

    patch(&json!({"revision": null, "reason": null})).unwrap();
    platform.until_kit(SHOP, "Applied", &revisions[1]);
    assert_eq!(port(&platform), 5445);
    does(&platform, &["suspend", SHOP, "--reason", "it is repaired"]);
    let message = ready(&platform.kit(SHOP))["message"].to_string();
    assert!(message.contains("it is repaired"), "{message}");
    does(&platform, &["resume", SHOP]);
    platform.until_kit(SHOP, "Applied", &revisions[1]);
}

#[test]
fn a_kit_that_is_no_longer_in_the_repository_is_held_all_the_same() {
    let mut platform = Platform::new(&[]);
    let revisions = shop(&mut platform, &[6776, 5445]);
    platform
        .git
        .write("kits/rival/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    platform.git.commit("a rival").unwrap();
    does(
        &platform,
        &["rollback", SHOP, "--yes", "--reason", "it flickers"],
    );
    platform.git.git(&["rm", "-rq", "kits/acme"]).unwrap();
    let third = platform.git.commit("no shop").unwrap();
    wait_for("the third revision is taken up", SOON, || {
        let seen = platform.repository()["status"]["revision"]["revision"].clone();
        match seen == third.as_str() {
            true => Ok(()),
            false => Err(seen.to_string()),
        }
    });
    platform.until_kit(SHOP, "Held", &revisions[0]);
    assert_eq!(port(&platform), 6776);
    does(&platform, &["resume", SHOP, "--no-wait"]);
    wait_for("it goes once it is let go", SOON, || {
        match platform.get("acme", "service/shop") {
            None => Ok(()),
            Some(_) => Err("the service is there".to_owned()),
        }
    });
}

#[test]
fn the_files_go_back_by_a_commit_in_a_clone() {
    let mut platform = Platform::new(&[]);
    let revisions = shop(&mut platform, &[6776, 5445]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(["rollback", SHOP, "--commit", "--yes", "--to", &revisions[0]])
        .args(["--reason", "it flickers"])
        .current_dir(platform.git.folder())
        .envs([
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@example.org"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@example.org"),
        ])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", words(&output));
    let head = platform.git.git(&["rev-parse", "HEAD"]).unwrap();
    platform.until_kit(SHOP, "Applied", head.trim());
    assert_eq!(port(&platform), 6776);
    let message = platform.git.git(&["log", "-1", "--format=%B"]).unwrap();
    assert!(message.contains("it flickers") && message.contains(&revisions[0]));
}
