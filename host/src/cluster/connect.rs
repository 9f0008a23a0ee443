//! The way to the API server.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::util::MapRequestLayer;

use super::inventory::Watched;
use super::kinds::Kinds;
use super::{ClusterError, Turns};

/// Where the cluster is. Nothing given: `$KUBECONFIG`, `~/.kube/config`, or the Pod's own account.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    pub kubeconfig: Option<PathBuf>,
    pub context: Option<String>,
    /// Requests that may be under way at once; 0: the default of 16, past which an API server
    /// gains nothing.
    pub concurrency: usize,
}

const DEFAULT_CONCURRENCY: usize = 16;
/// A write that takes longer is given up and tried again.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// A write that takes longer is not slow for want of an API server's time: others go on.
const WRITE_PATIENCE: Duration = Duration::from_secs(1);

/// A connection to one cluster, and what is known of it. Cheap to clone.
#[derive(Clone)]
pub struct Cluster {
    pub(super) client: Client,
    pub(super) kinds: Arc<Kinds>,
    pub(super) watched: Watched,
    pub(super) writes: Turns,
    concurrency: usize,
    requests: Arc<AtomicU64>,
}

impl Cluster {
    /// Reads the configuration; no request is sent yet.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClusterError> {
        let config = configuration(options).await?;
        let requests = Arc::new(AtomicU64::new(0));
        let counter = requests.clone();
        let count = MapRequestLayer::new(move |request: http::Request<Body>| {
            counter.fetch_add(1, Ordering::Relaxed);
            request
        });
        let client = ClientBuilder::try_from(config)?.with_layer(&count).build();
        let concurrency = if options.concurrency == 0 {
            DEFAULT_CONCURRENCY
        } else {
            options.concurrency
        };
        Ok(Self {
            kinds: Arc::new(Kinds::new(client.clone())),
            watched: Watched::new(client.clone()),
            writes: Turns::new(concurrency, WRITE_PATIENCE),
            concurrency,
            client,
            requests,
        })
    }

    /// Requests sent so far, watches included.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Requests that may be under way at once.
    pub fn concurrency(&self) -> usize {
        self.concurrency
    }

    /// What kits own in the cluster, kept by watches.
    pub fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The API server's version, as `v1.37.2`. Shows that it answers.
    pub async fn version(&self) -> Result<String, ClusterError> {
        Ok(self.client.apiserver_version().await?.git_version)
    }
}

async fn configuration(options: &ConnectOptions) -> Result<Config, ClusterError> {
    let context = KubeConfigOptions {
        context: options.context.clone(),
        ..Default::default()
    };
    let no_config = |error: &dyn std::fmt::Display| ClusterError::NoConfig(error.to_string());
    let mut config = match (&options.kubeconfig, &options.context) {
        (Some(path), _) => {
            let file = Kubeconfig::read_from(path).map_err(|error| no_config(&error))?;
            Config::from_custom_kubeconfig(file, &context)
                .await
                .map_err(|error| no_config(&error))?
        }
        (None, Some(_)) => Config::from_kubeconfig(&context)
            .await
            .map_err(|error| no_config(&error))?,
        (None, None) => Config::infer().await.map_err(|error| no_config(&error))?,
    };
    // Longer than the API server lets a watch last: a silent connection is found dead.
    config.read_timeout = Some(Duration::from_secs(330));
    Ok(config)
}
