//! The way to the API server.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use kube::client::{Body, ClientBuilder};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use tower::filter::FilterLayer;

use crate::kit::ServiceAccount;

use super::credentials::Renewed;
use super::inventory::Watched;
use super::kinds::Kinds;
use super::lease::Fence;
use super::writing::{Writing, user_name};
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
    /// The host's own.
    pub(super) client: Client,
    /// Writes the objects of kits, with the rights of whom they act as.
    pub(super) acting: Client,
    /// For the lease itself.
    pub(super) unfenced: Client,
    pub(super) fence: Fence,
    accounts: Arc<Accounts>,
    pub(super) kinds: Arc<Kinds>,
    pub(super) watched: Watched,
    pub(super) writing: Writing,
    /// The user name of whom `acting` acts as, if not as the host.
    pub(super) account: Option<Arc<str>>,
    pub(super) writes: Turns,
    concurrency: usize,
    requests: Arc<AtomicU64>,
}

impl Cluster {
    /// Reads the configuration; no request is sent yet.
    pub async fn connect(options: &ConnectOptions) -> Result<Self, ClusterError> {
        let config = configuration(options).await?;
        let requests = Arc::new(AtomicU64::new(0));
        let fence = Fence::default();
        let client = fenced(options, &config, None, &requests, &fence)?;
        let unfenced = fenced(options, &config, None, &requests, &Fence::default())?;
        let accounts = Accounts {
            options: options.clone(),
            config,
            clients: Mutex::default(),
        };
        let concurrency = if options.concurrency == 0 {
            DEFAULT_CONCURRENCY
        } else {
            options.concurrency
        };
        Ok(Self {
            kinds: Arc::new(Kinds::new(client.clone())),
            watched: Watched::new(client.clone()),
            writing: Writing::default(),
            account: None,
            writes: Turns::new(concurrency, WRITE_PATIENCE),
            concurrency,
            acting: client.clone(),
            unfenced,
            fence,
            accounts: Arc::new(accounts),
            client,
            requests,
        })
    }

    /// The same cluster, on which objects of kits are written with the rights of a ServiceAccount
    /// (user impersonation). What the host writes for itself stays the host's.
    pub fn acting_as(&self, account: Option<&ServiceAccount>) -> Result<Self, ClusterError> {
        let Some(account) = account else {
            return Ok(self.clone());
        };
        let mut clients = self
            .accounts
            .clients
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let acting = match clients.get(account) {
            Some(client) => client.clone(),
            None => {
                let client = fenced(
                    &self.accounts.options,
                    &self.accounts.config,
                    Some(account),
                    &self.requests,
                    &self.fence,
                )?;
                clients.insert(account.clone(), client.clone());
                client
            }
        };
        Ok(Self {
            acting,
            account: Some(user_name(account)),
            ..self.clone()
        })
    }

    /// The same cluster, by a client that tells a person at once what the API server says. kube's
    /// own asks again for minutes where a server is not available.
    pub fn impatient(&self) -> Result<Self, ClusterError> {
        let mut config = self.accounts.config.clone();
        config.default_retry = false;
        let options = &self.accounts.options;
        Ok(Self {
            client: fenced(options, &config, None, &self.requests, &self.fence)?,
            ..self.clone()
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

/// Clients by whom they act as.
struct Accounts {
    options: ConnectOptions,
    config: Config,
    clients: Mutex<HashMap<ServiceAccount, Client>>,
}

/// A client whose requests are counted, and that writes nothing while another host may act. It
/// acts as `account`, if one is given.
fn fenced(
    options: &ConnectOptions,
    config: &Config,
    account: Option<&ServiceAccount>,
    requests: &Arc<AtomicU64>,
    fence: &Fence,
) -> Result<Client, ClusterError> {
    let account = account.cloned();
    let (requests, fence) = (requests.clone(), fence.clone());
    let make = move |mut config: Config| {
        if let Some(ServiceAccount { namespace, name }) = &account {
            config.auth_info.impersonate =
                Some(format!("system:serviceaccount:{namespace}:{name}"));
            config.auth_info.impersonate_groups = Some(vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".into(),
            ]);
        }
        gated(config, &requests, &fence)
    };
    let options = options.clone();
    let read = move || {
        let options = options.clone();
        let read: BoxFuture<'static, _> = Box::pin(async move { configuration(&options).await });
        read
    };
    let renewed = Renewed::new(config.clone(), Arc::new(read), make)?;
    Ok(Client::new(renewed, config.default_namespace.clone()))
}

fn gated(config: Config, requests: &Arc<AtomicU64>, fence: &Fence) -> Result<Client, ClusterError> {
    let (counter, fence) = (requests.clone(), fence.clone());
    let gate = FilterLayer::new(move |request: http::Request<Body>| {
        if *request.method() != http::Method::GET && !fence.may_write() {
            let words = "this host does not hold the lease any more; nothing was sent";
            return Err(tower::BoxError::from(words));
        }
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(request)
    });
    Ok(ClientBuilder::try_from(config)?.with_layer(&gate).build())
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
