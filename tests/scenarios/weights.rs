//! What a rule's findings weigh: the platform team's word, the kit's, and exemptions.

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::manifests::kit_yaml;
use crate::platform::{Platform, SOON, ready, service};

const KIT: &str = "kits/acme/shop";
const PORTS: (&str, &str) = ("port-policy", "{service: {allow: ['1024-9999']}}");

pub fn say(platform: &Platform, spec: &Value) {
    let patch = json!({ "spec": spec }).to_string();
    let arguments = [
        "patch",
        "repositories.trimtab.io/platform",
        "-n",
        &platform.name,
        "--type=merge",
        "-p",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

fn until(platform: &Platform, what: &str, fits: impl Fn(&Value, &[Value]) -> bool) -> Value {
    wait_for(what, SOON, || {
        let kit = platform.kit(KIT);
        let findings = kit["status"]["findings"].as_array().cloned();
        let ready = ready(&kit);
        match fits(&ready["reason"], &findings.unwrap_or_default()) {
            true => Ok(kit),
            false => Err(kit["status"].to_string()),
        }
    })
}

#[test]
fn the_platform_team_weighs_rules_exempts_with_a_reason_and_a_kit_can_only_be_stricter() {
    let mut platform = Platform::new(&[PORTS]);
    // A port that is not allowed.
    let service = service("shop", 80, None);
    let first = platform.start_with(&[("kits/acme/shop/service.yaml", &service)]);
    platform.until_kit(KIT, "Refused", &first);
    // No commit is needed for a new law.
    say(
        &platform,
        &json!({"rules": [{"rule": "port-policy/*", "enforce": "warning"}]}),
    );
    let kit = until(&platform, "it is a warning", |reason, _| {
        reason == "Applied"
    });
    assert_eq!(kit["status"]["findings"][0]["severity"], "warning");
    assert!(platform.get("acme", "service/shop").is_some());
    // The kit's author wants it as it was.
    let stricter = "  rules:\n  - {rule: port-policy/service-port, enforce: error}\n";
    kit_yaml(&platform, KIT, stricter);
    let second = platform.git.commit("stricter").unwrap();
    platform.until_kit(KIT, "Refused", &second);
    // A kit that would be less strict is told so.
    kit_yaml(&platform, KIT, &stricter.replace("error", "ignore"));
    let third = platform.git.commit("weaker").unwrap();
    let kit = platform.until_kit(KIT, "Refused", &third);
    let place = format!("{KIT}/kit.yaml:6");
    assert!(
        Platform::findings(&kit).iter().any(|it| it.1 == place),
        "{kit}"
    );
    kit_yaml(&platform, KIT, stricter);
    let fourth = platform.git.commit("strict").unwrap();
    platform.until_kit(KIT, "Refused", &fourth);
    // An exemption is the platform team's, and its reason is told.
    let exemption = json!({"rule": "port-policy/*", "kits": ["kits/acme/*"], "kind": "Service",
        "name": "sho*", "reason": "moved by May"});
    say(&platform, &json!({"exemptions": [exemption]}));
    let kit = until(&platform, "it is exempt", |reason, _| reason == "Applied");
    assert_eq!(kit["status"]["findings"][0]["severity"], "info");
    assert_eq!(kit["status"]["findings"][0]["exempt"], "moved by May");
    let status = platform.trimtab(&["status"]);
    let text = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(text.contains("exempt: moved by May"), "{text}");
    // Without it the law holds again; what is live stays.
    say(&platform, &json!({"exemptions": null, "rules": null}));
    until(&platform, "it is refused again", |reason, _| {
        reason == "Refused"
    });
    assert!(platform.get("acme", "service/shop").is_some());
    // What is no rule is told of the Repository.
    say(
        &platform,
        &json!({"rules": [{"rule": "trimtab/yaml", "enforce": "ignore"}]}),
    );
    platform.until_repository("InvalidSpec");
}
