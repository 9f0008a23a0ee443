//! What a person means: one kit, or a Repository with all of its kits.

use std::time::Duration;

use anyhow::anyhow;
use futures::future::ready;
use futures::{Stream, StreamExt as _};
use kube::ResourceExt as _;
use serde_json::Value;

use super::Failure;
use crate::cluster::Cluster;
use crate::kit::{Condition, ConditionStatus, Kit, KitStatus, Repository, RepositoryStatus};

pub(super) enum Target {
    Kit(Box<Kit>),
    Repository(Box<Repository>),
}

/// What became of what a person asked for.
pub(super) struct Answer {
    /// The Ready condition's.
    pub ready: bool,
    pub message: String,
}

/// Whether a kit is called so: by its path, or its object's name.
pub(super) fn is_called(kit: &Kit, name: &str) -> bool {
    kit.path().is_some_and(|path| path.as_str() == name) || kit.name_any() == name
}

impl Target {
    /// The kit, or else the Repository, of this name; with `all`, the Repository of this name, or
    /// the only one.
    pub(super) async fn find(
        cluster: &Cluster,
        name: Option<&str>,
        namespace: Option<&str>,
        all: bool,
    ) -> Result<Self, Failure> {
        let here = |there: Option<String>| namespace.is_none() || there.as_deref() == namespace;
        if let (Some(name), false) = (name, all) {
            let mut kits = cluster.list_kits().await?;
            kits.retain(|kit| is_called(kit, name) && here(kit.namespace()));
            if let Some(kit) = one(kits, &format!("kit {name}"))? {
                return Ok(Self::Kit(Box::new(kit)));
            }
        }
        let mut repositories = cluster.list_repositories().await?;
        repositories
            .retain(|it| name.is_none_or(|name| it.name_any() == name) && here(it.namespace()));
        let what = match name {
            Some(name) => format!("Repository {name}"),
            None => "Repository".into(),
        };
        if let (None, true) = (name, repositories.len() > 1) {
            let names: Vec<String> = repositories.iter().map(full_name).collect();
            return Err(Failure::Usage(anyhow!(
                "there are several Repositories ({}); say which",
                names.join(", ")
            )));
        }
        match one(repositories, &what)? {
            Some(repository) => Ok(Self::Repository(Box::new(repository))),
            None if all || name.is_none() => {
                Err(Failure::Usage(anyhow!("there is no {what} in the cluster")))
            }
            None => Err(Failure::Usage(anyhow!(
                "there is no kit and no {what} in the cluster; `trimtab status` lists them"
            ))),
        }
    }

    /// As a person would call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Kit(kit) => match kit.path() {
                Some(path) => path.to_string(),
                None => kit.name_any(),
            },
            Self::Repository(repository) => repository.name_any(),
        }
    }

    pub(super) fn namespace(&self) -> String {
        let namespace = match self {
            Self::Kit(kit) => kit.namespace(),
            Self::Repository(repository) => repository.namespace(),
        };
        namespace.unwrap_or_default()
    }

    /// The revision that it is held at, as its spec says, and whether it is suspended.
    pub(super) fn held(&self) -> (Option<&str>, bool) {
        match self {
            Self::Kit(kit) => (kit.spec.revision.as_deref(), kit.spec.suspend),
            Self::Repository(it) => (it.spec.revision.as_deref(), it.spec.suspend),
        }
    }

    /// Writes fields of its spec.
    pub(super) async fn ask(self, cluster: &Cluster, spec: &Value) -> Result<Self, Failure> {
        Ok(match self {
            Self::Kit(kit) => Self::Kit(Box::new(cluster.ask(&*kit, spec).await?)),
            Self::Repository(it) => Self::Repository(Box::new(cluster.ask(&*it, spec).await?)),
        })
    }

    /// Waits until the host has done as the spec says, by the reason of the Ready condition. `None`
    /// if it has not, in this time.
    pub(super) async fn until(
        &self,
        cluster: &Cluster,
        patience: Duration,
        done: impl Fn(&str) -> bool,
    ) -> Option<Answer> {
        let answer = async {
            match self {
                Self::Kit(kit) => {
                    let seen = cluster.watch_one(&**kit).filter_map(|it| ready(it.status));
                    let status = |it: KitStatus| (it.observed_generation, it.conditions);
                    first(seen, kit.metadata.generation, status, done).await
                }
                Self::Repository(repository) => {
                    let seen = cluster.watch_one(&**repository);
                    let seen = seen.filter_map(|it| ready(it.status));
                    let status = |it: RepositoryStatus| (it.observed_generation, it.conditions);
                    first(seen, repository.metadata.generation, status, done).await
                }
            }
        };
        tokio::time::timeout(patience, answer).await.ok().flatten()
    }
}

/// The first status that tells of this generation, and that it is done or has stopped.
async fn first<S>(
    seen: impl Stream<Item = S>,
    generation: Option<i64>,
    parts: impl Fn(S) -> (Option<i64>, Vec<Condition>),
    done: impl Fn(&str) -> bool,
) -> Option<Answer> {
    let answer = |status: S| {
        let (observed, all) = parts(status);
        let is = |kind: &str| all.iter().find(|it| it.kind == kind);
        let told = is("Ready")?;
        let good = told.status == ConditionStatus::True;
        // What waits or is on its way is not at its end.
        let stopped = is("Stalled").is_some() && is("Reconciling").is_none();
        let heard = observed >= generation && done(&told.reason);
        (heard && (good || stopped)).then(|| Answer {
            ready: good,
            message: told.message.clone(),
        })
    };
    let mut answers = std::pin::pin!(seen.filter_map(|status| ready(answer(status))));
    answers.next().await
}

fn full_name(object: &impl kube::Resource) -> String {
    format!(
        "{}/{}",
        object.namespace().unwrap_or_default(),
        object.name_any()
    )
}

/// The only one; `None` if there is none.
fn one<K: kube::Resource>(found: Vec<K>, what: &str) -> Result<Option<K>, Failure> {
    if let [_, _, ..] = &found[..] {
        let places: Vec<String> = found.iter().filter_map(K::namespace).collect();
        return Err(Failure::Usage(anyhow!(
            "there is a {what} in the namespaces {}; say --namespace",
            places.join(", ")
        )));
    }
    Ok(found.into_iter().next())
}
