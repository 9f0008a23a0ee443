//! Expressions that kits bring: what they ignore, and what they call healthy.

use serde_json::json;
use trimtab_harness::wait_for;

use crate::manifests::{definition, kit_yaml};
use crate::platform::{Platform, SOON, ready};

const KIT: &str = "kits/acme/shop";

fn message(platform: &Platform) -> String {
    let message = ready(&platform.kit(KIT))["message"].clone();
    message.as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_custom_resource_is_healthy_when_its_kit_s_own_rule_says_so() {
    let mut platform = Platform::new(&[]);
    let group = format!("{}.example.org", platform.name);
    let definition = definition(&group, "databases", "Database");
    platform
        .git
        .write("infra/databases/crd.yaml", definition.to_string())
        .unwrap();
    let database = json!({"apiVersion": format!("{group}/v1"), "kind": "Database", "metadata": {"name": "ledger"}});
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), database.to_string())
        .unwrap();
    let rule = |current: &str| {
        format!(
            "  health:\n    rules:\n    - kind: Database.{group}\n      current: object.status.phase == '{current}'\n      failed: object.status.phase == 'Broken'\n      message: '\"phase \" + object.status.phase'\n"
        )
    };
    kit_yaml(&platform, KIT, &rule("Ready"));
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Progressing", &first);
    let namespace = platform.namespace("acme");
    let say = |platform: &Platform, phase: &str| {
        let patch = json!({"status": {"phase": phase}}).to_string();
        let kind = format!("databases.{group}/ledger");
        let mut arguments = vec!["patch", &kind, "-n", &namespace, "--subresource=status"];
        arguments.extend(["--type=merge", "-p", &patch]);
        platform.kubectl.run(&arguments).unwrap();
    };
    say(&platform, "Growing");
    wait_for("its phase is told", SOON, || {
        let message = message(&platform);
        match message.contains("phase Growing") {
            true => Ok(()),
            false => Err(message),
        }
    });
    say(&platform, "Broken");
    platform.until_kit(KIT, "Unhealthy", &first);
    say(&platform, "Ready");
    platform.until_kit(KIT, "Applied", &first);
    // The same object by another rule: nothing in the cluster changes.
    kit_yaml(&platform, KIT, &rule("Done"));
    let second = platform.git.commit("another rule").unwrap();
    platform.until_kit(KIT, "Progressing", &second);
    kit_yaml(&platform, KIT, &rule("Ready"));
    let third = platform.git.commit("the rule of before").unwrap();
    platform.until_kit(KIT, "Applied", &third);
    // A host that starts anew hears it, too.
    platform.kill();
    say(&platform, "Broken");
    platform.start();
    platform.until_kit(KIT, "Unhealthy", &third);
}

#[test]
fn an_expression_leaves_the_sidecar_to_its_injector_and_nothing_else() {
    let mut platform = Platform::new(&[]);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [
            {"name": "web", "image": "example.org/web:1"},
            {"name": "proxy", "image": "example.org/proxy:1"},
        ]}},
    }});
    platform
        .git
        .write(&format!("{KIT}/a.yaml"), deployment.to_string())
        .unwrap();
    let sidecar = "  ignore:\n  - kind: Deployment.apps\n    when: within.exists(it, it.name == 'proxy') && field.endsWith('/image')\n";
    kit_yaml(
        &platform,
        KIT,
        "  ignore:\n  - when: within.exists(it, name == 'proxy')\n",
    );
    let wrong = platform.git.commit("a name that there is not").unwrap();
    platform.start();
    let kit = platform.until_kit(KIT, "Refused", &wrong);
    let findings = Platform::findings(&kit);
    assert_eq!(findings[0].0, "trimtab/kit-file", "{findings:?}");
    assert_eq!(findings[0].1, format!("{KIT}/kit.yaml:6"), "{findings:?}");
    kit_yaml(&platform, KIT, sidecar);
    let first = platform.git.commit("first").unwrap();
    platform.until_kit(KIT, "Applied", &first);
    let namespace = platform.namespace("acme");
    let set = |image: &str| {
        let arguments = ["set", "image", "deployment/web", image, "-n", &namespace];
        platform.kubectl.run(&arguments).unwrap();
    };
    let images = || {
        let web = platform.get("acme", "deployment/web").unwrap();
        let containers = web["spec"]["template"]["spec"]["containers"].clone();
        [
            containers[0]["image"].clone(),
            containers[1]["image"].clone(),
        ]
    };
    set("proxy=example.org/proxy:2");
    set("web=example.org/web:2");
    wait_for("the container of the kit's is put right", SOON, || {
        match images()[0] == "example.org/web:1" {
            true => Ok(()),
            false => Err(format!("{:?}", images())),
        }
    });
    assert_eq!(images()[1], "example.org/proxy:2");
    let kit = platform.until_kit(KIT, "Applied", &first);
    let drift = kit["status"]["drift"].to_string();
    assert!(
        drift.contains("containers/0/image") && !drift.contains("containers/1/image"),
        "{drift}"
    );
}
