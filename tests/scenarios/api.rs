//! People ask the host that acts: through the API server with a kubeconfig, or on its own machine.

mod direct;

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use trimtab_harness::wait_for;

use crate::platform::{Platform, SOON, config_map};

const KIT: &str = "kits/acme/shop";
/// The Pod that the host seems to run in.
const POD: &str = "host";

/// One of this machine's addresses that others would see.
fn own_address() -> String {
    // Nothing is sent.
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
    socket.connect("192.0.2.1:9").expect("a network");
    socket.local_addr().expect("an address").ip().to_string()
}

/// Of a host in a Pod, at a port of its own.
fn arguments(namespace: &str) -> Vec<String> {
    let own = own_address();
    let free = TcpListener::bind((own.as_str(), 0)).expect("a port");
    let at = free.local_addr().expect("an address").to_string();
    let listen = ["--api", "--api-listen", &at];
    let pod = [
        "--pod-ip",
        &own,
        "--pod-name",
        POD,
        "--pod-namespace",
        namespace,
    ];
    listen.into_iter().chain(pod).map(str::to_owned).collect()
}

fn run(platform: &Platform, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    platform.kubectl.run(&words).expect("kubectl works")
}

/// A host that can be asked as one that `trimtab install` brought: with its roles and its Service.
fn installed() -> Platform {
    let mut platform = Platform::new(&[]);
    platform.door = Some(arguments);
    let space = platform.name.clone();
    run(&platform, &format!("create namespace {space}"));
    let printed = Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(["install", "--image", "example.org/trimtab"])
        .output()
        .expect("trimtab runs");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    for document in printed.split("\n---\n") {
        let mut object: Value = serde_yaml::from_str(document).expect("YAML");
        match object["kind"].as_str() {
            Some("Service") => object["metadata"]["namespace"] = space.as_str().into(),
            Some("ClusterRole") => {}
            _ => continue,
        }
        platform.kubectl.apply(&object.to_string()).expect("taken");
    }
    // The API server's proxy leads to Pods alone. No kubelet minds this one: its address is ours.
    wait_for("the namespace is ready for Pods", SOON, || {
        let found = platform
            .kubectl
            .get(&["serviceaccount", "default", "-n", &space]);
        let found = found.map_err(|error| error.to_string())?;
        found.map(|_| ()).ok_or_else(|| "it is not".to_owned())
    });
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD, "namespace": space},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "trimtab", "image": "trimtab"}]},
    });
    platform.kubectl.apply(&pod.to_string()).expect("taken");
    let own = own_address();
    let status = json!({"status": {"podIP": own, "podIPs": [{"ip": own}]}});
    let patch = format!("patch pod {POD} -n {space} --subresource=status --type=merge -p {status}");
    run(&platform, &patch);
    platform.start_with(&[(&format!("{KIT}/config.yaml"), &config_map("shop", "a"))]);
    platform
}

/// A kubeconfig of a ServiceAccount with this role in the host's namespace.
fn kubeconfig(platform: &Platform, name: &str, role: Option<&str>) -> PathBuf {
    let space = &platform.name;
    run(
        platform,
        &format!("create serviceaccount {name} -n {space}"),
    );
    if let Some(role) = role {
        let account = format!("--serviceaccount={space}:{name}");
        run(
            platform,
            &format!("create rolebinding {name} -n {space} {role} {account}"),
        );
    }
    let token = run(platform, &format!("create token {name} -n {space}"));
    let text = std::fs::read_to_string(&platform.kubectl.kubeconfig).expect("it is there");
    let mut config: Value = serde_json::from_str(&text).expect("JSON");
    config["users"][0]["user"] = json!({"token": token.trim()});
    let file = platform.repository_file().with_file_name(name);
    std::fs::write(&file, config.to_string()).expect("written");
    file
}

/// `trimtab host`, of somebody who has no host in the usual place.
fn host() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trimtab"));
    command.args(["host", "--output", "json"]);
    command.env("TRIMTAB_SOCKET", "/nowhere/host.sock");
    command
}

fn ask(platform: &Platform, kubeconfig: &Path) -> Output {
    let mut command = host();
    command.args(["--host-namespace", &platform.name, "--kubeconfig"]);
    command.arg(kubeconfig).output().expect("trimtab runs")
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits until the host tells of itself, and of the Repository that it follows.
fn until_told(platform: &Platform, mut asked: impl FnMut() -> Output) -> Value {
    wait_for("the host tells of itself", SOON, || {
        let output = asked();
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let followed = json!([format!("{}/platform", platform.name)]);
        match output.status.success() && told["repositories"] == followed {
            true => Ok(told),
            false => Err(format!(
                "{told} {} {:?}",
                words(&output),
                platform.logs().last()
            )),
        }
    })
}

fn key(platform: &Platform) -> Option<String> {
    let found = platform
        .kubectl
        .get(&["secret", "trimtab-api", "-n", &platform.name]);
    let found = found.expect("kubectl works")?;
    let key = STANDARD.decode(found["data"]["key"].as_str()?).ok()?;
    String::from_utf8(key).ok()
}

/// Where the Service leads.
fn endpoint(platform: &Platform) -> SocketAddr {
    let slice = platform
        .kubectl
        .get(&["endpointslice", "trimtab", "-n", &platform.name]);
    let slice = slice.expect("kubectl works").expect("it is there");
    let address = slice["endpoints"][0]["addresses"][0].as_str();
    let port = slice["ports"][0]["port"].to_string();
    format!("{}:{port}", address.expect("an address"))
        .parse()
        .expect("an address")
}

/// What a verb says to somebody who has nothing but a kubeconfig.
fn asked(platform: &Platform, kubeconfig: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = Command::new(env!("CARGO_BIN_EXE_trimtab"))
        .args(arguments)
        .args(["--output", "json", "--host-namespace", &platform.name])
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .env("TRIMTAB_SOCKET", "/nowhere/host.sock")
        .output()
        .expect("trimtab runs");
    let told = serde_json::from_slice(&output.stdout);
    let told = told.unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", words(&output)));
    (output.status.code(), told)
}

#[test]
fn a_kubeconfig_with_the_readers_role_is_enough_for_the_record_blame_diff_and_verify() {
    let platform = installed();
    let alice = kubeconfig(&platform, "alice", Some("--clusterrole=trimtab-reader"));
    until_told(&platform, || ask(&platform, &alice));
    wait_for("the kit is live", SOON, || {
        let kit = platform.kit(KIT);
        match kit["status"]["healthy"].is_object() {
            true => Ok(()),
            false => Err(kit["status"].to_string()),
        }
    });
    let ask = |arguments: &[&str]| asked(&platform, &alice, arguments);
    let record = wait_for("it is recorded", SOON, || {
        let (code, told) = ask(&["history", KIT]);
        assert_eq!(code, Some(0), "{told}");
        let record = told["records"][0].clone();
        match record["outcome"] == "healthy" {
            true => Ok(record),
            false => Err(told.to_string()),
        }
    });
    let (code, shown) = ask(&["history", "show", &record["sequence"].to_string()]);
    assert_eq!((code, &shown), (Some(0), &record));
    assert_eq!(ask(&["history", "--verify"]).0, Some(0));
    let namespace = platform.namespace("acme");
    let (code, told) = ask(&["blame", "configmap/shop", "data.key", "-n", &namespace]);
    assert_eq!(code, Some(0), "{told}");
    let line = &told["lines"][0];
    assert_eq!(line["by"], "file", "{line}");
    assert_eq!(line["file"]["line"], 6, "{line}");
    let (code, told) = ask(&["diff", KIT]);
    assert_eq!(code, Some(0), "{told}");
    let (code, told) = ask(&["verify", KIT]);
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told["kits"][0]["reproduced"], true, "{told}");
}

#[test]
fn who_has_the_readers_role_asks_through_the_api_server_and_nobody_else_does() {
    let platform = installed();
    let alice = kubeconfig(&platform, "alice", Some("--clusterrole=trimtab-reader"));
    let told = until_told(&platform, || ask(&platform, &alice));
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["onlyNamespace"], platform.name.as_str());
    // Who has no role is told which one there is, and who may only read the Secret as well.
    let mallory = kubeconfig(&platform, "mallory", None);
    let refused = ask(&platform, &mallory);
    assert_eq!(refused.status.code(), Some(3));
    let said = words(&refused);
    assert!(
        said.contains("trimtab-reader") && said.contains("forbidden"),
        "{said}"
    );
    let space = &platform.name;
    run(
        &platform,
        &format!("create role keys -n {space} --verb=get --resource=secrets"),
    );
    let bob = kubeconfig(&platform, "bob", Some("--role=keys"));
    let refused = ask(&platform, &bob);
    assert_eq!(refused.status.code(), Some(3));
    let said = words(&refused);
    assert!(
        said.contains("trimtab-reader") && said.contains("services/proxy"),
        "{said}"
    );
    // The proxy alone opens nothing, and neither does the port, without the key.
    let path = format!("/api/v1/namespaces/{space}/services/https:trimtab:443/proxy/v1/host");
    let raw = platform
        .kubectl
        .command(&["get", "--raw", &path])
        .output()
        .expect("it runs");
    assert!(!raw.status.success());
    let at = endpoint(&platform);
    let (code, body) = direct::get(at, "/v1/host", None);
    assert_eq!(code, 401);
    assert!(body.contains("Secret trimtab-api"), "{body}");
    assert_eq!(direct::get(at, "/v1/host", Some("guessed")).0, 401);
    let key = key(&platform).expect("a key");
    assert_eq!(direct::get(at, "/v1/host", Some(&key)).0, 200);
    assert_eq!(direct::get(at, "/v1/nothing", Some(&key)).0, 404);
    // A reader reads; an operator has kits changed, and no more than that.
    for (role, verb, may) in [
        ("trimtab-reader", "list", "yes"),
        ("trimtab-reader", "patch", "no"),
        ("trimtab-operator", "patch", "yes"),
        ("trimtab-operator", "delete", "no"),
    ] {
        let name = format!("{role}-{verb}");
        kubeconfig(&platform, &name, Some(&format!("--clusterrole={role}")));
        let user = format!("--as=system:serviceaccount:{space}:{name}");
        let can = ["auth", "can-i", verb, "kits.trimtab.io", "-n", space, &user];
        let can = platform.kubectl.command(&can).output().expect("it runs");
        assert_eq!(String::from_utf8_lossy(&can.stdout).trim(), may, "{name}");
    }
}

#[test]
fn a_host_that_comes_to_act_is_found_with_a_key_of_its_own() {
    let mut platform = installed();
    let alice = kubeconfig(&platform, "alice", Some("--clusterrole=trimtab-reader"));
    until_told(&platform, || ask(&platform, &alice));
    let (before, at) = (key(&platform).expect("a key"), endpoint(&platform));
    platform.kill();
    let away = ask(&platform, &alice);
    assert_eq!(away.status.code(), Some(3));
    let said = words(&away);
    assert!(
        said.contains("no host can be reached through the Service"),
        "{said}"
    );
    platform.start_without_file();
    until_told(&platform, || ask(&platform, &alice));
    let (after, now) = (key(&platform).expect("a key"), endpoint(&platform));
    assert_ne!((&before, at), (&after, now));
    assert_eq!(direct::get(now, "/v1/host", Some(&before)).0, 401);
    // Whoever wants another key deletes the Secret.
    run(
        &platform,
        &format!("delete secret trimtab-api -n {}", platform.name),
    );
    let newest = wait_for("there is a new key", SOON, || {
        key(&platform)
            .filter(|it| *it != after)
            .ok_or_else(|| "there is none".to_owned())
    });
    until_told(&platform, || ask(&platform, &alice));
    assert_eq!(direct::get(now, "/v1/host", Some(&after)).0, 401);
    assert_eq!(direct::get(now, "/v1/host", Some(&newest)).0, 200);
}

#[test]
fn on_the_hosts_own_machine_no_kubeconfig_is_needed() {
    let mut platform = Platform::new(&[]);
    platform.start_with(&[(&format!("{KIT}/config.yaml"), &config_map("shop", "a"))]);
    let socket = platform.repository_file().with_file_name("cache/host.sock");
    let by_socket = || {
        let mut command = host();
        command
            .env("KUBECONFIG", "/nowhere/config")
            .arg("--socket")
            .arg(&socket);
        command.output().expect("trimtab runs")
    };
    let first = until_told(&platform, by_socket);
    // In the usual place it is found by itself, which is said; what is said otherwise wins.
    let usual = host()
        .env("TRIMTAB_SOCKET", &socket)
        .output()
        .expect("it runs");
    assert!(usual.status.success(), "{}", words(&usual));
    assert!(
        words(&usual).contains("asking the host on this machine"),
        "{}",
        words(&usual)
    );
    let elsewhere = host()
        .env("TRIMTAB_SOCKET", &socket)
        .args(["--host-namespace", &platform.name, "--kubeconfig"])
        .arg(&platform.kubectl.kubeconfig)
        .output()
        .expect("it runs");
    assert_eq!(elsewhere.status.code(), Some(3));
    let said = words(&elsewhere);
    assert!(
        said.contains("there is no Secret trimtab-api") && said.contains("--api"),
        "{said}"
    );
    let both = host()
        .args(["--context", "x", "--socket"])
        .arg(&socket)
        .output();
    assert_eq!(both.expect("it runs").status.code(), Some(2));
    // A host that was killed leaves its socket, and the next one takes its place.
    platform.kill();
    assert!(socket.exists());
    let away = by_socket();
    assert_eq!(away.status.code(), Some(3));
    assert!(
        words(&away).contains("no host answers at the socket"),
        "{}",
        words(&away)
    );
    platform.start_without_file();
    let second = until_told(&platform, by_socket);
    assert_eq!(first["identity"], second["identity"]);
    assert_ne!(first["leadsSince"], second["leadsSince"]);
}
