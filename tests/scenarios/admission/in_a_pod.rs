//! The webhook behind a Service, as where the host runs in the cluster.

use std::net::UdpSocket;
use std::process::Command;

use serde_json::Value;

use super::{KIT, PORTS, free, refused, webhooks};
use crate::platform::{Platform, service};

/// Of a host that a Service in this namespace leads to, as in a Pod.
fn arguments(namespace: &str) -> Vec<String> {
    // Nothing is sent: it tells which of this machine's addresses others would see.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.connect("192.0.2.1:9").expect("a network");
    let own = socket.local_addr().expect("an address").ip().to_string();
    let at = free(&own).to_string();
    let pod = ["--pod-ip", &own, "--pod-namespace", namespace];
    let arguments = ["--admission", "--admission-listen", &at];
    let all = arguments.into_iter().chain(pod);
    all.map(str::to_owned).collect()
}

#[test]
fn in_a_pod_the_service_that_install_prints_leads_to_the_host_that_acts() {
    let mut platform = Platform::new(&[PORTS]);
    platform.guard_the_door("{}");
    platform.door = Some(arguments);
    let printed = Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(["install", "--admission", "--image", "example.org/trimtab"])
        .output()
        .expect("trimtab runs");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    let documents = printed.split("\n---\n").map(serde_yaml::from_str::<Value>);
    let mut services: Vec<Value> = documents
        .map(|it| it.expect("valid YAML"))
        .filter(|it| it["kind"] == "Service" && it["metadata"]["name"] == "trimtab-admission")
        .collect();
    services[0]["metadata"]["namespace"] = platform.name.as_str().into();
    let shop = service("shop", 6776, None);
    let first = platform.start_with(&[(&format!("{KIT}/service.yaml"), &shop)]);
    platform.until_kit(KIT, "Applied", &first);
    platform.kubectl.apply(&services[0].to_string()).unwrap();
    refused(&platform);
    let led = webhooks(&platform)[0]["clientConfig"]["service"].clone();
    assert_eq!(led["namespace"], platform.name.as_str());
}
