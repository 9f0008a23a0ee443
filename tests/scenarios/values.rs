//! Values of the platform team, from ConfigMaps and Secrets of the cluster.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::asking::{ask, recorded};
use crate::platform::{Platform, SOON, config_map, ready};

const SHOP: &str = "kits/acme/shop";
const WEB: &str = "kits/acme/web";
const OTHER: &str = "kits/rival/other";

fn kit(name: &str, variables: &str) -> String {
    format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: {name}}}\nspec:\n  variables: {variables}\n"
    )
}

fn value(platform: &Platform, company: &str, name: &str) -> Value {
    let live = platform.get(company, &format!("configmap/{name}"));
    live.unwrap_or_default()["data"]["key"].clone()
}

fn until_value(platform: &Platform, company: &str, name: &str, wanted: &str) {
    wait_for(&format!("{name} has {wanted}"), SOON, || {
        match value(platform, company, name) {
            found if found == wanted => Ok(()),
            found => Err(found.to_string()),
        }
    });
}

fn patch(platform: &Platform, object: &str, patch: &Value) {
    let (namespace, patch) = (platform.name.as_str(), patch.to_string());
    let arguments = [
        "patch",
        object,
        "--namespace",
        namespace,
        "--type=merge",
        "--patch",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

/// A Repository with values, and what they are read from.
fn platform() -> Platform {
    let platform = Platform::new(&[]);
    let namespace = platform.name.clone();
    platform
        .kubectl
        .run(&["create", "namespace", &namespace])
        .unwrap();
    let create = |arguments: &[&str]| {
        let all = [&["create", "--namespace", &namespace], arguments].concat();
        platform.kubectl.run(&all).unwrap();
    };
    create(&["configmap", "vars", "--from-literal=cluster=north"]);
    create(&[
        "secret",
        "generic",
        "keys",
        "--from-literal=password=correct-horse-1",
    ]);
    let file = platform.repository_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let values = json!([
        {"name": "vars", "configMapRef": {"name": "vars"}, "kits": ["kits/acme/*"]},
        {"name": "keys", "secretRef": {"name": "keys"}},
    ]);
    let text = text.replace("  kits:\n", &format!("  values: {values}\n  kits:\n"));
    std::fs::write(file, text).unwrap();
    platform
}

#[test]
fn a_changed_config_map_changes_exactly_the_kits_that_name_it_and_needs_no_commit() {
    let mut platform = platform();
    let shop = config_map("shop", "in-${cluster}");
    let first = platform.start_with(&[
        (&format!("{SHOP}/kit.yaml"), &kit("shop", "{from: [vars]}")),
        (&format!("{SHOP}/a.yaml"), &shop),
        (
            &format!("{WEB}/a.yaml"),
            &config_map("web", "plain-${cluster}"),
        ),
        (
            &format!("{OTHER}/kit.yaml"),
            &kit("other", "{from: [vars]}"),
        ),
        (
            &format!("{OTHER}/a.yaml"),
            &config_map("other", "${cluster}"),
        ),
    ]);
    let before = platform.until_kit(SHOP, "Applied", &first);
    assert_eq!(value(&platform, "acme", "shop"), "in-north");
    let web = platform.until_kit(WEB, "Applied", &first);
    assert_eq!(value(&platform, "acme", "web"), "plain-${cluster}");
    // One that is not granted says so, and nobody else waits for it.
    let other = platform.until_kit(OTHER, "Refused", &first);
    let found = Platform::findings(&other);
    assert_eq!(found[0].0, "trimtab/values-not-granted", "{found:?}");
    assert_eq!(found[0].1, format!("{OTHER}/kit.yaml:5"));

    patch(
        &platform,
        "configmap/vars",
        &json!({"data": {"cluster": "south"}}),
    );
    until_value(&platform, "acme", "shop", "in-south");
    let after = wait_for("the status tells of it", SOON, || {
        let kit = platform.kit(SHOP);
        let same = kit["status"]["values"] == before["status"]["values"];
        match !same && ready(&kit)["reason"] == "Applied" {
            true => Ok(kit),
            false => Err(kit["status"].to_string()),
        }
    });
    assert_eq!(after["status"]["applied"]["revision"], first.as_str());
    assert_eq!(platform.kit(WEB)["status"], web["status"]);
    let evaluated: Vec<Value> = platform.logs();
    let last = evaluated.iter().rfind(|it| it["message"] == "evaluated");
    assert_eq!(last.expect("it was")["looked_at"], 1);

    // A host that starts anew finds all as it is, and sends nothing.
    let attempts = |platform: &Platform| -> Vec<Value> {
        let logs = platform.logs().into_iter();
        let all = logs.filter(|it| it["message"] == "kit" && it["kit"] == SHOP);
        all.map(|it| it["changed"].clone()).collect()
    };
    platform.kill();
    let known = attempts(&platform).len();
    platform.start_without_file();
    let changed = wait_for("the new host has looked at it", SOON, || {
        let changed = attempts(&platform).split_off(known);
        match changed.is_empty() {
            true => Err("not yet".to_owned()),
            false => Ok(changed),
        }
    });
    assert_eq!(changed[0], 0);

    // Without it, its kits stop, and what is live stays.
    let delete = [
        "delete",
        "configmap",
        "vars",
        "--namespace",
        &platform.name.clone(),
    ];
    platform.kubectl.run(&delete).unwrap();
    let kit = wait_for("the kit stops", SOON, || {
        let kit = platform.kit(SHOP);
        match ready(&kit)["reason"] == "Refused" {
            true => Ok(kit),
            false => Err(ready(&kit).to_string()),
        }
    });
    let found = Platform::findings(&kit);
    assert_eq!(found[0].0, "trimtab/values-missing", "{found:?}");
    assert_eq!(value(&platform, "acme", "shop"), "in-south");
    assert_eq!(ready(&platform.kit(WEB))["reason"], "Applied");
}

#[test]
fn a_secret_s_value_goes_live_and_shows_nowhere_else() {
    let mut platform = platform();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: db}\nstringData: {password: '${password}'}\n";
    // A port that the API server refuses, and quotes.
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: bad}\nspec: {type: '${password}', ports: [{port: 80}]}\n";
    let shop = [
        (format!("{SHOP}/kit.yaml"), kit("shop", "{from: [keys]}")),
        (format!("{SHOP}/a.yaml"), secret.to_owned()),
        (
            format!("{SHOP}/b.yaml"),
            config_map("url", "https://u:${password}@db"),
        ),
        (format!("{WEB}/kit.yaml"), kit("web", "{from: [keys]}")),
        (format!("{WEB}/a.yaml"), service.to_owned()),
        (format!("{OTHER}/kit.yaml"), kit("other", "{from: [keys]}")),
        (format!("{OTHER}/a.yaml"), config_map("${password}", "a")),
    ];
    let shop: Vec<(&str, &str)> = shop.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let first = platform.start_with(&shop);
    platform.until_kit(SHOP, "Applied", &first);
    platform.until_kit(WEB, "ApplyFailed", &first);
    platform.until_kit(OTHER, "Refused", &first);
    assert_eq!(
        value(&platform, "acme", "url"),
        "https://u:correct-horse-1@db"
    );
    let exchanged = json!({"stringData": {"password": "battery-staple-2"}});
    patch(&platform, "secret/keys", &exchanged);
    until_value(&platform, "acme", "url", "https://u:battery-staple-2@db");
    wait_for("it is on record, with its cause", SOON, || {
        let records = recorded(&platform, Some(SHOP));
        let last = records.last().cloned().unwrap_or_default();
        let secret = last["values"][0]["name"] == "keys";
        match last["cause"] == "values" && last["outcome"] == "healthy" && secret {
            true => Ok(()),
            false => Err(last.to_string()),
        }
    });
    let verify = ask(&platform, &["verify", SHOP]);
    assert_eq!(verify.code, Some(0), "{}", verify.all());
    let mut shown = vec![verify.all()];
    for arguments in [
        &["diff"][..],
        &["diff", SHOP, "--revision", &first],
        &["history", "--output", "json"],
        &[
            "blame",
            "configmap/url",
            "--namespace",
            &platform.namespace("acme"),
        ],
    ] {
        shown.push(ask(&platform, arguments).all());
    }
    for path in [SHOP, WEB, OTHER] {
        shown.push(platform.kit(path).to_string());
        shown.extend(platform.events(path));
    }
    shown.push(platform.repository().to_string());
    shown.extend(platform.logs().iter().map(Value::to_string));
    assert!(
        shown.iter().any(|it| it.contains("values")),
        "the history tells of values"
    );

    // Nor what it held before, when nothing says any more what that was: the host has started anew,
    // the Secret holds another value, and the field is to have none.
    let name = platform.kit(SHOP)["metadata"]["name"].clone();
    let kit = format!("kits.trimtab.io/{}", name.as_str().unwrap());
    patch(&platform, &kit, &json!({"spec": {"suspend": true}}));
    platform.kill();
    let exchanged = json!({"stringData": {"password": "paper-clip-3"}});
    patch(&platform, "secret/keys", &exchanged);
    let plain = config_map("url", "https://nobody@db");
    platform
        .git
        .write(&format!("{SHOP}/b.yaml"), plain)
        .unwrap();
    platform.git.commit("no variable").unwrap();
    platform.start_without_file();
    let told = wait_for("the difference is told", SOON, || {
        let told = ask(&platform, &["diff", SHOP]).all();
        match told.contains("nobody@db") {
            true => Ok(told),
            false => Err(told),
        }
    });
    assert!(told.contains("***"), "{told}");
    shown.push(told);
    let namespace = platform.namespace("acme");
    let blame = ["blame", "configmap/url", "--namespace", &namespace];
    shown.push(ask(&platform, &blame).all());
    for text in &shown {
        for part in ["correct-horse", "battery-staple", "Y29ycmVjdC1ob3JzZS0x"] {
            assert!(!text.contains(part), "{text}");
        }
    }
}
