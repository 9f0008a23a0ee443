//! The command line: one verb a file. Talks to people; decides nothing that the rooms decide.
//! Exit codes: 0 fine, 1 findings or differences, 2 usage, 3 cannot tell (cluster or Git away).

mod admission;
mod api;
mod ask;
mod blame;
mod check;
mod completion;
mod diff;
mod elsewhere;
mod fix;
mod history;
mod host;
mod import;
mod install;
mod junit;
mod local;
mod paint;
mod plugin;
mod reconcile;
mod recording;
mod render;
mod report;
mod revert;
mod rewrite;
mod rollback;
mod run;
mod sarif;
mod status;
mod suspend;
mod target;
mod values;
mod vendor;
mod verify;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cluster::ConnectOptions;
use crate::sandbox::{Compiler, RenderLimits, Renderers, Sandbox, SandboxLimits};

/// Reconcile a Kubernetes cluster with a Git repository whose rules are WebAssembly components.
#[derive(Parser)]
#[command(
    name = "trimtab",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Run(Box<run::Run>),
    Check(check::Check),
    Render(render::Render),
    Vendor(vendor::Vendor),
    Status(status::Status),
    Blame(blame::BlameArgs),
    Diff(diff::DiffArgs),
    Verify(verify::VerifyArgs),
    Host(host::Host),
    Reconcile(reconcile::Reconcile),
    Rollback(Box<rollback::Rollback>),
    Suspend(suspend::Suspend),
    Resume(suspend::Resume),
    History(Box<history::History>),
    Plugin(plugin::PluginArgs),
    Import(import::Import),
    Install(install::Install),
    Completion(completion::Completion),
}

/// Where the cluster is.
#[derive(Args, Clone, Debug)]
pub struct ClusterArgs {
    /// A kubeconfig file; else $KUBECONFIG, ~/.kube/config, or the Pod's own account
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<std::path::PathBuf>,
    /// A context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl ClusterArgs {
    fn options(&self) -> ConnectOptions {
        ConnectOptions {
            kubeconfig: self.kubeconfig.clone(),
            context: self.context.clone(),
            concurrency: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    Text,
    Json,
}

/// What a verb came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Fine,
    /// Findings of error severity, or something not as it should be.
    Findings,
}

/// Why a verb could not be done; the exit code says which of the two it was.
#[derive(Debug)]
pub enum Failure {
    /// What was asked makes no sense.
    Usage(anyhow::Error),
    /// A cluster, a repository or a file is away.
    CannotTell(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::CannotTell(error.into())
    }
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // Where the terminal is gone there is nobody to tell.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let outcome = match cli.verb {
        Verb::Run(verb) => verb.run(),
        Verb::Check(verb) => verb.run(),
        Verb::Render(verb) => verb.run(),
        Verb::Vendor(verb) => verb.run(),
        Verb::Status(verb) => verb.run(),
        Verb::Blame(verb) => verb.run(),
        Verb::Diff(verb) => verb.run(),
        Verb::Verify(verb) => verb.run(),
        Verb::Host(verb) => verb.run(),
        Verb::Reconcile(verb) => verb.run(),
        Verb::Rollback(verb) => verb.run(),
        Verb::Suspend(verb) => verb.run(),
        Verb::Resume(verb) => verb.run(),
        Verb::History(verb) => verb.run(),
        Verb::Plugin(verb) => verb.run(),
        Verb::Import(verb) => verb.run(),
        Verb::Install(verb) => verb.run(),
        Verb::Completion(verb) => verb.run(),
    };
    match outcome {
        Ok(Outcome::Fine) => ExitCode::SUCCESS,
        Ok(Outcome::Findings) => ExitCode::from(1),
        Err(Failure::Usage(error)) => told(&error, 2),
        Err(Failure::CannotTell(error)) => told(&error, 3),
    }
}

fn told(error: &anyhow::Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  cause: {cause}");
    }
    ExitCode::from(code)
}

/// The sandbox that a repository's plugins run in, compiled by children of this binary.
fn sandbox(cache: &std::path::Path) -> anyhow::Result<Sandbox> {
    let compiler = Compiler::Child {
        program: crate::config::own_program()?,
        cache: Some(cache.join("plugins")),
    };
    let places = crate::config::renderer_folders()?;
    let renderers = Renderers::new(RenderLimits::default(), compiler.clone(), places)
        .keeping(&cache.join("renderings"));
    let sandbox = Sandbox::new(SandboxLimits::default(), compiler).map_err(anyhow::Error::msg)?;
    Ok(sandbox.with_renderers(renderers))
}

/// Runs what talks to a cluster.
fn block_on<T>(asking: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(asking)
}

/// A reason that a person gives, fit to be kept.
fn said(reason: &str) -> Result<String, Failure> {
    let reason = reason.trim();
    if reason.is_empty() {
        return Err(Failure::Usage(anyhow::anyhow!(
            "it needs a reason, which is recorded: --reason 'what went wrong'"
        )));
    }
    if reason.len() > 1024 || reason.chars().any(|it| it.is_control() && it != '\n') {
        return Err(Failure::Usage(anyhow::anyhow!(
            "the reason is one text of at most 1024 bytes, without control characters"
        )));
    }
    Ok(reason.to_owned())
}

/// Prints to standard output. Whoever closes it early, as `head` does, wants no more.
fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// `1 kit`, `2 kits`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 {
        format!("1 {what}")
    } else {
        format!("{count} {what}s")
    }
}
