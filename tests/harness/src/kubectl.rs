//! kubectl, as a person would use it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A kubectl and the cluster that it talks to.
#[derive(Clone, Debug)]
pub struct Kubectl {
    pub program: PathBuf,
    pub kubeconfig: PathBuf,
    pub context: Option<String>,
}

impl Kubectl {
    /// The one of `cargo xtask test`'s control plane.
    pub fn of_suite() -> Self {
        let variable = |name: &str| {
            std::env::var_os(name)
                .unwrap_or_else(|| panic!("{name} is not set: run the tests by `cargo xtask test`"))
        };
        Self {
            program: PathBuf::from(variable("TRIMTAB_TEST_BIN")).join("kubectl"),
            kubeconfig: variable("TRIMTAB_TEST_KUBECONFIG").into(),
            context: None,
        }
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env("KUBECONFIG", &self.kubeconfig).args(arguments);
        if let Some(context) = &self.context {
            command.arg("--context").arg(context);
        }
        command
    }

    /// Runs it and gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> Result<String> {
        let output = self
            .command(arguments)
            .output()
            .context("kubectl cannot be run")?;
        if !output.status.success() {
            bail!(
                "kubectl {}: {}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// One object, or a list; `None` if it is not there.
    pub fn get(&self, arguments: &[&str]) -> Result<Option<Value>> {
        let mut all = vec!["get", "--ignore-not-found", "--output", "json"];
        all.extend(arguments);
        let text = self.run(&all)?;
        if text.trim().is_empty() {
            Ok(None)
        } else {
            Ok(Some(serde_json::from_str(&text)?))
        }
    }

    /// Applies objects given as YAML or JSON.
    pub fn apply(&self, objects: &str) -> Result<()> {
        self.try_apply(objects, &[])
    }

    /// Applies as `kubectl apply` does without --server-side.
    pub fn client_side_apply(&self, objects: &str, namespace: &str) -> Result<()> {
        self.feed(objects, &["apply", "-f", "-", "--namespace", namespace])
    }

    /// As `apply`, with more arguments.
    pub fn try_apply(&self, objects: &str, arguments: &[&str]) -> Result<()> {
        let mut all = vec!["apply", "--server-side", "-f", "-"];
        all.extend(arguments);
        self.feed(objects, &all)
    }

    fn feed(&self, objects: &str, arguments: &[&str]) -> Result<()> {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        child
            .stdin
            .take()
            .context("kubectl has no standard input")?
            .write_all(objects.as_bytes())?;
        if child.wait()?.success() {
            Ok(())
        } else {
            bail!("kubectl apply failed")
        }
    }
}
