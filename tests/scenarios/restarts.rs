//! The servers of the control plane, killed and started again. They are this file's own: the
//! other tests need theirs.

use std::path::PathBuf;
use std::sync::{LazyLock, Mutex, PoisonError};

use trimtab_harness::control_plane::ControlPlane;

use crate::chaos::{KITS, identities, started, versions};
use crate::platform::Platform;

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
    let untouched = versions(&platform);
    plane.kill(server).unwrap();
    plane.start_again(server).unwrap();
    world.put(&platform, "object-new", 0, 1);
    platform.git.commit("one more").unwrap();
    world.converge(&mut platform);
    assert_eq!(versions(&platform), untouched, "{KITS} anchors");
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
