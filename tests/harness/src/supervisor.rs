//! The process between a control plane and whoever started it: when its standard input ends,
//! which happens however the starter dies, it ends everything. Its children die with it, too.
//! Until then it takes orders there, one a line: `kill NAME`, `start NAME`.

use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::client_certificate::make_authority;
use crate::control_plane::Ready;

/// Folders of control planes begin with this; those that a killed supervisor left are swept.
const PREFIX: &str = "trimtab-control-plane-";
const START_DEADLINE: Duration = Duration::from_secs(60);
/// Name of the file with the supervisor's process id.
const OWNER: &str = "supervisor.pid";
/// The answer to an order that was carried out.
pub(crate) const DONE: &str = "done";

/// The trampoline `with-parent PROGRAM ARGUMENTS…`: becomes the program, and dies with its parent.
pub fn with_parent(arguments: &[std::ffi::OsString]) -> Result<()> {
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    let (program, rest) = arguments
        .split_first()
        .context("with-parent takes a program")?;
    Err(Command::new(program).args(rest).exec().into())
}

/// Runs a control plane until standard input ends. Must be called on the main thread: on Linux
/// children die with the thread that started them.
pub fn supervise(binaries: &Path) -> Result<()> {
    sweep();
    let folder = tempfile::Builder::new().prefix(PREFIX).tempdir()?;
    std::fs::write(folder.path().join(OWNER), std::process::id().to_string())?;
    let mut children = Children {
        servers: Vec::new(),
        program: std::env::current_exe()?,
        folder: folder.path().to_owned(),
    };
    let started = start(&mut children, binaries, folder.path());
    match &started {
        Ok(ready) => {
            answer(&serde_json::to_string(ready)?)?;
            // Ends when the starter does.
            while let Some(Ok(order)) = std::io::stdin().lines().next() {
                match obey(&mut children, binaries, &ready.kubeconfig, &order) {
                    Ok(()) => answer(DONE)?,
                    Err(error) => answer(&format!("{error:#}"))?,
                }
            }
        }
        Err(_) => children.show_logs(),
    }
    drop(children);
    drop(folder);
    started.map(|_| ())
}

fn answer(line: &str) -> Result<()> {
    println!("{line}");
    Ok(std::io::stdout().flush()?)
}

fn obey(children: &mut Children, binaries: &Path, kubeconfig: &Path, order: &str) -> Result<()> {
    match order.split_once(' ') {
        Some(("kill", name)) => children.kill(name),
        Some(("start", name)) => {
            children.start_again(name)?;
            until_ready(children, binaries, kubeconfig)
        }
        _ => bail!("{order:?} is no order; there are `kill NAME` and `start NAME`"),
    }
}

/// Removes folders whose supervisor is no more.
fn sweep() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else {
        return;
    };
    for entry in entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
    {
        let owner = std::fs::read_to_string(entry.path().join(OWNER))
            .ok()
            .and_then(|text| text.parse().ok());
        let alive = owner
            .and_then(rustix::process::Pid::from_raw)
            .is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok());
        if owner.is_some() && !alive {
            // Somebody else may be sweeping, too.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// How one of the servers is started, and it, while it runs.
struct Server {
    name: String,
    binary: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
}

struct Children {
    servers: Vec<Server>,
    program: PathBuf,
    folder: PathBuf,
}

impl Children {
    fn spawn(&mut self, binary: &Path, arguments: &[String]) -> Result<()> {
        let name = binary.file_name().unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        self.servers.push(Server {
            name: name.clone(),
            binary: binary.to_owned(),
            arguments: arguments.to_owned(),
            child: None,
        });
        self.start_again(&name)
    }

    fn named(&mut self, name: &str) -> Result<&mut Server> {
        let mut servers = self.servers.iter_mut();
        let found = servers.find(|server| server.name == name);
        found.with_context(|| format!("there is no server {name:?}"))
    }

    /// As `kill -9` does.
    fn kill(&mut self, name: &str) -> Result<()> {
        let killed = self.named(name)?.child.take();
        let mut child = killed.with_context(|| format!("{name} does not run"))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// Starts a server with what it was started with before.
    fn start_again(&mut self, name: &str) -> Result<()> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("{name}.log")))?;
        let program = self.program.clone();
        let server = self.named(name)?;
        if server.child.is_some() {
            bail!("{name} runs");
        }
        let child = Command::new(program)
            .arg("with-parent")
            .arg(&server.binary)
            .args(&server.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be run", server.binary.display()))?;
        server.child = Some(child);
        Ok(())
    }

    fn check(&mut self) -> Result<()> {
        for server in &mut self.servers {
            if let Some(child) = &mut server.child
                && let Some(status) = child.try_wait()?
            {
                bail!("{} ended with {status}", server.name);
            }
        }
        Ok(())
    }

    fn show_logs(&self) {
        for Server { name, .. } in &self.servers {
            let text = std::fs::read_to_string(self.folder.join(format!("{name}.log")))
                .unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            eprintln!(
                "--- the last lines of {name}:\n{}",
                lines[lines.len().saturating_sub(8)..].join("\n")
            );
        }
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let servers = self.servers.iter_mut().rev();
        for child in servers.filter_map(|server| server.child.as_mut()) {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn start(children: &mut Children, binaries: &Path, folder: &Path) -> Result<Ready> {
    let (etcd, peer, server, kwok) = (free_port()?, free_port()?, free_port()?, free_port()?);
    let at = |name: &str| folder.join(name).display().to_string();
    let url = |port: u16| format!("http://127.0.0.1:{port}");
    children.spawn(
        &binaries.join("etcd"),
        &flags(&[
            ("data-dir", &at("etcd")),
            ("listen-client-urls", &url(etcd)),
            ("advertise-client-urls", &url(etcd)),
            ("listen-peer-urls", &url(peer)),
            ("initial-advertise-peer-urls", &url(peer)),
            ("initial-cluster", &format!("default={}", url(peer))),
            ("unsafe-no-fsync", "true"),
            ("log-level", "warn"),
        ]),
    )?;
    let key = rcgen::KeyPair::generate()?;
    std::fs::write(folder.join("service-account.key"), key.serialize_pem())?;
    std::fs::write(folder.join("service-account.pub"), key.public_key_pem())?;
    let token = rcgen::KeyPair::generate()?
        .public_key_raw()
        .iter()
        .take(24)
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    std::fs::write(
        folder.join("tokens.csv"),
        format!("{token},admin,admin,system:masters\n"),
    )?;
    children.spawn(
        &binaries.join("kube-apiserver"),
        &flags(&[
            ("etcd-servers", &url(etcd)),
            ("cert-dir", &at("certificates")),
            ("secure-port", &server.to_string()),
            ("bind-address", "127.0.0.1"),
            ("service-cluster-ip-range", "10.0.0.0/16"),
            ("service-account-issuer", "https://kubernetes.default.svc"),
            ("service-account-key-file", &at("service-account.pub")),
            (
                "service-account-signing-key-file",
                &at("service-account.key"),
            ),
            ("token-auth-file", &at("tokens.csv")),
            ("client-ca-file", &make_authority(folder)?),
            ("authorization-mode", "RBAC"),
            ("profiling", "false"),
            // Services lead to their endpoints without a kube-proxy.
            ("enable-aggregator-routing", "true"),
        ]),
    )?;
    let address = format!("https://127.0.0.1:{server}");
    let kubeconfig = folder.join("kubeconfig");
    write_kubeconfig(&kubeconfig, &address, &token)?;
    until_ready(children, binaries, &kubeconfig)?;
    let config = kubeconfig.display().to_string();
    children.spawn(
        &binaries.join("kube-controller-manager"),
        &flags(&[
            ("kubeconfig", &config),
            (
                "service-account-private-key-file",
                &at("service-account.key"),
            ),
            ("leader-elect", "false"),
            ("secure-port", "0"),
            // At the usual 20 requests a second, a thousand Deployments take minutes.
            ("kube-api-qps", "500"),
            ("kube-api-burst", "1000"),
            ("use-service-account-credentials", "false"),
        ]),
    )?;
    children.spawn(
        &binaries.join("kube-scheduler"),
        &flags(&[
            ("kubeconfig", &config),
            ("leader-elect", "false"),
            ("secure-port", "0"),
            ("kube-api-qps", "500"),
            ("kube-api-burst", "1000"),
        ]),
    )?;
    let stages = binaries.join("stages");
    let mut arguments = flags(&[
        ("kubeconfig", &config),
        ("manage-all-nodes", "true"),
        ("server-address", &format!("127.0.0.1:{kwok}")),
    ]);
    for entry in
        std::fs::read_dir(&stages).with_context(|| format!("{} is missing", stages.display()))?
    {
        arguments.push(format!("--config={}", entry?.path().display()));
    }
    arguments.sort();
    children.spawn(&binaries.join("kwok"), &arguments)?;
    make_node(binaries, &kubeconfig)?;
    children.check()?;
    Ok(Ready {
        kubeconfig,
        server: address,
    })
}

fn flags(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs
        .iter()
        .map(|(name, value)| format!("--{name}={value}"))
        .collect()
}

fn write_kubeconfig(path: &Path, server: &str, token: &str) -> Result<()> {
    // The API server makes its certificate itself, on a loopback address of this machine.
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "trimtab",
        "clusters": [{"name": "trimtab", "cluster": {"server": server, "insecure-skip-tls-verify": true}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "trimtab", "context": {"cluster": "trimtab", "user": "admin"}}],
    });
    Ok(std::fs::write(path, config.to_string())?)
}

fn kubectl(binaries: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(binaries.join("kubectl"));
    command
        .env("KUBECONFIG", kubeconfig)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

fn until_ready(children: &mut Children, binaries: &Path, kubeconfig: &Path) -> Result<()> {
    let began = Instant::now();
    loop {
        children.check()?;
        let ready = kubectl(binaries, kubeconfig)
            .args(["get", "--raw", "/readyz"])
            .status()?;
        if ready.success() {
            return Ok(());
        }
        if began.elapsed() > START_DEADLINE {
            bail!("the API server was not ready within {START_DEADLINE:?}");
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
}

/// A node of kwok's, which runs no containers but says that it does.
fn make_node(binaries: &Path, kubeconfig: &Path) -> Result<()> {
    let capacity = json!({"cpu": "1000", "memory": "4000Gi", "pods": "100000"});
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "kwok", "labels": {"type": "kwok", "kubernetes.io/os": "linux"}},
        "status": {"allocatable": capacity, "capacity": capacity},
    });
    let mut child = kubectl(binaries, kubeconfig)
        .args(["create", "-f", "-"])
        .stdin(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .context("kubectl has no standard input")?
        .write_all(node.to_string().as_bytes())?;
    if child.wait()?.success() {
        Ok(())
    } else {
        bail!("the node cannot be made")
    }
}
