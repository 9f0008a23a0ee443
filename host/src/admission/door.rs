//! What all parts of the webhook share, and how the host tells it of Repositories.

use std::collections::{BTreeMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::cluster::{Cluster, ClusterError};
use crate::kit::RepositorySpec;
use crate::pipeline::Evaluation;
use crate::server::Shown;

use super::certificates::CannotSign;
use super::law::{Law, LiveNamespaces};
use super::registration::Registration;
use super::server::Server;
use super::{Address, RepositoryId};

/// How long registering may take at the start.
const BEGIN: Duration = Duration::from_secs(5);

/// How a host serves the webhook.
#[derive(Clone, Debug)]
pub struct Options {
    pub listen: SocketAddr,
    /// Where the API server finds it.
    pub address: Address,
    /// Behind a Service: the address of this host's Pod.
    pub endpoint: Option<SocketAddr>,
    /// Where the Secret is: the namespace of the host's lease.
    pub namespace: String,
    /// Of the Secret.
    pub secret: String,
    /// Of the ValidatingWebhookConfiguration.
    pub configuration: String,
}

impl Options {
    /// What the configuration of the hosts of all namespaces, or of one, is called.
    pub fn configuration_of(only_namespace: Option<&str>) -> String {
        match only_namespace {
            None => "trimtab".into(),
            Some(namespace) => format!("trimtab.{namespace}"),
        }
    }

    /// What the serving certificate is for.
    pub(super) fn names(&self) -> Vec<String> {
        match &self.address {
            Address::Service { namespace, name } => vec![
                format!("{name}.{namespace}.svc"),
                format!("{name}.{namespace}.svc.cluster.local"),
            ],
            Address::Url(url) => {
                let host = url.parse::<http::Uri>().ok();
                let host = host.as_ref().and_then(http::Uri::host).unwrap_or_default();
                vec![host.trim_matches(['[', ']']).to_owned()]
            }
        }
    }
}

/// Why the webhook cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    #[error("the admission webhook cannot listen on {0}: {1}; give another --admission-listen")]
    Listen(SocketAddr, std::io::Error),
    #[error("the admission webhook's TLS cannot start: {0}")]
    Tls(String),
    #[error("{0}")]
    Sign(String),
    #[error("the admission webhook cannot be registered: {0}")]
    Cluster(#[from] ClusterError),
}

impl From<CannotSign> for DoorError {
    fn from(error: CannotSign) -> Self {
        Self::Sign(error.to_string())
    }
}

/// What is known of Repositories.
#[derive(Default)]
pub(super) struct Laws {
    known: Mutex<Known>,
    /// There is something to register.
    pub changed: Notify,
}

#[derive(Default)]
struct Known {
    laws: BTreeMap<RepositoryId, Arc<Law>>,
    /// Of Repositories that have no door, or are gone: what was registered for them before is
    /// taken out.
    closed: HashSet<RepositoryId>,
    /// All Repositories that there are, once they have been listed.
    listed: Option<HashSet<RepositoryId>>,
}

impl Laws {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, id: &RepositoryId) -> Option<Arc<Law>> {
        self.lock().laws.get(id).cloned()
    }

    pub(super) fn all(&self) -> BTreeMap<RepositoryId, Arc<Law>> {
        self.lock().laws.clone()
    }

    /// Whether what a host before this one registered for a Repository still holds.
    pub(super) fn inherits(&self, id: &RepositoryId) -> bool {
        let known = self.lock();
        let there = known.listed.as_ref().is_none_or(|all| all.contains(id));
        there && !known.closed.contains(id) && !known.laws.contains_key(id)
    }

    pub(super) fn learn(
        &self,
        id: RepositoryId,
        spec: &RepositorySpec,
        evaluation: Arc<Evaluation>,
        live: &LiveNamespaces,
    ) {
        let mut known = self.lock();
        match spec.admission {
            Some(policy) => {
                known.closed.remove(&id);
                let before = known.laws.get(&id).map(|law| &**law);
                let law = Law::new(policy, spec, evaluation, live, before);
                known.laws.insert(id, Arc::new(law));
            }
            None => {
                drop(known);
                return self.close(id);
            }
        }
        drop(known);
        self.changed.notify_one();
    }

    fn close(&self, id: RepositoryId) {
        let mut known = self.lock();
        known.laws.remove(&id);
        if known.closed.insert(id) {
            drop(known);
            self.changed.notify_one();
        }
    }
}

/// The webhook of this host; it ends with this value.
pub struct Door {
    laws: Arc<Laws>,
    _running: JoinSet<()>,
}

impl Door {
    /// Listens, and asks the API server to ask here. Returns when what was registered before leads
    /// here.
    pub async fn open(cluster: &Cluster, options: Options) -> Result<Self, DoorError> {
        let listen = options.listen;
        let listener = TcpListener::bind(listen)
            .await
            .map_err(|error| DoorError::Listen(listen, error))?;
        let laws = Arc::new(Laws::default());
        let serving = Arc::new(Shown::default());
        let own_user = cluster.own_user().await?;
        let server = Server::new(laws.clone(), &serving, own_user.clone(), cluster.clone())
            .map_err(|error| DoorError::Tls(error.to_string()))?;
        let mut registration =
            Registration::new(cluster.clone(), options, laws.clone(), serving, own_user);
        // A lease does not hold for long while nobody renews it.
        match tokio::time::timeout(BEGIN, registration.begin()).await {
            Ok(begun) => begun?,
            Err(_) => return Err(ClusterError::TimedOut(BEGIN.as_secs()).into()),
        }
        let mut running = JoinSet::new();
        running.spawn(server.serve(listener));
        running.spawn(registration.keep());
        tracing::info!(%listen, "the admission webhook is served");
        Ok(Self {
            laws,
            _running: running,
        })
    }

    /// A Repository's newest revision was evaluated. Without a policy it has no door.
    pub fn learn(
        &self,
        id: RepositoryId,
        spec: &RepositorySpec,
        evaluation: Arc<Evaluation>,
        live: &LiveNamespaces,
    ) {
        self.laws.learn(id, spec, evaluation, live);
    }

    /// A Repository is gone.
    pub fn forget(&self, id: RepositoryId) {
        self.laws.close(id);
    }

    /// These are all Repositories that there are.
    pub fn listed(&self, all: HashSet<RepositoryId>) {
        let mut known = self.laws.lock();
        known.laws.retain(|id, _| all.contains(id));
        known.closed.retain(|id| all.contains(id));
        known.listed = Some(all);
        drop(known);
        self.laws.changed.notify_one();
    }
}
