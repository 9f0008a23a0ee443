//! One host acts: a Lease (coordination.k8s.io) says which. As in client-go, a candidate judges a
//! lease by how long it has not seen it change, never by comparing clocks; and a host whose lease
//! was not renewed in time sends nothing more, before another can have taken it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::Api;
use kube::api::PostParams;
use tokio::time::Instant;

use super::{Cluster, ClusterError};

/// A lease that was not renewed for this long may be taken by another host.
const DURATION: Duration = Duration::from_secs(10);
/// Between two renewals, and between two looks of a candidate.
const PERIOD: Duration = Duration::from_secs(2);
/// How much earlier than others may act the holder stops acting: more than a request takes that
/// was let through at the last moment.
const MARGIN: Duration = Duration::from_secs(3);
/// How long one exchange about the lease may take.
const EXCHANGE: Duration = Duration::from_secs(2);

/// Until when this host may write. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Fence {
    until: Arc<Mutex<Option<Instant>>>,
}

impl Fence {
    fn set(&self, until: Instant) {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// For how long that is.
    fn left(&self) -> Duration {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.map_or(DURATION, |until| {
            until.saturating_duration_since(Instant::now())
        })
    }

    /// True where no lease is asked for, as in `trimtab status`.
    pub(super) fn may_write(&self) -> bool {
        let until = *self.until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_none_or(|until| Instant::now() < until)
    }
}

/// Why this host no longer acts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseLost {
    #[error("the lease {0} was taken by {1}; this host no longer acts")]
    Taken(String, String),
    #[error("the lease {0} could not be renewed in time; this host no longer acts")]
    NotRenewed(String),
}

/// A lease, and who wants it.
#[derive(Clone, Debug)]
pub struct Candidate {
    pub namespace: String,
    pub name: String,
    /// Of this host, and of no other that may be alive.
    pub identity: String,
}

impl Candidate {
    fn lease(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }
}

/// What a look at the lease came to.
enum Looked {
    Held,
    By(String),
}

/// What a candidate has seen, and when it changed.
#[derive(Default)]
struct Observed {
    version: Option<String>,
    since: Option<Instant>,
    /// What the API server answered to the last renewal: the next one need not ask first.
    renewed: Option<Lease>,
}

impl Cluster {
    /// Waits until this host holds the lease.
    pub async fn lead(&self, candidate: &Candidate) -> Result<(), ClusterError> {
        let mut observed = Observed::default();
        let mut told = None;
        loop {
            match self.look(candidate, &mut observed).await {
                Ok(Looked::Held) => {
                    tracing::info!(lease = %candidate.lease(), identity = %candidate.identity, "this host acts");
                    return Ok(());
                }
                Ok(Looked::By(holder)) => {
                    if told.as_ref() != Some(&holder) {
                        tracing::info!(lease = %candidate.lease(), %holder, "another host acts; this one waits");
                        told = Some(holder);
                    }
                }
                // A conflict: another candidate was quicker, and the next look tells who.
                Err(error) if error.is_passing() || error.is_conflict() => {
                    tracing::debug!(%error, "the lease cannot be taken; will be tried again");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(PERIOD).await;
        }
    }

    /// Renews the lease for as long as that is possible.
    pub async fn keep_leading(&self, candidate: &Candidate) -> LeaseLost {
        let mut observed = Observed::default();
        loop {
            tokio::time::sleep(PERIOD.min(self.fence.left())).await;
            match self.look(candidate, &mut observed).await {
                Ok(Looked::Held) => {}
                Ok(Looked::By(holder)) => return LeaseLost::Taken(candidate.lease(), holder),
                Err(error) => {
                    tracing::warn!(%error, "the lease was not renewed; will be tried again");
                }
            }
            if !self.fence.may_write() {
                return LeaseLost::NotRenewed(candidate.lease());
            }
        }
    }

    /// Gives the lease back, so that another host need not wait.
    pub async fn stop_leading(&self, candidate: &Candidate) {
        let api: Api<Lease> = Api::namespaced(self.unfenced.clone(), &candidate.namespace);
        let given_back = async {
            let mut lease = api.get(&candidate.name).await?;
            let spec = lease.spec.get_or_insert_default();
            if spec.holder_identity.as_deref() == Some(&candidate.identity) {
                spec.holder_identity = None;
                api.replace(&candidate.name, &PostParams::default(), &lease)
                    .await?;
            }
            Ok::<_, kube::Error>(())
        };
        self.fence.set(Instant::now());
        if let Ok(Err(error)) = tokio::time::timeout(EXCHANGE, given_back).await {
            tracing::debug!(%error, "the lease was not given back; it will run out");
        }
    }

    /// Takes or renews the lease, if that is possible. Every change names the version that was seen.
    async fn look(
        &self,
        candidate: &Candidate,
        observed: &mut Observed,
    ) -> Result<Looked, ClusterError> {
        // Others count from when the API server took it, which is later.
        let began = Instant::now();
        let exchange = self.exchange(candidate, observed);
        let looked = match tokio::time::timeout(EXCHANGE, exchange).await {
            Ok(looked) => looked?,
            Err(_) => return Err(ClusterError::TimedOut(EXCHANGE.as_secs())),
        };
        if matches!(looked, Looked::Held) {
            self.fence.set(began + DURATION - MARGIN);
        }
        Ok(looked)
    }

    async fn exchange(
        &self,
        candidate: &Candidate,
        observed: &mut Observed,
    ) -> Result<Looked, ClusterError> {
        let api: Api<Lease> = Api::namespaced(self.unfenced.clone(), &candidate.namespace);
        let now = MicroTime(k8s_openapi::jiff::Timestamp::now());
        let params = PostParams::default();
        let known = match observed.renewed.take() {
            Some(lease) => Some(lease),
            None => api.get_opt(&candidate.name).await?,
        };
        let Some(mut lease) = known else {
            let new = Lease {
                metadata: ObjectMeta {
                    name: Some(candidate.name.clone()),
                    ..ObjectMeta::default()
                },
                spec: Some(LeaseSpec {
                    holder_identity: Some(candidate.identity.clone()),
                    lease_duration_seconds: Some(DURATION.as_secs() as i32),
                    acquire_time: Some(now.clone()),
                    renew_time: Some(now),
                    lease_transitions: Some(0),
                    ..LeaseSpec::default()
                }),
            };
            observed.renewed = Some(api.create(&params, &new).await?);
            return Ok(Looked::Held);
        };
        if observed.version != lease.metadata.resource_version {
            observed
                .version
                .clone_from(&lease.metadata.resource_version);
            observed.since = Some(Instant::now());
        }
        let spec = lease.spec.get_or_insert_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        let own = holder == candidate.identity;
        let expired = observed
            .since
            .is_some_and(|since| since.elapsed() >= DURATION);
        if !own && !holder.is_empty() && !expired {
            return Ok(Looked::By(holder));
        }
        if !own {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
        }
        spec.holder_identity = Some(candidate.identity.clone());
        spec.lease_duration_seconds = Some(DURATION.as_secs() as i32);
        spec.renew_time = Some(now);
        observed.renewed = Some(api.replace(&candidate.name, &params, &lease).await?);
        Ok(Looked::Held)
    }
}
