//! More than one host.

use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map};

/// A host that ends with the test.
struct Other(Child);

impl Drop for Other {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn holder(platform: &Platform) -> String {
    let lease = platform
        .kubectl
        .get(&["lease", "trimtab", "--namespace", &platform.name])
        .expect("kubectl works")
        .unwrap_or_default();
    lease["spec"]["holderIdentity"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn live(platform: &Platform) -> Value {
    platform.get("acme", "configmap/shop").unwrap_or_default()["data"]["key"].clone()
}

fn until_live(platform: &Platform, value: &str) {
    wait_for(&format!("{value} is live"), SOON, || match live(platform) {
        found if found == value => Ok(()),
        found => Err(found.to_string()),
    });
}

fn commit(platform: &Platform, from: &str, to: &str) {
    let file = "kits/acme/shop/config.yaml";
    platform
        .git
        .edit(file, &format!("key: {from}"), &format!("key: {to}"))
        .unwrap();
    platform.git.commit(to).unwrap();
}

#[test]
fn a_second_host_waits_and_takes_over_within_15_seconds_of_a_kill() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let leader = holder(&platform);
    let _other = Other(platform.another());
    commit(&platform, "a", "b");
    until_live(&platform, "b");
    assert_eq!(holder(&platform), leader);
    platform.kill();
    let killed = Instant::now();
    commit(&platform, "b", "c");
    until_live(&platform, "c");
    assert!(
        killed.elapsed() < Duration::from_secs(15),
        "{:?}",
        killed.elapsed()
    );
    assert_ne!(holder(&platform), leader);
}

#[test]
fn a_host_that_was_frozen_while_another_took_over_sends_nothing_and_ends() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let leader = holder(&platform);
    platform.signal("-STOP");
    // What the frozen one would do as soon as it wakes.
    commit(&platform, "a", "b");
    let _other = Other(platform.another());
    until_live(&platform, "b");
    assert_ne!(holder(&platform), leader);
    let version = platform.get("acme", "configmap/shop").unwrap()["metadata"].clone();
    platform.signal("-CONT");
    assert_eq!(platform.ended(), Some(3));
    let logs = platform.logs();
    let sent = logs
        .iter()
        .filter(|line| line["message"] == "kit" && line["changed"] != 0);
    assert_eq!(sent.count(), 1, "only what it sent before it was frozen");
    assert_eq!(
        platform.get("acme", "configmap/shop").unwrap()["metadata"],
        version
    );
}

#[test]
fn two_hosts_cannot_share_a_folder_and_one_that_ends_gives_the_lease_back() {
    let mut platform = Platform::new(&[]);
    platform
        .git
        .write("kits/acme/shop/config.yaml", config_map("shop", "a"))
        .unwrap();
    let first = platform.git.commit("first").unwrap();
    platform.start();
    platform.until_kit("kits/acme/shop", "Applied", &first);
    let cache = platform.repository_file().with_file_name("cache");
    let refused = platform.trimtab(&["run", "--once", "--cache-dir", &cache.display().to_string()]);
    assert_eq!(refused.status.code(), Some(2));
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        words.contains("another host uses") && words.contains("--cache-dir"),
        "{words}"
    );
    platform.signal("-TERM");
    assert_eq!(platform.ended(), Some(0));
    assert_eq!(holder(&platform), "");
}

/// Makes the lease say that it was renewed at another time.
fn lie(platform: &Platform, mut spec: Value, at: &str) {
    spec["renewTime"] = at.into();
    let patch = json!({ "spec": spec }).to_string();
    let space = &platform.name;
    let arguments = [
        "patch",
        "lease",
        "trimtab",
        "-n",
        space,
        "--type=merge",
        "-p",
        &patch,
    ];
    platform.kubectl.run(&arguments).unwrap();
}

#[test]
fn a_lease_is_judged_by_how_long_it_stands_still_and_not_by_the_times_in_it() {
    let mut platform = Platform::new(&[]);
    let map = config_map("shop", "a");
    let first = platform.start_with(&[("kits/acme/shop/config.yaml", &map)]);
    platform.until_kit("kits/acme/shop", "Applied", &first);
    platform.kill();
    // Whoever held it is gone, and had a clock that was ahead.
    let somebody = json!({"holderIdentity": "somebody"});
    lie(&platform, somebody, "2099-01-01T00:00:00.000000Z");
    commit(&platform, "a", "b");
    platform.start_without_file();
    until_live(&platform, "b");
    let leader = holder(&platform);
    assert_ne!(leader, "somebody");
    // The one that holds it has a clock that is behind: it has as long as any other.
    let _other = Other(platform.another());
    platform.signal("-STOP");
    let since = Instant::now();
    lie(&platform, json!({}), "1970-01-01T00:00:00.000000Z");
    wait_for("another host takes over", SOON, || {
        match holder(&platform) {
            holder if holder != leader => Ok(()),
            holder => Err(holder),
        }
    });
    let waited = since.elapsed();
    assert!(waited >= Duration::from_secs(10), "{waited:?}");
    platform.signal("-CONT");
    assert_eq!(platform.ended(), Some(3));
}
