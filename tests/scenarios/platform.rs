//! A repository, a host that follows it, and names that no other scenario has.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;
use trimtab_harness::component::digest;
use trimtab_harness::git::Fixture;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::{root, wait_for};

pub const SOON: Duration = Duration::from_secs(60);

/// Becomes `SIZE FOLDER PROGRAM ARGUMENTS…`, with a file system on the folder that nobody else sees.
const ON_A_DISK: &str = r#"[ "$(id -u)" = 0 ] || user=--map-root-user
exec unshare --mount $user sh -c 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"' sh "$@""#;

/// The same for `HOST SIZE FOLDER` while it runs.
const RESIZED: &str = r#"[ "$(id -u)" = 0 ] || user="--user --preserve-credentials"
exec nsenter --target "$1" $user --mount mount -o "remount,size=$2" "$3""#;

pub struct Platform {
    /// Prefix of every name; also the namespace of the Repository and its Kits.
    pub name: String,
    pub git: Fixture,
    pub kubectl: Kubectl,
    /// The host's way to the cluster, where it is another than the test's.
    pub host_kubeconfig: Option<PathBuf>,
    /// The size of the file system that the host's folder is, if it is one of its own (`1m`).
    /// It goes with the host.
    pub disk: Option<&'static str>,
    /// Where the host's log goes, if not where `logs` looks.
    pub log: Option<PathBuf>,
    /// How the host serves the admission webhook, if it does.
    pub door: Option<fn(&str) -> Vec<String>>,
    folder: tempfile::TempDir,
    host: Option<Child>,
}

impl Platform {
    /// A platform whose companies' kits are `kits/{company}/*`, with the named guardrails.
    pub fn new(guardrails: &[(&str, &str)]) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "t{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = tempfile::tempdir().expect("a folder");
        let git = Fixture::new(&folder.path().join("repository")).expect("a repository");
        let platform = Self {
            name,
            git,
            kubectl: Kubectl::of_suite(),
            host_kubeconfig: None,
            disk: None,
            log: None,
            door: None,
            folder,
            host: None,
        };
        let mut spec = String::new();
        for (package, settings) in guardrails {
            let component = root().join(format!("target/components/{package}.wasm"));
            let bytes =
                std::fs::read(&component).expect("`cargo xtask test` has built the components");
            platform
                .git
                .write(&format!("rules/{package}.wasm"), bytes)
                .expect("written");
            let digest = digest(&component).expect("a digest");
            spec.push_str(&format!(
                "  - {{path: rules/{package}.wasm, digest: '{digest}', settings: {settings}}}\n"
            ));
        }
        platform.write_repository(&spec);
        platform
    }

    fn write_repository(&self, guardrails: &str) {
        let (name, url) = (&self.name, self.git.url());
        let guardrails = if guardrails.is_empty() {
            String::new()
        } else {
            format!("  guardrails:\n{guardrails}")
        };
        let text = format!(
            "apiVersion: trimtab.io/v1alpha1\nkind: Repository\nmetadata: {{name: platform, namespace: {name}}}\n\
             spec:\n  url: {url}\n  interval: 200ms\n{guardrails}  kits:\n\
             \x20 - {{path: infra/*, namespace: {name}-infra, clusterScoped: true}}\n\
             \x20 - {{path: 'kits/{{company}}/*', namespace: '{name}-{{company}}'}}\n"
        );
        std::fs::write(self.repository_file(), text).expect("written");
    }

    pub fn repository_file(&self) -> PathBuf {
        self.folder.path().join("repository.yaml")
    }

    /// Has the host judge direct changes; to be called before it is started.
    pub fn guard_the_door(&mut self, policy: &str) {
        self.door = Some(crate::admission::arguments);
        let file = self.repository_file();
        let text = std::fs::read_to_string(&file).expect("written before");
        let text = text.replace("  kits:\n", &format!("  admission: {policy}\n  kits:\n"));
        std::fs::write(file, text).expect("written");
    }

    pub fn namespace(&self, company: &str) -> String {
        format!("{}-{company}", self.name)
    }

    /// Starts a host of its own.
    pub fn start(&mut self) {
        let file = self.repository_file();
        self.run(&["--file".as_ref(), file.as_ref()]);
    }

    /// Commits these files, and starts a host. Gives the commit.
    pub fn start_with(&mut self, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            self.git.write(path, text).expect("written");
        }
        let revision = self.git.commit("first").expect("committed");
        self.start();
        revision
    }

    /// Starts a host that follows what Repositories there are.
    pub fn start_without_file(&mut self) {
        self.run(&[]);
    }

    fn run(&mut self, arguments: &[&std::ffi::OsStr]) {
        let log = self.log.clone().unwrap_or_else(|| self.log_file());
        self.host = Some(self.spawn(arguments, "cache", &log));
    }

    /// Starts one more host, with a folder and a log of its own; whoever has it ends it.
    pub fn another(&self) -> Child {
        self.spawn(&[], "other-cache", &self.folder.path().join("other.log"))
    }

    fn spawn(&self, arguments: &[&std::ffi::OsStr], cache: &str, log: &Path) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log");
        let folder = self.folder.path().join(cache);
        let mut command = match self.disk {
            None => Command::new(env!("CARGO_BIN_EXE_trimtab")),
            Some(size) => {
                std::fs::create_dir_all(&folder).expect("a folder");
                let mut command = Command::new("sh");
                command.args(["-c", ON_A_DISK, "sh", size]).arg(&folder);
                command.arg(env!("CARGO_BIN_EXE_trimtab"));
                command
            }
        };
        command
            .arg("run")
            .args(self.door.map(|of| of(&self.name)).unwrap_or_default())
            .args(arguments)
            .args([
                "--only-namespace",
                &self.name,
                "--log-format",
                "json",
                "--cache-dir",
            ])
            .arg(&folder)
            .arg("--kubeconfig")
            .arg(
                self.host_kubeconfig
                    .as_ref()
                    .unwrap_or(&self.kubectl.kubeconfig),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("trimtab runs")
    }

    /// Makes the file system that the host's folder is larger or smaller.
    pub fn resize_disk(&self, size: &str) {
        let id = self.host.as_ref().expect("it runs").id().to_string();
        let mut command = Command::new("sh");
        command.args(["-c", RESIZED, "sh", &id, size]);
        command.arg(self.folder.path().join("cache"));
        assert!(command.status().expect("sh runs").success());
    }

    /// The host's folder as the host sees it.
    pub fn disk_folder(&self) -> PathBuf {
        let id = self.host.as_ref().expect("it runs").id();
        let folder = self.folder.path().join("cache");
        let inside = folder.strip_prefix("/").expect("an absolute path");
        PathBuf::from(format!("/proc/{id}/root")).join(inside)
    }

    /// Starts the host again if it has ended by itself, as Kubernetes would.
    pub fn tend(&mut self) {
        let ended = match &mut self.host {
            Some(host) => host.try_wait().expect("it is ours").is_some(),
            None => true,
        };
        if ended {
            self.start_without_file();
        }
    }

    /// Sends the host a signal, as `kill -STOP` does.
    pub fn signal(&self, signal: &str) {
        let id = self.host.as_ref().expect("it runs").id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits until the host has ended by itself. Gives its exit code.
    pub fn ended(&mut self) -> Option<i32> {
        let mut host = self.host.take().expect("it runs");
        wait_for("the host ends", SOON, || {
            let ended = host.try_wait().expect("it is ours");
            ended.ok_or_else(|| "it runs".to_owned())
        })
        .code()
    }

    /// Runs a verb of the command line against the cluster.
    pub fn trimtab(&self, arguments: &[&str]) -> std::process::Output {
        Command::new(env!("CARGO_BIN_EXE_trimtab"))
            .args(arguments)
            .args(["--namespace", &self.name, "--kubeconfig"])
            .arg(&self.kubectl.kubeconfig)
            .output()
            .expect("trimtab runs")
    }

    /// Kills the host as `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut host) = self.host.take() {
            host.kill().expect("it runs");
            host.wait().expect("it ended");
        }
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("trimtab.log")
    }

    pub fn logs(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }

    pub fn get(&self, company: &str, object: &str) -> Option<Value> {
        self.kubectl
            .get(&[object, "--namespace", &self.namespace(company)])
            .expect("kubectl works")
    }

    pub fn kit(&self, path: &str) -> Value {
        let name = path.replace('/', ".");
        let kit = self
            .kubectl
            .get(&["kits.trimtab.io", &name, "--namespace", &self.name]);
        kit.ok().flatten().unwrap_or_default()
    }

    pub fn repository(&self) -> Value {
        let found = self.kubectl.get(&[
            "repositories.trimtab.io",
            "platform",
            "--namespace",
            &self.name,
        ]);
        found.ok().flatten().unwrap_or_default()
    }

    /// Reasons and messages of the Events about a kit.
    pub fn events(&self, path: &str) -> Vec<String> {
        let selector = format!("involvedObject.name={}", path.replace('/', "."));
        let found = self
            .kubectl
            .get(&[
                "events",
                "--namespace",
                &self.name,
                "--field-selector",
                &selector,
            ])
            .expect("kubectl works")
            .unwrap_or_default();
        let items = found["items"].as_array().cloned().unwrap_or_default();
        let text = |it: &Value| format!("{} {}", it["reason"], it["message"]);
        items.iter().map(text).collect()
    }

    /// Waits until a kit's Ready condition has this reason at this revision.
    pub fn until_kit(&self, path: &str, reason: &str, revision: &str) -> Value {
        wait_for(&format!("{path} is {reason} at {revision}"), SOON, || {
            let kit = self.kit(path);
            let tried = &kit["status"]["attempted"]["revision"];
            if ready(&kit)["reason"] == reason && tried == revision {
                Ok(kit)
            } else {
                Err(self.state(&kit))
            }
        })
    }

    /// Waits until the Repository's Ready condition has this reason.
    pub fn until_repository(&self, reason: &str) -> Value {
        wait_for(&format!("the Repository is {reason}"), SOON, || {
            let repository = self.repository();
            if ready(&repository)["reason"] == reason {
                Ok(repository)
            } else {
                Err(self.state(&repository))
            }
        })
    }

    pub fn state(&self, object: &Value) -> String {
        let logs = self.logs();
        let last: Vec<String> = logs.iter().rev().take(4).map(Value::to_string).collect();
        format!(
            "{} {}\n{}",
            ready(object),
            object["status"]["attempted"]["short"],
            last.join("\n")
        )
    }

    /// Names of what a scenario waited for in a kit's findings: rule, place and proposal.
    pub fn findings(kit: &Value) -> Vec<(String, String, String)> {
        let findings = kit["status"]["findings"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let place = |finding: &Value| {
            format!(
                "{}:{}",
                text(&finding["origin"]["path"]),
                finding["origin"]["line"]
            )
        };
        findings
            .iter()
            .map(|it| (text(&it["rule"]), place(it), text(&it["proposed"])))
            .collect()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn ready(object: &Value) -> Value {
    let conditions = object["status"]["conditions"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    conditions
        .into_iter()
        .find(|condition| condition["type"] == "Ready")
        .unwrap_or_default()
}

pub fn service(name: &str, port: u16, node_port: Option<u16>) -> String {
    let node = node_port
        .map(|port| format!("    nodePort: {port}\n"))
        .unwrap_or_default();
    let kind = if node_port.is_some() {
        "NodePort"
    } else {
        "ClusterIP"
    };
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\nspec:\n  type: {kind}\n  selector:\n    app: {name}\n  ports:\n  - port: {port}\n{node}"
    )
}

pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  key: {value}\n")
}
