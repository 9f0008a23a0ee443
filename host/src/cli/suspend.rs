//! `trimtab suspend` and `trimtab resume`.

use std::time::Duration;

use anyhow::anyhow;
use clap::Args;
use kube::ResourceExt as _;
use serde_json::json;

use super::target::Target;
use super::{ClusterArgs, Failure, Outcome};
use crate::cluster::Cluster;

/// How long the host may take to say what became of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Leave a kit or a repository alone until it is resumed; what is live stays
///
/// Of a kit, what others change is not put right either. Of a Repository, no commit is taken up.
///
///   trimtab suspend kits/acme/shop --reason 'the lamp is being repaired'
///   trimtab suspend --all
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Suspend {
    /// A kit's path, or a Repository's name
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// The Repository with all of its kits
    #[arg(long)]
    all: bool,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The namespace of the Repository and its Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Follow the newest revision again, after `rollback` or `suspend`
///
///   trimtab resume kits/acme/shop
///   trimtab resume --all
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Resume {
    /// A kit's path, or a Repository's name
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// The Repository; kits that are held by themselves stay so
    #[arg(long)]
    all: bool,
    /// Do not wait until the host has done it
    #[arg(long)]
    no_wait: bool,
    /// The namespace of the Repository and its Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Suspend {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        super::block_on(self.suspend())
    }

    async fn suspend(self) -> Result<Outcome, Failure> {
        let cluster = Cluster::connect(&self.cluster.options()).await?;
        let (name, namespace) = (self.name.as_deref(), self.namespace.as_deref());
        let target = Target::find(&cluster, name, namespace, self.all).await?;
        let mut spec = json!({"suspend": true, "reason": null, "by": cluster.own_user().await?});
        if target.held().0.is_some() && self.reason.is_none() {
            return Err(Failure::Usage(anyhow!(
                "{} is held for a reason; say why it is suspended as well: --reason",
                target.name()
            )));
        }
        if let Some(reason) = &self.reason {
            spec["reason"] = super::said(reason)?.into();
        }
        let target = target.ask(&cluster, &spec).await?;
        let name = target.name();
        let Some(answer) = target
            .until(&cluster, PATIENCE, |it| it == "Suspended")
            .await
        else {
            return Err(not_heard(&name));
        };
        super::print(&format!(
            "{name}: {}\n`trimtab resume {name}` goes on\n",
            answer.message
        ))?;
        Ok(Outcome::Fine)
    }
}

impl Resume {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        super::block_on(self.resume())
    }

    async fn resume(self) -> Result<Outcome, Failure> {
        let cluster = Cluster::connect(&self.cluster.options()).await?;
        let (name, namespace) = (self.name.as_deref(), self.namespace.as_deref());
        let target = Target::find(&cluster, name, namespace, self.all).await?;
        let name = target.name();
        if target.held() == (None, false) {
            super::print(&format!("{name} is neither held nor suspended\n"))?;
            return Ok(Outcome::Fine);
        }
        let spec = json!({"revision": null, "suspend": false, "reason": null, "by": cluster.own_user().await?});
        let target = target.ask(&cluster, &spec).await?;
        if let Target::Repository(repository) = &target {
            let own = repository.name_any();
            let held: Vec<String> = cluster
                .list_kits()
                .await?
                .iter()
                .filter(|kit| kit.namespace() == repository.namespace())
                .filter(|kit| kit.repository() == Some(&own) && kit.spec.revision.is_some())
                .filter_map(|kit| Some(kit.path()?.to_string()))
                .collect();
            if !held.is_empty() {
                super::print(&format!(
                    "held by themselves, and stay so: {}\n",
                    held.join(", ")
                ))?;
            }
        }
        if self.no_wait {
            super::print(&format!(
                "{name} follows the newest revision again; `trimtab status` tells how it goes\n"
            ))?;
            return Ok(Outcome::Fine);
        }
        let going = |reason: &str| !matches!(reason, "Held" | "Suspended");
        let Some(answer) = target.until(&cluster, PATIENCE, going).await else {
            return Err(not_heard(&name));
        };
        super::print(&format!("{name}: {}\n", answer.message))?;
        Ok(match answer.ready {
            true => Outcome::Fine,
            false => Outcome::Findings,
        })
    }
}

/// The spec is written; that it is followed was not seen.
pub(super) fn not_heard(name: &str) -> Failure {
    Failure::CannotTell(anyhow!(
        "it is asked for, but {name} has not got there in {} s; does a host run? `trimtab status` tells what it waits for",
        PATIENCE.as_secs()
    ))
}
