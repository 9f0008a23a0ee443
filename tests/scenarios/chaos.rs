//! A platform that changes all the time, under a host that is killed and an API server that does
//! not do as it should. In the end the cluster is as the newest revision says: nothing lost,
//! nothing orphaned, nothing deleted that should not be.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use trimtab_harness::{root, wait_for};

use crate::platform::{Platform, config_map, ready};

pub const KITS: usize = 6;
/// Longer than the longest pause between two tries of a kit, which is five minutes.
const CONVERGED: Duration = Duration::from_secs(400);

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// What the repository says: the value of each ConfigMap, and the kit that has it.
pub struct World {
    objects: BTreeMap<String, (usize, u64)>,
    chance: Chance,
    changes: u64,
}

impl World {
    /// Each kit has an anchor, which never leaves.
    fn new(platform: &Platform) -> Self {
        let mut world = Self {
            objects: BTreeMap::new(),
            chance: Chance(7),
            changes: 0,
        };
        for kit in 0..KITS {
            world.put(platform, &format!("anchor-{kit}"), kit, 0);
        }
        platform.git.commit("anchors").unwrap();
        world
    }

    fn file(kit: usize, name: &str) -> String {
        format!("kits/acme/k{kit}/{name}.yaml")
    }

    pub fn put(&mut self, platform: &Platform, name: &str, kit: usize, value: u64) {
        if let Some((before, _)) = self.objects.insert(name.to_owned(), (kit, value))
            && before != kit
        {
            platform
                .git
                .git(&["rm", "-qf", &Self::file(before, name)])
                .unwrap();
        }
        let text = config_map(name, &format!("v{value}"));
        platform.git.write(&Self::file(kit, name), text).unwrap();
    }

    /// One commit: an object is made, changed, moved to another kit, or taken out.
    pub fn change(&mut self, platform: &Platform) {
        self.changes += 1;
        let value = self.changes;
        let kit = self.chance.below(KITS as u64) as usize;
        let name = format!("object-{}", self.chance.below(12));
        match (self.chance.below(5), self.objects.contains_key(&name)) {
            (0, true) => {
                let (kit, _) = self.objects.remove(&name).unwrap();
                platform
                    .git
                    .git(&["rm", "-qf", &Self::file(kit, &name)])
                    .unwrap();
            }
            (1, _) => self.put(platform, &format!("anchor-{kit}"), kit, value),
            _ => self.put(platform, &name, kit, value),
        }
        platform.git.commit(&format!("change {value}")).unwrap();
    }

    /// Waits until the cluster is as the repository says.
    pub fn converge(&self, platform: &mut Platform) {
        let wanted: BTreeMap<String, String> = self
            .objects
            .iter()
            .map(|(name, (_, value))| (name.clone(), format!("v{value}")))
            .collect();
        let namespace = platform.namespace("acme");
        wait_for("the cluster is as the repository says", CONVERGED, || {
            platform.tend();
            let list = [
                "configmaps",
                "-n",
                &namespace,
                "-l",
                "applyset.kubernetes.io/part-of",
            ];
            let found = platform
                .kubectl
                .get(&list)
                .map_err(|error| error.to_string())?;
            let items = found.unwrap_or_default()["items"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let live: BTreeMap<String, String> = items
                .iter()
                .map(|it| (text(&it["metadata"]["name"]), text(&it["data"]["key"])))
                .collect();
            if live == wanted {
                Ok(())
            } else {
                let kits: Vec<String> = (0..KITS)
                    .map(|kit| platform.state(&platform.kit(&format!("kits/acme/k{kit}"))))
                    .collect();
                Err(format!(
                    "live {live:?}, wanted {wanted:?}\n{}",
                    kits.join("\n")
                ))
            }
        });
        // The status, which is written last, comes to tell the truth.
        let head = platform.git.git(&["rev-parse", "HEAD"]).unwrap();
        wait_for("the statuses tell the truth", CONVERGED, || {
            platform.tend();
            let repository = platform.repository();
            let at = &repository["status"]["revision"]["revision"];
            if ready(&repository)["reason"] != "Applied" || *at != head.as_str() {
                return Err(platform.state(&repository));
            }
            for kit in 0..KITS {
                let owned = self.objects.values().filter(|(owner, _)| *owner == kit);
                let status = platform.kit(&format!("kits/acme/k{kit}"))["status"].clone();
                if status["objects"] != owned.count() {
                    return Err(status.to_string());
                }
            }
            Ok(())
        });
    }
}

/// What must be the same object all the time.
pub fn identities(platform: &Platform) -> Vec<Value> {
    let anchors = (0..KITS).map(|kit| format!("configmap/anchor-{kit}"));
    let all = anchors.chain(["configmap/somebody-s".to_owned()]);
    all.map(|name| platform.get("acme", &name).unwrap()["metadata"]["uid"].clone())
        .collect()
}

/// Which change of each anchor was the last.
pub fn versions(platform: &Platform) -> Vec<Value> {
    let anchors = (0..KITS).map(|kit| format!("configmap/anchor-{kit}"));
    anchors
        .map(|name| platform.get("acme", &name).unwrap()["metadata"]["resourceVersion"].clone())
        .collect()
}

pub fn started(platform: &mut Platform) -> (World, Vec<Value>) {
    let world = World::new(platform);
    platform.start();
    world.converge(platform);
    let namespace = platform.namespace("acme");
    let create = ["create", "configmap", "somebody-s", "-n", &namespace];
    platform.kubectl.run(&create).unwrap();
    let identities = identities(platform);
    (world, identities)
}

#[test]
fn a_host_killed_at_any_instant_of_200_changes_ends_where_the_repository_is() {
    let mut platform = Platform::new(&[]);
    let (mut world, before) = started(&mut platform);
    for change in 0..200 {
        world.change(&platform);
        // About every third change finds the host dead, at another instant of its work.
        if change % 3 == 0 {
            platform.kill();
            platform.start();
        }
    }
    world.converge(&mut platform);
    assert_eq!(identities(&platform), before);
}

/// A proxy before the API server.
struct Proxy {
    child: Child,
    orders: ChildStdin,
    url: String,
}

impl Proxy {
    fn start(server: &str) -> Self {
        let program = root().join("target/api-proxy");
        let built = Command::new("go")
            .current_dir(root().join("tests/control-plane"))
            .args(["build", "-buildvcs=false", "-o"])
            .arg(&program)
            .arg("./cmd/api-proxy")
            .status()
            .expect("go is there: the proxy is built with it");
        assert!(built.success(), "the proxy cannot be built");
        let mut child = Command::new(program)
            .arg(server)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut url = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut url)
            .expect("it speaks");
        Self {
            orders: child.stdin.take().expect("a pipe"),
            child,
            url: url.trim().to_owned(),
        }
    }

    fn order(&mut self, word: &str, percent: u32) {
        writeln!(self.orders, "{word} {percent}").expect("it listens");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A kubeconfig as the suite's, by way of the proxy.
fn by_way_of(platform: &Platform) -> (Proxy, PathBuf) {
    let text = std::fs::read_to_string(&platform.kubectl.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let cluster = &mut config["clusters"][0]["cluster"];
    let proxy = Proxy::start(cluster["server"].as_str().unwrap());
    *cluster = serde_json::json!({"server": proxy.url});
    let file = platform
        .repository_file()
        .with_file_name("by-way-of-the-proxy");
    std::fs::write(&file, config.to_string()).unwrap();
    (proxy, file)
}

#[test]
fn an_api_server_that_is_slow_cuts_refuses_fails_and_truncates_is_survived() {
    let mut platform = Platform::new(&[]);
    let (mut proxy, kubeconfig) = by_way_of(&platform);
    platform.host_kubeconfig = Some(kubeconfig);
    let (mut world, before) = started(&mut platform);
    for (word, percent) in [
        ("slow", 100),
        ("busy", 40),
        ("broken", 40),
        ("cut", 30),
        ("truncated", 30),
        ("gone", 100),
    ] {
        proxy.order(word, percent);
        for _ in 0..15 {
            world.change(&platform);
            platform.tend();
        }
        proxy.order("ok", 0);
        world.converge(&mut platform);
        assert_eq!(identities(&platform), before, "{word}");
    }
}

#[test]
fn an_api_server_that_is_away_for_a_while_changes_nothing() {
    let mut platform = Platform::new(&[]);
    let (mut proxy, kubeconfig) = by_way_of(&platform);
    platform.host_kubeconfig = Some(kubeconfig);
    let (mut world, before) = started(&mut platform);
    let untouched = versions(&platform);
    proxy.order("broken", 100);
    // The lease runs out meanwhile: the host ends, as it must, and is started again.
    assert_eq!(platform.ended(), Some(3));
    platform.start_without_file();
    proxy.order("ok", 0);
    world.converge(&mut platform);
    assert_eq!(
        versions(&platform),
        untouched,
        "what is as planned is not sent again"
    );
    world.change(&platform);
    world.converge(&mut platform);
    assert_eq!(identities(&platform), before);
}
