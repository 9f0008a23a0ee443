//! Items of lists that the API server tells apart by their keys.

use serde_json::json;
use trimtab_harness::wait_for;

use super::{KIT, patch, until};
use crate::platform::{Platform, SOON, service};

#[test]
fn a_port_that_was_changed_by_hand_gets_its_number_back_though_the_server_tells_ports_by_it() {
    let mut platform = Platform::new(&[]);
    let named = service("named", 6776, None).replace("- port", "- name: http\n    port");
    for (name, text) in [("a", service("shop", 6776, None)), ("b", named)] {
        let file = format!("{KIT}/{name}.yaml");
        platform.git.write(&file, text).unwrap();
    }
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit(KIT, "Applied", &first);
    let elsewhere = |name: &str| json!({"metadata": {"labels": {"mine": "x"}}, "spec": {"ports": [{"name": name, "port": 6777}]}});
    let ports = |object: &str| {
        let ports = platform.get("acme", object).unwrap()["spec"]["ports"].clone();
        let ports = ports.as_array().cloned().unwrap_or_default();
        ports
            .iter()
            .map(|it| it["port"].clone())
            .collect::<Vec<_>>()
    };
    for (object, name) in [("service/shop", ""), ("service/named", "http")] {
        patch(&platform, object, &elsewhere(name), &[]);
        until(&platform, object, "/spec/ports/0/port", &json!(6776));
        assert_eq!(ports(object), [6776]);
        let labels = platform.get("acme", object).unwrap()["metadata"]["labels"].clone();
        assert_eq!(labels["mine"], "x", "what is not in the way is left");
    }
    wait_for("both are told", SOON, || {
        let kit = platform.kit(KIT);
        let drift = kit["status"]["drift"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let told = drift
            .iter()
            .filter(|it| it["manager"] == "kubectl-patch" && it["corrected"] == true);
        match told.count() {
            2 => Ok(()),
            _ => Err(platform.state(&kit)),
        }
    });
}
