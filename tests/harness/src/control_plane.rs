//! A running control plane, seen from whoever started it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use crate::kubectl::Kubectl;
use crate::supervisor::DONE;

/// What a supervisor prints when all is ready.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ready {
    pub kubeconfig: PathBuf,
    pub server: String,
}

/// A control plane that ends with this value, and with this process however it ends.
pub struct ControlPlane {
    supervisor: Child,
    answers: BufReader<ChildStdout>,
    pub ready: Ready,
    pub binaries: PathBuf,
}

impl ControlPlane {
    /// `program` is a binary with the hidden verb `supervise` (xtask); `binaries` holds etcd,
    /// kube-apiserver and the others.
    pub fn start(program: &Path, binaries: &Path) -> Result<Self> {
        let mut supervisor = Command::new(program)
            .arg("supervise")
            .arg(binaries)
            // Not in this group: Ctrl-C is for whoever started it, who then ends it in order.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        let stdout = supervisor
            .stdout
            .take()
            .context("the supervisor has no standard output")?;
        let (mut answers, mut line) = (BufReader::new(stdout), String::new());
        answers.read_line(&mut line)?;
        if line.is_empty() {
            // Its own words are on standard error already.
            let _ = supervisor.wait();
            bail!("the control plane did not start");
        }
        let ready =
            serde_json::from_str(&line).with_context(|| format!("the supervisor said {line:?}"))?;
        Ok(Self {
            supervisor,
            answers,
            ready,
            binaries: binaries.to_owned(),
        })
    }

    /// Kills one of its servers (`etcd`, `kube-apiserver`, …) as `kill -9` does.
    pub fn kill(&mut self, server: &str) -> Result<()> {
        self.order("kill", server)
    }

    /// Starts a server that was killed, with its ports and its data, and waits until the API
    /// server is ready.
    pub fn start_again(&mut self, server: &str) -> Result<()> {
        self.order("start", server)
    }

    fn order(&mut self, verb: &str, server: &str) -> Result<()> {
        let stdin = self.supervisor.stdin.as_mut();
        writeln!(
            stdin.context("the supervisor has no input")?,
            "{verb} {server}"
        )?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        if line.trim_end() != DONE {
            bail!("{verb} {server}: {}", line.trim_end());
        }
        Ok(())
    }

    pub fn kubectl(&self) -> Kubectl {
        Kubectl {
            program: self.binaries.join("kubectl"),
            kubeconfig: self.ready.kubeconfig.clone(),
            context: None,
        }
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        // The end of its input is the sign to end; then all its children are gone.
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
