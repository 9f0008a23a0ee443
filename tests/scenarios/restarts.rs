//! The servers of the control plane, killed and started again. They are this file's own: the
//! other tests need theirs.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use serde_json::{Value, json};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::wait_for;

use crate::chaos::{KITS, identities, started, versions};
use crate::platform::{Platform, SOON, config_map};

/// Ends with the process, which is what its supervisor watches. One test at a time has it.
static PLANE: LazyLock<Mutex<ControlPlane>> = LazyLock::new(|| {
    let variable = |name: &str| {
        let value = std::env::var_os(name);
        PathBuf::from(value.unwrap_or_else(|| panic!("{name} is not set: use `cargo xtask test`")))
    };
    let program = variable("TRIMTAB_TEST_SUPERVISOR");
    let plane = ControlPlane::start(&program, &variable("TRIMTAB_TEST_BIN"));
    Mutex::new(plane.expect("a control plane"))
});

/// Objects that the host has sent, of all kits.
fn sent(platform: &Platform) -> u64 {
    let logs = platform.logs();
    let kits = logs.iter().filter(|line| line["message"] == "kit");
    kits.filter_map(|line| line["changed"].as_u64()).sum()
}

fn survives_restarts_of(server: &str) {
    let mut plane = PLANE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut platform = Platform::new(&[]);
    platform.kubectl = plane.kubectl();
    let (mut world, before) = started(&mut platform);
    // Changes before, while it is away, and after.
    for _ in 0..3 {
        world.change(&platform);
        plane.kill(server).unwrap();
        for _ in 0..5 {
            world.change(&platform);
            platform.tend();
        }
        plane.start_again(server).unwrap();
        world.change(&platform);
        platform.tend();
    }
    world.converge(&mut platform);
    assert_eq!(identities(&platform), before);
    // Without a change nothing is sent, and with one nothing else.
    let (untouched, before_it) = (versions(&platform), sent(&platform));
    plane.kill(server).unwrap();
    plane.start_again(server).unwrap();
    world.put(&platform, "object-new", 0, 1);
    platform.git.commit("one more").unwrap();
    world.converge(&mut platform);
    assert_eq!(versions(&platform), untouched, "{KITS} anchors");
    assert_eq!(sent(&platform) - before_it, 1);
    assert_eq!(identities(&platform), before);
}

#[test]
fn an_api_server_killed_and_started_again_while_all_changes_is_survived() {
    survives_restarts_of("kube-apiserver");
}

#[test]
fn an_etcd_killed_and_started_again_while_all_changes_is_survived() {
    survives_restarts_of("etcd");
}

/// How often the host has logged this.
fn said(platform: &Platform, words: &str) -> usize {
    let logs = platform.logs();
    logs.iter().filter(|line| line["message"] == words).count()
}

#[test]
fn an_api_server_that_comes_back_with_another_certificate_is_trusted_as_soon_as_it_may_be() {
    let mut plane = PLANE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut platform = Platform::new(&[]);
    platform.kubectl = plane.kubectl();
    let certificates = platform.kubectl.kubeconfig.with_file_name("certificates");
    let authority = platform.repository_file().with_file_name("ca.crt");
    let trust = || std::fs::copy(certificates.join("apiserver.crt"), &authority).unwrap();
    let text = std::fs::read_to_string(&platform.kubectl.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let server = config["clusters"][0]["cluster"]["server"].clone();
    config["clusters"][0]["cluster"] =
        json!({"server": server, "certificate-authority": authority});
    let file = platform.repository_file().with_file_name("config");
    std::fs::write(&file, config.to_string()).unwrap();
    platform.host_kubeconfig = Some(file);
    trust();
    // A host that waits for the lease outlasts the API server; one that has it might not.
    let space = platform.name.clone();
    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": "trimtab", "namespace": space}, "spec": {"holderIdentity": "somebody"}});
    let create = ["create", "namespace", &space];
    platform.kubectl.run(&create).unwrap();
    platform.kubectl.apply(&lease.to_string()).unwrap();
    let kit = "kits/acme/shop";
    let map = config_map("shop", "a");
    let first = platform.start_with(&[("kits/acme/shop/a.yaml", &map)]);
    wait_for("the host waits for the lease", SOON, || {
        match said(&platform, "another host acts; this one waits") {
            0 => Err(platform.state(&Value::Null)),
            _ => Ok(()),
        }
    });
    plane.kill("kube-apiserver").unwrap();
    std::fs::remove_dir_all(&certificates).unwrap();
    plane.start_again("kube-apiserver").unwrap();
    trust();
    platform.until_kit(kit, "Applied", &first);
    assert_eq!(said(&platform, "this host acts"), 1);
}
