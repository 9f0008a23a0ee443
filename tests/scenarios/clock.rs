//! Hosts whose wall clock was wrong: what they wrote down is read by the one that comes next.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, ready};

const KIT: &str = "kits/acme/shop";

/// Pods of it run on nodes with this label alone.
fn deployment(label: Option<&str>) -> String {
    let selector = label.map(|label| json!({ label: "yes" }));
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {
            "nodeSelector": selector, "containers": [{"name": "web", "image": "example.org/web:1"}],
        }},
    }})
    .to_string()
}

fn write(platform: &Platform, deadline: &str, label: Option<&str>) -> String {
    let kit = json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Kit", "metadata": {"name": "shop"},
        "spec": {"health": {"deadline": deadline}, "onFailure": "rollback"}});
    for (file, text) in [("kit.yaml", kit.to_string()), ("a.yaml", deployment(label))] {
        platform.git.write(&format!("{KIT}/{file}"), text).unwrap();
    }
    platform.git.commit("a revision").unwrap()
}

/// Ends the host, and makes the status say that what is live was applied at another time.
fn lie(platform: &mut Platform, at: &str) {
    platform.kill();
    let kit = platform.kit(KIT);
    assert_eq!(ready(&kit)["reason"], "Progressing", "{kit}");
    let patch = json!({"status": {"applied": {"at": at}}}).to_string();
    let arguments = [
        "patch",
        "kits.trimtab.io",
        &KIT.replace('/', "."),
        "--namespace",
        &platform.name,
        "--subresource=status",
        "--type=merge",
        "--patch",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

fn label_the_node(platform: &Platform, label: &str) {
    let nodes = platform.kubectl.get(&["nodes"]).unwrap().unwrap();
    let node = nodes["items"][0]["metadata"]["name"].as_str().unwrap();
    let label = format!("{label}=yes");
    platform
        .kubectl
        .run(&["label", "node", node, &label])
        .unwrap();
}

#[test]
fn a_clock_that_was_ahead_does_not_put_a_health_deadline_off() {
    let mut platform = Platform::new(&[]);
    let first = write(&platform, "15s", Some("nowhere"));
    platform.start();
    platform.until_kit(KIT, "Progressing", &first);
    lie(&mut platform, "2099-01-01T00:00:00Z");
    platform.start_without_file();
    platform.until_kit(KIT, "Unhealthy", &first);
}

#[test]
fn a_clock_that_was_behind_rolls_nothing_back() {
    let mut platform = Platform::new(&[]);
    let label = format!("for-{}", platform.name);
    let first = write(&platform, "2m", None);
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let second = write(&platform, "2m", Some(&label));
    platform.until_kit(KIT, "Progressing", &second);
    let looks = |platform: &Platform| {
        let look = |line: &&Value| line["message"] == "kit" && line["kit"] == KIT;
        platform.logs().iter().filter(look).count()
    };
    lie(&mut platform, "1970-01-01T00:00:00Z");
    let before = looks(&platform);
    platform.start_without_file();
    wait_for("the next host looks at the kit", SOON, || {
        match looks(&platform) > before {
            true => Ok(()),
            false => Err(platform.state(&platform.kit(KIT))),
        }
    });
    label_the_node(&platform, &label);
    platform.until_kit(KIT, "Applied", &second);
    let events = platform.events(KIT);
    let bad = |it: &&String| it.contains("RolledBack") || it.contains("Unhealthy");
    assert_eq!(events.iter().find(bad), None);
}
