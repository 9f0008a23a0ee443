//! `trimtab run`.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::Args;
use kube::ResourceExt as _;

use super::admission::AdmissionArgs;
use super::api::{ApiArgs, PodArgs};
use super::recording::RecordingArgs;
use super::{ClusterArgs, Failure, Outcome};
use crate::cluster::{Candidate, Cluster};
use crate::kit::{
    KitRule, RefSpec, Repository, RepositorySpec, SecretRef, custom_resource_definitions, validate,
};
use crate::manifest::{Limits, read};
use crate::pipeline::PluginStore;
use crate::reconcile::{self, Options};
use crate::source::Worker;
use crate::{admission, config, telemetry, web};

/// Where the lease of hosts is that reconcile the Repositories of all namespaces.
pub(super) const LEASE_NAMESPACE: &str = "trimtab-system";
/// How long what blocks may go on when the host ends. It may be cut off at any instant.
const GRACE: Duration = Duration::from_secs(2);

/// Poll repositories and reconcile the cluster with them
///
/// Reconciles every Repository in the cluster. With --file or --url it writes one first:
///
///   trimtab run --file repository.yaml
///   trimtab run --url https://git.example.org/platform.git --kits 'kits/*'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Run {
    /// A Repository as YAML, `-` for standard input; may be given several times
    #[arg(short, long, value_name = "FILE", conflicts_with = "url")]
    file: Vec<PathBuf>,
    /// Follow this repository
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    follow: FollowArgs,
    /// Time between two polls
    #[arg(long, default_value = "30s", value_name = "DURATION", requires = "url")]
    interval: String,
    /// Directories that are kits, as PATTERN or PATTERN=NAMESPACE; may be given several times
    #[arg(long, value_name = "PATTERN", requires = "url")]
    kits: Vec<String>,
    /// A Secret with credentials, in the Repository's namespace
    #[arg(long, value_name = "NAME", requires = "url")]
    secret: Option<String>,
    /// What the Repository of --url is called
    #[arg(long, default_value = "platform", value_name = "NAME")]
    name: String,
    /// The namespace of the Repository, where its file says none
    #[arg(long, default_value = "trimtab-system", value_name = "NAME")]
    namespace: String,
    /// Reconcile only the Repositories of this namespace; those of others are another host's
    #[arg(long, value_name = "NAME")]
    only_namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// Where mirrors are kept
    #[arg(long, value_name = "FOLDER")]
    cache_dir: Option<PathBuf>,
    /// Requests to the API server that may be under way at once
    #[arg(long, default_value_t = 16, value_name = "N")]
    concurrency: usize,
    #[command(flatten)]
    admission: AdmissionArgs,
    #[command(flatten)]
    api: ApiArgs,
    #[command(flatten)]
    recording: RecordingArgs,
    #[command(flatten)]
    pod: PodArgs,
    /// Reconcile the newest revision once and end; exits with 1 if not all of it is live
    #[arg(long)]
    once: bool,
    #[arg(long, value_enum, default_value = "text")]
    log_format: telemetry::LogFormat,
    /// What is logged; RUST_LOG wins
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    log_level: String,
}

#[derive(Args)]
#[group(multiple = false)]
struct FollowArgs {
    #[arg(long, value_name = "NAME", requires = "url")]
    branch: Option<String>,
    #[arg(long, value_name = "NAME", requires = "url")]
    tag: Option<String>,
    /// A SemVer range over the tags
    #[arg(long, value_name = "RANGE", requires = "url")]
    semver: Option<String>,
    /// A full commit id
    #[arg(long, value_name = "ID", requires = "url")]
    commit: Option<String>,
}

impl Run {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        telemetry::start(self.log_format, &self.log_level);
        let repositories = self.repositories()?;
        let admission = self.admission()?;
        let web = self.web()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()?;
        let ended = runtime.block_on(self.reconcile(repositories, admission, web));
        // A disk or a program that hangs must not keep a host that has lost its lease from ending.
        runtime.shutdown_timeout(GRACE);
        ended
    }

    fn lease_namespace(&self) -> &str {
        // One for all hosts that see all namespaces, wherever their Repositories are.
        self.only_namespace.as_deref().unwrap_or(LEASE_NAMESPACE)
    }

    fn admission(&self) -> Result<Option<admission::Options>, Failure> {
        let only = self.only_namespace.as_deref();
        self.admission
            .options(&self.pod, self.lease_namespace(), only)
    }

    fn cache(&self) -> PathBuf {
        self.cache_dir.clone().unwrap_or_else(config::cache_folder)
    }

    /// Nobody asks a host that is about to end.
    fn web(&self) -> Result<Option<web::Options>, Failure> {
        let options = || {
            let namespace = self.lease_namespace();
            self.api.options(&self.pod, namespace, &self.cache())
        };
        (!self.once).then(options).transpose()
    }

    fn repositories(&self) -> Result<Vec<(String, Repository)>, Failure> {
        let mut found = Vec::new();
        for file in &self.file {
            found.extend(from_file(file).map_err(Failure::Usage)?);
        }
        if let Some(url) = &self.url {
            let spec = RepositorySpec {
                follow: RefSpec {
                    branch: self.follow.branch.clone(),
                    tag: self.follow.tag.clone(),
                    semver: self.follow.semver.clone(),
                    commit: self.follow.commit.clone(),
                },
                interval: self.interval.clone(),
                secret_ref: self.secret.clone().map(|name| SecretRef { name }),
                kits: self.kits.iter().map(|text| kit_rule(text)).collect(),
                ..RepositorySpec::of(url)
            };
            found.push(Repository::new(&self.name, spec));
        }
        for repository in &found {
            if let Some(wrong) = validate(&repository.spec).first() {
                return Err(Failure::Usage(anyhow!(
                    "the Repository {}: {wrong}",
                    repository.name_any()
                )));
            }
        }
        let placed = |repository: Repository| {
            (
                repository
                    .namespace()
                    .unwrap_or_else(|| self.namespace.clone()),
                repository,
            )
        };
        Ok(found.into_iter().map(placed).collect())
    }

    async fn reconcile(
        self,
        repositories: Vec<(String, Repository)>,
        admission: Option<admission::Options>,
        web: Option<web::Options>,
    ) -> Result<Outcome, Failure> {
        let mut connect = self.cluster.options();
        connect.concurrency = self.concurrency;
        let cluster = Cluster::connect(&connect).await?;
        // The host that acts installs them; what is to be written needs them before.
        if !repositories.is_empty() {
            cluster
                .install(&custom_resource_definitions())
                .await
                .context("the CRDs cannot be installed")?;
        }
        for (namespace, repository) in &repositories {
            cluster
                .put_repository(namespace, repository)
                .await
                .context("the Repository cannot be written")?;
        }
        let cache = self.cache();
        let (identity, _lock) = identity(&cache).map_err(|error| match has_room(&error) {
            true => Failure::Usage(error),
            false => Failure::CannotTell(error.context("there is no room on the disk; make room")),
        })?;
        let candidate = Candidate {
            namespace: self.lease_namespace().to_owned(),
            name: "trimtab".into(),
            identity,
        };
        let sandbox = super::sandbox(&cache)?;
        let store = super::elsewhere::store(&cache);
        let history = self.recording.options(self.cache_dir.as_deref(), &cache)?;
        let options = Options {
            history,
            cache,
            candidate,
            worker: Worker {
                program: config::own_program()?,
            },
            workers: config::workers(),
            namespace: self.only_namespace,
            once: self.once,
            admission,
            web,
        };
        let plugins = Arc::new(PluginStore::new(sandbox).with_store(store));
        let settled = reconcile::run(cluster, plugins, options, shutdown()).await?;
        if settled.iter().any(|settled| !settled.fetched) {
            return Err(Failure::CannotTell(anyhow!(
                "a repository could not be asked; its condition says why"
            )));
        }
        Ok(if settled.iter().all(|settled| settled.ready) {
            Outcome::Fine
        } else {
            Outcome::Findings
        })
    }
}

/// The host's identity for its lease, kept in the cache folder: whoever has the folder's lock and
/// finds its own name on the lease knows that the host before it is dead, and need not wait.
fn identity(cache: &std::path::Path) -> anyhow::Result<(String, File)> {
    let place = || format!("the folder {}", cache.display());
    std::fs::create_dir_all(cache).with_context(place)?;
    let path = cache.join("identity");
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .with_context(place)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => anyhow::bail!(
            "another host uses {}; give this one a folder of its own: --cache-dir",
            place()
        ),
        Err(TryLockError::Error(error)) => anyhow::bail!(
            "{} cannot be locked ({error}), and so another host might use it; give --cache-dir on a file system with locks",
            place()
        ),
    }
    let mut identity = String::new();
    file.read_to_string(&mut identity).with_context(place)?;
    if identity.is_empty() {
        identity = format!("trimtab-{:016x}", rand::random::<u64>());
        file.write_all(identity.as_bytes()).with_context(place)?;
    }
    Ok((identity, file))
}

/// False if an error is that the disk is full, which is nothing that was asked wrongly.
fn has_room(error: &anyhow::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>());
    !causes.any(|cause| matches!(cause.kind(), StorageFull | QuotaExceeded))
}

/// Resolves when the process is asked to end.
async fn shutdown() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(_) => return std::future::pending().await,
        };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

fn from_file(path: &std::path::Path) -> anyhow::Result<Vec<Repository>> {
    let name = path.display().to_string();
    let bytes = if name == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes)?;
        bytes
    } else {
        std::fs::read(path).with_context(|| format!("{name} cannot be read"))?
    };
    repositories_in(&name, &bytes)
}

/// The Repositories of a file; objects of other kinds are an error.
pub(super) fn repositories_in(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<Repository>> {
    let manifests =
        read(name, bytes, &Limits::default()).map_err(|errors| anyhow!("{}", errors[0]))?;
    let repository = |manifest: &crate::manifest::Manifest| {
        serde_json::from_value::<Repository>(manifest.object.clone()).with_context(|| {
            format!(
                "{}: this is no Repository of trimtab.io/v1alpha1",
                manifest.origin
            )
        })
    };
    manifests.iter().map(repository).collect()
}

fn kit_rule(text: &str) -> KitRule {
    let (path, namespace) = match text.split_once('=') {
        Some((path, namespace)) => (path, Some(namespace.to_owned())),
        None => (text, None),
    };
    KitRule {
        path: path.to_owned(),
        namespace,
        create_namespace: true,
        ..KitRule::default()
    }
}
