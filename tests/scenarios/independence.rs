//! A kit's trouble is its own: what hangs delays nobody else, and a newer commit ends it.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use serde_json::json;
use trimtab_harness::{root, wait_for};

use crate::asking::{recorded, told};
use crate::platform::{Platform, SOON, config_map};

/// Seconds that the API server waits for the webhook; the longest that it allows.
const HANGING: u64 = 30;
/// The same where what hangs is let through in the end.
const DELAY: u64 = 5;

/// An admission webhook that never answers, for objects with the label `hang`.
struct Webhook<'p> {
    platform: &'p Platform,
    /// Connections are taken in by the kernel, and never read from.
    _listener: TcpListener,
}

impl<'p> Webhook<'p> {
    /// What it does not answer is refused after a while, or let through.
    fn new(platform: &'p Platform, seconds: u64, failure_policy: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let webhook = json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": platform.name},
            "webhooks": [{
                "name": "hang.example.org", "failurePolicy": failure_policy, "sideEffects": "None",
                "admissionReviewVersions": ["v1"], "timeoutSeconds": seconds,
                "clientConfig": {"url": format!("https://{address}/")},
                "objectSelector": {"matchLabels": {"hang": platform.name}},
                "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]}],
            }],
        });
        platform
            .kubectl
            .apply(&webhook.to_string())
            .expect("applied");
        // The API server learns of a webhook by a watch of its own.
        wait_for("the webhook is called", Duration::from_secs(20), || {
            let probe = json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "probe", "namespace": platform.name, "labels": {"hang": platform.name}},
            });
            let tried = platform.kubectl.try_apply(
                &probe.to_string(),
                &["--dry-run=server", "--request-timeout=1s"],
            );
            match tried {
                Err(_) => Ok(()),
                Ok(()) => Err("it was not".to_owned()),
            }
        });
        Self {
            platform,
            _listener: listener,
        }
    }
}

impl Drop for Webhook<'_> {
    fn drop(&mut self) {
        let kind = "validatingwebhookconfigurations";
        // What is left is for objects that nobody makes any more.
        let _ = self
            .platform
            .kubectl
            .run(&["delete", kind, &self.platform.name]);
    }
}

#[test]
fn a_kit_that_hangs_delays_nobody_and_a_newer_commit_takes_over_at_once() {
    let mut platform = Platform::new(&[]);
    let write = |platform: &Platform, value: &str, hangs: bool| {
        let mut mine = config_map("shop", value);
        if hangs {
            let label = format!("\n  labels: {{hang: {}}}\ndata:", platform.name);
            mine = mine.replace("\ndata:", &label);
        }
        platform
            .git
            .write("kits/acme/shop/config.yaml", mine)
            .unwrap();
        let beside = config_map("beside", value);
        platform
            .git
            .write("kits/acme/shop/beside.yaml", beside)
            .unwrap();
        let theirs = config_map("shop", value);
        platform
            .git
            .write("kits/rival/shop/config.yaml", theirs)
            .unwrap();
        platform.git.commit(value).unwrap()
    };
    let first = write(&platform, "a", false);
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    platform.until_kit("kits/rival/shop", "Applied", &first);
    let webhook = Webhook::new(&platform, HANGING, "Fail");
    let began = Instant::now();
    let second = write(&platform, "b", true);
    platform.until_kit("kits/rival/shop", "Applied", &second);
    // It is still on its way, as it says nothing of the second revision.
    let kit = platform.kit("kits/acme/shop");
    let tried = &kit["status"]["attempted"]["revision"];
    assert_eq!(tried, first.as_str(), "{}", kit["status"]);
    wait_for(
        "what hangs does not hold up what is sent beside it",
        SOON,
        || {
            let beside = platform.get("acme", "configmap/beside").unwrap();
            match beside["data"]["key"] == "b" {
                true => Ok(()),
                false => Err(beside.to_string()),
            }
        },
    );
    let third = write(&platform, "c", false);
    platform.until_kit("kits/acme/shop", "Applied", &third);
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(HANGING), "{waited:?}");
    let live = platform.get("acme", "configmap/shop").unwrap();
    assert_eq!(live["data"]["key"], "c");
    assert_eq!(live["metadata"]["labels"]["hang"], serde_json::Value::Null);
    drop(webhook);

    // What was sent of the second is on record, though it came to no end.
    let records = wait_for("it is recorded", SOON, || {
        let all = recorded(&platform, Some("kits/acme/shop"));
        let last = all.last().map(|it| it["revision"]["id"].clone());
        match last == Some(third.as_str().into()) {
            true => Ok(all),
            false => Err(format!("{all:#?}")),
        }
    });
    let outline: Vec<_> = records
        .iter()
        .map(|it| (told(it), it["plan"]["changed"][0]["object"].clone()))
        .collect();
    let beside = format!("ConfigMap {}/beside", platform.namespace("acme"));
    assert_eq!(outline[1].0, ("commit".into(), "brokenOff".into(), second));
    assert_eq!(outline[1].1, beside.as_str());
    assert_eq!(records[1]["plan"]["changed"][0]["fields"][0], "/data/key");
    let message = records[1]["message"].as_str().unwrap_or_default();
    let open = format!(
        "whether it took these is not known: ConfigMap {}/shop",
        platform.namespace("acme")
    );
    assert!(message.ends_with(&open), "{message}");
    assert_eq!(outline[2].0, ("commit".into(), "healthy".into(), third));
    assert_eq!(outline.len(), 3, "{outline:?}");
}

#[test]
fn a_plugin_that_never_ends_stops_its_kit_alone() {
    let mut platform = Platform::new(&[]);
    let kit = "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {name: shop}\nspec:\n  plugins:\n  - path: rule.wasm\n";
    let rule = |name: &str| {
        let file = root().join(format!("target/components/guest-{name}.wasm"));
        std::fs::read(file).expect("`cargo xtask test` has built the guests")
    };
    let git = &platform.git;
    git.write("kits/acme/shop/kit.yaml", kit).unwrap();
    git.write("kits/acme/shop/rule.wasm", rule("endless-loop"))
        .unwrap();
    git.write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    git.write("kits/rival/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/rival/shop", "Applied", &first);
    let refused = platform.until_kit("kits/acme/shop", "Refused", &first);
    let (rule_name, place, _) = Platform::findings(&refused).remove(0);
    assert_eq!(
        (rule_name.as_str(), place.as_str()),
        ("trimtab/plugin-fuel", "kits/acme/shop/kit.yaml:6")
    );
    assert_eq!(platform.get("acme", "configmap/shop"), None);
    // It costs nobody anything again until its inputs change.
    platform
        .git
        .edit("kits/rival/shop/config.yaml", "key: a", "key: b")
        .unwrap();
    let second = platform.git.commit("second").unwrap();
    platform.until_kit("kits/rival/shop", "Applied", &second);
    let evaluated = platform
        .logs()
        .into_iter()
        .rfind(|line| line["message"] == "evaluated");
    assert_eq!(evaluated.unwrap()["looked_at"], 1);
    platform
        .git
        .write("kits/acme/shop/rule.wasm", rule("honest"))
        .unwrap();
    let third = platform.git.commit("a rule that ends").unwrap();
    let kit = platform.until_kit("kits/acme/shop", "Applied", &third);
    assert_eq!(Platform::findings(&kit)[0].0, "honest/told");
}

/// The kit that gives an object up is still at work, by a revision in which another kit has it, when
/// the next revision takes it from that one, too, which had not come to take it over.
#[test]
fn what_was_to_be_handed_over_by_a_revision_that_is_overtaken_is_not_left_behind() {
    let mut platform = Platform::new(&[]);
    let (giver, taker) = ("kits/acme/giver", "kits/acme/taker");
    let kit_yaml = format!(
        "apiVersion: trimtab.io/v1alpha1\nkind: Kit\nmetadata: {{name: taker}}\nspec:\n  dependsOn: [{giver}]\n"
    );
    let first = platform.start_with(&[
        ("kits/acme/giver/own.yaml", &config_map("own", "a")),
        ("kits/acme/giver/passed.yaml", &config_map("passed", "a")),
        ("kits/acme/taker/anchor.yaml", &config_map("anchor", "a")),
        ("kits/acme/taker/kit.yaml", &kit_yaml),
    ]);
    platform.until_kit(taker, "Applied", &first);
    let _webhook = Webhook::new(&platform, DELAY, "Ignore");
    let label = format!("\n  labels: {{hang: {}}}\ndata:", platform.name);
    let slow = config_map("own", "b").replace("\ndata:", &label);
    platform
        .git
        .write("kits/acme/giver/own.yaml", slow)
        .unwrap();
    let from_to = ["kits/acme/giver/passed.yaml", "kits/acme/taker/passed.yaml"];
    platform.git.git(&["mv", from_to[0], from_to[1]]).unwrap();
    let second = platform.git.commit("handed over").unwrap();
    platform.until_kit(taker, "WaitingForDependency", &second);
    platform.git.git(&["rm", "-qf", from_to[1]]).unwrap();
    let third = platform.git.commit("given up by both").unwrap();
    platform.until_kit(giver, "Applied", &second);
    platform.until_kit(taker, "Applied", &third);
    wait_for("nobody's object is gone", SOON, || {
        match platform.get("acme", "configmap/passed") {
            None => Ok(()),
            Some(left) => Err(left.to_string()),
        }
    });
}
