//! `trimtab reconcile`.

use std::collections::BTreeMap;

use clap::Args;
use kube::ResourceExt as _;

use super::target::is_called;
use super::{ClusterArgs, Failure, Outcome};
use crate::cluster::Cluster;
use crate::kit::Kit;
use crate::source::Revision;

/// Ask the host to look at a kit or a repository now
///
/// The host polls the repository at once, and looks at the kit again. A revision that stopped
/// because of what it would delete goes on with --allow-deletions, and one that a rule over changes
/// stopped with --allow-changes; that holds for this revision of this kit alone.
///
///   trimtab reconcile
///   trimtab reconcile kits/acme/shop --allow-deletions 1a2b3c4
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Reconcile {
    /// A kit's path, or a Repository's name; every Repository if nothing is said
    name: Option<String>,
    /// The revision whose deletions are meant: its id, or the first seven digits or more
    #[arg(long, value_name = "REV", requires = "name")]
    allow_deletions: Option<String>,
    /// The revision whose changes are meant, whatever rules over changes say
    #[arg(long, value_name = "REV", requires = "name")]
    allow_changes: Option<String>,
    /// The namespace of the Repository and its Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

impl Reconcile {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        super::block_on(self.ask())
    }

    async fn ask(self) -> Result<Outcome, Failure> {
        let cluster = Cluster::connect(&self.cluster.options()).await?;
        let now = jiff::Timestamp::now().to_string();
        let mut asked = Vec::new();
        let here = |namespace: Option<String>| {
            self.namespace.is_none() || namespace.as_ref() == self.namespace.as_ref()
        };
        if let Some(name) = &self.name {
            let mut kits = cluster.list_kits().await?;
            kits.retain(|kit| is_called(kit, name) && here(kit.namespace()));
            let allowed = [
                ("allowDeletions", &self.allow_deletions),
                ("allowChanges", &self.allow_changes),
            ];
            let allows = allowed.iter().any(|(_, revision)| revision.is_some());
            if let (true, [_, _, ..]) = (allows, &kits[..]) {
                let places: Vec<String> = kits.iter().filter_map(Kit::namespace).collect();
                return Err(Failure::Usage(anyhow::anyhow!(
                    "there is a kit {name} in the namespaces {}; say --namespace",
                    places.join(", ")
                )));
            }
            for kit in &kits {
                let mut said = BTreeMap::new();
                for (field, revision) in allowed {
                    if let Some(revision) = revision {
                        said.insert(field, attempted(kit, revision).map_err(Failure::Usage)?);
                    }
                }
                cluster.request_kit(kit, &now, &said).await?;
                asked.push(format!("kit {name}"));
            }
            if asked.is_empty() && allows {
                return Err(none(&format!("kit {name}")));
            }
        }
        if asked.is_empty() {
            for repository in cluster.list_repositories().await? {
                let called = repository.name_any();
                let named = self.name.as_ref().is_none_or(|name| *name == called);
                if named && here(repository.namespace()) {
                    cluster.request_repository(&repository, &now).await?;
                    asked.push(format!("Repository {called}"));
                }
            }
        }
        if asked.is_empty() {
            let what = match &self.name {
                Some(name) => format!("kit and no Repository {name}"),
                None => "Repository".into(),
            };
            return Err(none(&what));
        }
        let text: String = asked
            .iter()
            .map(|what| format!("the host was asked to look at the {what}; `trimtab status` tells what becomes of it\n"))
            .collect();
        super::print(&text)?;
        Ok(Outcome::Fine)
    }
}

fn none(what: &str) -> Failure {
    Failure::Usage(anyhow::anyhow!("there is no {what} in the cluster"))
}

/// The full id of the revision that the kit tried, if that is the one that is meant.
fn attempted(kit: &Kit, name: &str) -> anyhow::Result<String> {
    let attempted = kit
        .status
        .as_ref()
        .and_then(|status| status.attempted.as_ref());
    let Some(attempted) = attempted else {
        anyhow::bail!("{} has tried no revision yet", kit.name_any());
    };
    if !Revision::new(attempted.revision.as_str()).is_named_by(name) {
        anyhow::bail!(
            "the kit tried {}, and not {name}; give the revision that you have looked at",
            attempted.short
        );
    }
    Ok(attempted.revision.clone())
}
