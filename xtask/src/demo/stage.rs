//! What the story is played on: a cluster, a repository, a host.

use std::fs::{self, File};
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use trimtab_harness::component::{build_components, digest};
use trimtab_harness::control_plane::ControlPlane;
use trimtab_harness::git::Fixture;
use trimtab_harness::kubectl::Kubectl;
use trimtab_harness::root;

use crate::prepare::{self, Step};

/// The namespaces of examples/platform.
const NAMESPACES: [&str; 5] = [
    "mesh-infra",
    "platform",
    "manufracture",
    "smithereens",
    SYSTEM,
];
/// Where the demo's Repository and Kits are.
pub const SYSTEM: &str = "trimtab-demo";
/// What the demo makes outside of namespaces.
const CLUSTER_SCOPED: [&str; 4] = [
    "crd/meshroutes.mesh.platform.example",
    "ingressclass/mesh",
    "clusterrole/mesh-ingress",
    "clusterrolebinding/mesh-ingress",
];
const OWN_DEFINITIONS: [&str; 2] = ["crd/repositories.trimtab.io", "crd/kits.trimtab.io"];

pub struct Stage {
    host: PathBuf,
    running: Option<Child>,
    pub kubectl: Kubectl,
    pub repository: Fixture,
    plane: Option<ControlPlane>,
    had_definitions: bool,
    folder: tempfile::TempDir,
    color: bool,
}

impl Stage {
    pub fn set(host: &Path, context: Option<&str>, kubeconfig: Option<PathBuf>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("trimtab-demo-").tempdir()?;
        let step = Step::begin("building the plugins");
        let repository = platform(&folder.path().join("platform"))?;
        step.done();
        let binaries = prepare::control_plane()?;
        let (plane, kubectl) = match context {
            None => {
                let step = Step::begin("starting a control plane");
                let plane = ControlPlane::start(&std::env::current_exe()?, &binaries)?;
                step.done();
                let kubectl = plane.kubectl();
                (Some(plane), kubectl)
            }
            Some(name) => {
                let home = || {
                    std::env::home_dir()
                        .unwrap_or_default()
                        .join(".kube/config")
                };
                let path = kubeconfig
                    .or_else(|| std::env::var_os("KUBECONFIG").map(PathBuf::from))
                    .unwrap_or_else(home);
                let program = binaries.join("kubectl");
                (
                    None,
                    Kubectl {
                        program,
                        kubeconfig: path,
                        context: Some(name.to_owned()),
                    },
                )
            }
        };
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let had_definitions = kubectl.get(&OWN_DEFINITIONS)?.is_some();
        let stage = Self {
            host: host.to_owned(),
            running: None,
            kubectl,
            repository,
            plane,
            had_definitions,
            folder,
            color,
        };
        if context.is_some() {
            stage.refuse_to_touch_what_is_there()?;
        }
        Ok(stage)
    }

    fn refuse_to_touch_what_is_there(&self) -> Result<()> {
        let mut wanted: Vec<String> = NAMESPACES
            .iter()
            .map(|name| format!("namespace/{name}"))
            .collect();
        wanted.extend(CLUSTER_SCOPED.map(str::to_owned));
        for name in wanted {
            if self.kubectl.get(&[&name])?.is_some() {
                bail!(
                    "the cluster has {name} already, which the demo would make and remove; choose another cluster"
                );
            }
        }
        Ok(())
    }

    /// Starts `trimtab run` on the repository.
    pub fn start_host(&mut self) -> Result<()> {
        let log = File::create(self.folder.path().join("trimtab.log"))?;
        let mut command = Command::new(&self.host);
        command
            .arg("run")
            .arg("--file")
            .arg(self.folder.path().join("repository.yaml"));
        command.args(["--namespace", SYSTEM, "--log-format", "json", "--cache-dir"]);
        command
            .arg(self.folder.path().join("cache"))
            .arg("--kubeconfig")
            .arg(&self.kubectl.kubeconfig);
        if let Some(context) = &self.kubectl.context {
            command.arg("--context").arg(context);
        }
        fs::copy(
            self.repository.folder().join("repository.yaml"),
            self.folder.path().join("repository.yaml"),
        )?;
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()?;
        self.running = Some(child);
        Ok(())
    }

    /// Looks until `condition` holds; an error if it never does.
    pub fn until<T>(
        &mut self,
        what: &str,
        mut condition: impl FnMut(&Self) -> Result<Option<T>>,
    ) -> Result<T> {
        let began = Instant::now();
        loop {
            if let Some(found) = condition(self)? {
                return Ok(found);
            }
            if let Some(child) = &mut self.running
                && let Some(status) = child.try_wait()?
            {
                bail!("the host ended with {status}:\n{}", self.last_logs());
            }
            if began.elapsed() > Duration::from_secs(60) {
                bail!(
                    "{what}: not within 60 s; the host's last words:\n{}",
                    self.last_logs()
                );
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
    }

    fn last_logs(&self) -> String {
        let text = fs::read_to_string(self.folder.path().join("trimtab.log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(10)..].join("\n")
    }

    pub fn kit(&self, path: &str) -> Result<Option<Value>> {
        self.kubectl.get(&[
            "kits.trimtab.io",
            &path.replace('/', "."),
            "--namespace",
            SYSTEM,
        ])
    }

    /// What `trimtab` prints, for people.
    pub fn trimtab(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.host);
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubectl.kubeconfig)
            // The host is no Pod, and so is asked on its own machine.
            .env("TRIMTAB_SOCKET", self.folder.path().join("cache/host.sock"))
            .current_dir(self.repository.folder());
        let of_cluster = matches!(arguments, ["status" | "rollback" | "resume", ..]);
        if let (Some(context), true) = (&self.kubectl.context, of_cluster) {
            command.arg("--context").arg(context);
        }
        Ok(String::from_utf8(command.output()?.stdout)?)
    }

    pub fn chapter(&self, title: &str) {
        if self.color {
            println!("\n\x1b[1m{title}\x1b[0m")
        } else {
            println!("\n{title}\n{}", "-".repeat(title.len()))
        }
    }

    pub fn say(&self, text: &str) {
        println!("  {}", text.trim_end().replace('\n', "\n  "));
    }

    /// The newest commit and what it changed, as `git show` has it.
    pub fn show_commit(&self) -> Result<()> {
        let color = if self.color {
            "--color=always"
        } else {
            "--color=never"
        };
        let text = self.repository.git(&[
            "show",
            color,
            "--unified=0",
            "--format=%h %an: %s",
            "--no-prefix",
        ])?;
        let kept = text
            .lines()
            .filter(|line| !line.contains("index ") && !line.contains("diff --git"));
        self.say(&kept.collect::<Vec<_>>().join("\n"));
        Ok(())
    }

    pub fn tell_how_to_play(&self) {
        self.chapter("All is running; Ctrl-C ends it");
        self.say(&format!(
            "export KUBECONFIG={}",
            self.kubectl.kubeconfig.display()
        ));
        self.say(&format!(
            "export PATH={}:{}:$PATH",
            self.host.parent().unwrap_or(Path::new(".")).display(),
            self.kubectl
                .program
                .parent()
                .unwrap_or(Path::new("."))
                .display()
        ));
        self.say(&format!(
            "cd {}   # edit, commit on main, and watch: trimtab status",
            self.repository.folder().display()
        ));
    }

    /// Ends the host, and removes what the demo made in a cluster that is not its own.
    pub fn clear(mut self) -> Result<()> {
        self.stop_host();
        if self.plane.is_some() {
            return Ok(());
        }
        let step = Step::begin("removing what the demo made");
        for name in NAMESPACES {
            self.kubectl.run(&[
                "delete",
                "namespace",
                name,
                "--ignore-not-found",
                "--wait=true",
            ])?;
        }
        for name in CLUSTER_SCOPED {
            self.kubectl.run(&["delete", name, "--ignore-not-found"])?;
        }
        if !self.had_definitions {
            for name in OWN_DEFINITIONS {
                self.kubectl.run(&["delete", name, "--ignore-not-found"])?;
            }
        }
        step.done();
        Ok(())
    }

    fn stop_host(&mut self) {
        if let Some(mut child) = self.running.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop_host();
    }
}

/// examples/platform as a Git repository, with its components built and their digests filled in.
fn platform(folder: &Path) -> Result<Fixture> {
    let source = root().join("examples/platform");
    let list = fs::read_to_string(source.join("components.txt"))?;
    let rows: Vec<(&str, &str)> = list
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(' '))
        .collect();
    let packages: Vec<&str> = rows.iter().map(|(package, _)| *package).collect();
    let built = build_components(&packages)?;
    let repository = Fixture::new(folder)?;
    copy(&source, folder)?;
    repository.edit("repository.yaml", "${url}", &repository.url())?;
    repository.edit("repository.yaml", "  namespace: trimtab-system\n", "")?;
    for ((package, destination), component) in rows.iter().zip(&built) {
        let to = folder.join(destination);
        fs::create_dir_all(to.parent().context("a destination has a folder")?)?;
        fs::copy(component, to)?;
        repository.edit(
            "repository.yaml",
            &format!("${{{package}}}"),
            &digest(component)?,
        )?;
    }
    Ok(repository)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?
        } else {
            fs::copy(entry.path(), target).map(|_| ())?
        }
    }
    Ok(())
}
