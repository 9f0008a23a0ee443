//! A repository of many kits, and a host in release build that follows it.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;
use trimtab_harness::git::Fixture;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::{root, wait_for};

/// Longer than any figure should take.
pub const DEADLINE: Duration = Duration::from_secs(600);

pub struct Host {
    pub git: Fixture,
    pub name: String,
    folder: tempfile::TempDir,
    child: Option<Child>,
    /// Where it serves the admission webhook.
    door: Option<u16>,
}

/// The four objects of a kit; `image` is what changes.
pub fn objects(namespace: &str, kit: usize, port: u16) -> [Value; 4] {
    let name = format!("app-{kit}");
    let metadata = serde_json::json!({"name": name, "namespace": namespace});
    let labels = serde_json::json!({"app": name});
    [
        serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}}),
        serde_json::json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        serde_json::json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata,
            "spec": {"selector": labels, "ports": [{"port": port}]}}),
        serde_json::json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {
            "replicas": 1, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "example.org/app:1"}]}}}}),
    ]
}

impl Host {
    /// `kits` kits of four objects, committed; nothing runs yet.
    pub fn new(name: &str, kits: usize) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let git = Fixture::new(&folder.path().join("repository"))?;
        let host = Self {
            git,
            name: name.to_owned(),
            folder,
            child: None,
            door: None,
        };
        for kit in 0..kits {
            host.write(kit, 6000)?;
        }
        host.git.commit("all kits")?;
        let spec = serde_json::json!({
            "apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": "bench", "namespace": name},
            "spec": {"url": host.git.url(), "interval": "50ms", "kits": [{"path": "kits/*", "namespace": name}]},
        });
        std::fs::write(host.folder.path().join("repository.yaml"), spec.to_string())?;
        Ok(host)
    }

    /// As `new`, of four ConfigMaps a kit: nothing that a controller works on.
    pub fn of_config_maps(name: &str, kits: usize) -> Result<Self> {
        let host = Self::new(name, 0)?;
        for kit in 0..kits {
            let documents: Vec<String> = (0..4)
                .map(|number| {
                    let metadata = serde_json::json!({"name": format!("c-{kit}-{number}")});
                    serde_json::json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"key": "value"}}).to_string()
                })
                .collect();
            host.git.write(
                &format!("kits/app-{kit}/objects.yaml"),
                documents.join("\n---\n"),
            )?;
        }
        host.git.commit("ConfigMaps")?;
        Ok(host)
    }

    pub fn write(&self, kit: usize, port: u16) -> Result<()> {
        let documents: Vec<String> = objects(&self.name, kit, port)
            .iter()
            .map(Value::to_string)
            .collect();
        self.git.write(
            &format!("kits/app-{kit}/objects.yaml"),
            documents.join("\n---\n"),
        )
    }

    /// Where the host that runs can be asked on its own machine.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("cache/host.sock")
    }

    /// Has it judge direct changes at this port, by the port-policy in `rules`.
    pub fn guard_the_door(&mut self, port: u16, namespace: &str, digest: &str) -> Result<()> {
        let file = self.folder.path().join("repository.yaml");
        let mut repository: Value = serde_json::from_slice(&std::fs::read(&file)?)?;
        repository["spec"]["kits"][0]["namespace"] = namespace.into();
        repository["spec"]["admission"] = serde_json::json!({});
        repository["spec"]["guardrails"] = serde_json::json!([{
            "path": "rules/port-policy.wasm", "digest": digest,
            "settings": {"service": {"allow": ["1024-9999"]}},
        }]);
        std::fs::write(file, repository.to_string())?;
        self.door = Some(port);
        Ok(())
    }

    pub fn start(&mut self, kubectl: &Kubectl) -> Result<()> {
        self.start_with(kubectl, &[])
    }

    pub fn start_with(&mut self, kubectl: &Kubectl, arguments: &[&str]) -> Result<()> {
        let log = File::create(self.log_file())?;
        let door = self.door.map(|port| {
            let url = format!("https://127.0.0.1:{port}");
            ["--admission".to_owned(), "--admission-url".to_owned(), url]
        });
        let child = Command::new(root().join("target/release/trimtab"))
            .arg("run")
            .args(arguments)
            .args(door.into_iter().flatten())
            .arg("--file")
            .arg(self.folder.path().join("repository.yaml"))
            .args([
                "--only-namespace",
                &self.name,
                "--log-format",
                "json",
                "--log-level",
                "info,trimtab::reconcile::polling=debug,trimtab::admission=debug",
                "--cache-dir",
            ])
            .arg(self.folder.path().join("cache"))
            .arg("--kubeconfig")
            .arg(&kubectl.kubeconfig)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("target/release/trimtab cannot be run")?;
        self.child = Some(child);
        Ok(())
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("trimtab.log")
    }

    /// The log's line that says that a revision is settled: all is live and healthy, or told.
    pub fn settled(&self, revision: &str) -> Value {
        self.told("settled", revision)
    }

    /// The log's line of this message about a revision.
    pub fn told(&self, message: &str, revision: &str) -> Value {
        let short = &revision[..7];
        wait_for("the log tells it", DEADLINE, || {
            let logs = self.logs(message);
            logs.into_iter()
                .find(|line| line["revision"] == short)
                .ok_or_else(|| "not yet".to_owned())
        })
    }

    /// Requests to the API server so far, as the last poll told them.
    pub fn requests(&self) -> f64 {
        let polls = self.logs("nothing new");
        let last = polls.last();
        last.and_then(|poll| poll["all_requests"].as_f64())
            .unwrap_or_default()
    }

    /// The same, as the first poll tells it that begins after now.
    pub fn requests_after(&self, before: f64) -> f64 {
        let polls = self.logs("nothing new").len();
        wait_for("a poll tells it", DEADLINE, || {
            // The one that is under way may have counted before.
            match self.logs("nothing new").len() >= polls + 2 && self.requests() > before {
                true => Ok(self.requests()),
                false => Err("not yet".to_owned()),
            }
        })
    }

    pub fn logs(&self, message: &str) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log_file()).unwrap_or_default();
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == message).collect()
    }

    /// Peak resident memory in MiB, as Linux tells it.
    pub fn peak(&self) -> Option<f64> {
        self.memory("VmHWM:")
    }

    /// Resident memory in MiB.
    pub fn resident(&self) -> Option<f64> {
        self.memory("VmRSS:")
    }

    fn memory(&self, which: &str) -> Option<f64> {
        let id = self.child.as_ref()?.id();
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
        let line = status.lines().find(|line| line.starts_with(which))?;
        line.split_whitespace()
            .nth(1)?
            .parse::<f64>()
            .ok()
            .map(|kibibytes| kibibytes / 1024.0)
    }

    /// User and system time so far, in seconds, as Linux tells it in ticks of 10 ms.
    pub fn processor_seconds(&self) -> Option<f64> {
        let id = self.child.as_ref()?.id();
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit(") ").next()?.split(' ').collect();
        let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
        Some((ticks(11)? + ticks(12)?) / 100.0)
    }
}

impl Host {
    /// Ends it as the system would.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.stop();
    }
}
