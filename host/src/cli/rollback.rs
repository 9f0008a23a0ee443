//! `trimtab rollback`.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use clap::Args;
use kube::ResourceExt as _;
use serde_json::json;

use super::ask::{HostApi, HostArgs};
use super::target::Target;
use super::{Failure, Outcome, diff, paint, revert};
use crate::cluster::Cluster;
use crate::kit::{Kit, RevisionStatus};
use crate::reconcile::Diff;
use crate::sandbox::clean;
use crate::source::Revision;

/// Go back to a revision that was good, and stay there until `resume`
///
/// Shows what would change, and asks. The kit gets the files and the rules that it had at that
/// revision; commits that come meanwhile wait. With --commit the files of the repository go back
/// instead, by a commit in this clone.
///
///   trimtab rollback kits/acme/shop --reason 'the lamp flickers'
///   trimtab rollback kits/acme/shop --to 1a2b3c4 --reason 'the lamp flickers'
///   trimtab rollback --all --reason 'nothing answers'
///   trimtab rollback kits/acme/shop --commit --reason 'the lamp flickers'
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Rollback {
    /// A kit's path; with --all a Repository's name, if there are several
    #[arg(required_unless_present = "all")]
    name: Option<String>,
    /// The whole platform: every kit of the Repository, in the order of their dependencies
    #[arg(long)]
    all: bool,
    /// The revision: its id, or the first seven digits or more [default: the last healthy one before
    /// the one that is live]
    #[arg(long, value_name = "REV")]
    to: Option<String>,
    /// Why; it is recorded
    #[arg(long, value_name = "TEXT", required_unless_present = "dry_run")]
    reason: Option<String>,
    /// Also to a revision that is not known to have been healthy
    #[arg(long)]
    unproven: bool,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
    /// Neither show what would change nor ask
    #[arg(short, long)]
    yes: bool,
    /// Do not wait until it is live
    #[arg(long)]
    no_wait: bool,
    /// Make a commit in this clone that brings the files back, and leave the cluster to it
    #[arg(long)]
    commit: bool,
    /// Push that commit, as `git push` does
    #[arg(long, requires = "commit")]
    push: bool,
    /// The namespace of the Repository and its Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    host: HostArgs,
}

/// How long it may take until it is live and healthy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a line about a commit.
const LINE: usize = 1024;

impl Rollback {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        if let (true, Some(to)) = (self.commit, &self.to) {
            // The clone has all that is needed.
            let kit = self.name.as_deref().filter(|_| !self.all);
            return self.revert(kit, to);
        }
        super::block_on(self.roll_back())
    }

    async fn roll_back(self) -> Result<Outcome, Failure> {
        let begun = Instant::now();
        let cluster = Cluster::connect(&self.host.cluster.options()).await?;
        let (name, namespace) = (self.name.as_deref(), self.namespace.as_deref());
        let target = Target::find(&cluster, name, namespace, self.all).await?;
        if let (Target::Repository(_), false) = (&target, self.all) {
            return Err(Failure::Usage(anyhow!(
                "{} is a Repository; `trimtab rollback --all {0}` takes all of its kits back",
                target.name()
            )));
        }
        let to = self.revision(&target)?;
        let from = live(&target).map_or("nothing", |it| &it.short);
        super::print(&format!("{}: {from} → {}\n", target.name(), told(&to)))?;
        if self.commit {
            let kit = match &target {
                Target::Kit(_) => Some(target.name()),
                Target::Repository(_) => None,
            };
            return self.revert(kit.as_deref(), &to.revision);
        }
        if self.dry_run {
            return self.show(&target, &to).await;
        }
        if target.held().1 {
            return Err(Failure::Usage(anyhow!(
                "{} is suspended, so that nothing would become of it; `trimtab resume {0}` first",
                target.name()
            )));
        }
        if let Target::Kit(kit) = &target
            && let Some(repository) = suspended(&cluster, kit).await?
        {
            return Err(Failure::Usage(anyhow!(
                "the Repository {repository} is suspended, so that nothing would become of it; `trimtab resume {repository}` first"
            )));
        }
        let asked = Instant::now();
        if !self.yes
            && let Err(Failure::Usage(error) | Failure::CannotTell(error)) =
                self.show(&target, &to).await
        {
            // A host that cannot be asked may still do as it is told.
            eprintln!("what would change cannot be shown: {error}");
        }
        if !self.yes && !agreed("Go back?")? {
            return Ok(Outcome::Findings);
        }
        let waited = asked.elapsed();
        let reason = super::said(self.reason.as_deref().unwrap_or_default())?;
        let by = cluster.own_user().await?;
        let spec = json!({"revision": to.revision, "reason": reason, "by": by});
        let target = target.ask(&cluster, &spec).await?;
        let name = target.name();
        let again = format!("`trimtab resume {name}` follows the newest revision again\n");
        if self.no_wait {
            super::print(&format!("{name} is to be held at {}\n{again}", to.short))?;
            return Ok(Outcome::Fine);
        }
        // What is not healthy there, or is refused, ends the waiting as well.
        let there = |reason: &str| !matches!(reason, "Applied" | "RolledBack");
        let Some(answer) = target.until(&cluster, PATIENCE, there).await else {
            return Err(super::suspend::not_heard(&name));
        };
        let took = begun.elapsed().saturating_sub(waited).as_secs_f64();
        super::print(&format!(
            "{name}: {} ({took:.2} s)\n{again}",
            answer.message
        ))?;
        Ok(match answer.ready {
            true => Outcome::Fine,
            false => Outcome::Findings,
        })
    }

    /// Shows what would change in the cluster.
    async fn show(&self, target: &Target, to: &RevisionStatus) -> Result<Outcome, Failure> {
        let kit = match target {
            Target::Kit(_) => Some(target.name()),
            Target::Repository(_) => None,
        };
        let namespace = target.namespace();
        let mut query = diff::query(kit.as_deref(), Some(&to.revision), Some(&namespace));
        let name = target.name();
        if kit.is_none() {
            query.push(("repository", &name));
        }
        let host = HostApi::connect(&self.host).await?;
        let answer = host.ask("/v1/diff", &query).await?;
        let told: Diff = serde_json::from_value(answer)?;
        super::print(&diff::text(&told, paint::wanted()))?;
        diff::outcome(&told)
    }

    /// The revision that is meant: one that was healthy, unless the person knows better.
    fn revision(&self, target: &Target) -> Result<RevisionStatus, Failure> {
        let known = healthy(target);
        let Some(named) = &self.to else {
            let earlier = match target {
                Target::Kit(kit) => kit.status.as_ref().and_then(|it| it.earlier()),
                Target::Repository(it) => it.status.as_ref().and_then(|it| it.earlier()),
            };
            return earlier.cloned().ok_or_else(|| {
                Failure::Usage(anyhow!(
                    "{} has no revision before the one that is live at which it was healthy; name one with --to",
                    target.name()
                ))
            });
        };
        let is_named = |it: &&RevisionStatus| Revision::new(&*it.revision).is_named_by(named);
        if let Some(found) = known.iter().find(is_named) {
            return Ok(found.clone());
        }
        if !self.unproven {
            let list: Vec<String> = known.iter().map(|it| format!("\n  {}", told(it))).collect();
            return Err(Failure::Usage(anyhow!(
                "{} is not known to have been healthy at {named}; these are:{}\n--unproven goes there all the same",
                target.name(),
                list.concat()
            )));
        }
        Ok(RevisionStatus {
            revision: named.clone(),
            short: named.chars().take(7).collect(),
            author: String::new(),
            subject: String::new(),
            committed_at: String::new(),
            at: None,
            signature: None,
        })
    }

    fn revert(&self, kit: Option<&str>, to: &str) -> Result<Outcome, Failure> {
        let reason = super::said(self.reason.as_deref().unwrap_or_default())?;
        revert::Revert {
            kit,
            to,
            reason: &reason,
            push: self.push,
            dry_run: self.dry_run,
            yes: self.yes,
        }
        .run()
    }
}

/// The name of the kit's Repository, if that is suspended.
async fn suspended(cluster: &Cluster, kit: &Kit) -> Result<Option<String>, Failure> {
    let repositories = cluster.list_repositories().await?;
    let own = repositories
        .into_iter()
        .filter(|it| it.spec.suspend && it.namespace() == kit.namespace())
        .map(|it| it.name_any());
    let mut own = own.filter(|name| kit.repository() == Some(name));
    Ok(own.next())
}

fn live(target: &Target) -> Option<&RevisionStatus> {
    match target {
        Target::Kit(kit) => kit.status.as_ref()?.applied.as_ref(),
        Target::Repository(it) => {
            let status = it.status.as_ref()?;
            status.held.as_ref().or(status.revision.as_ref())
        }
    }
}

/// Revisions that were healthy, newest first.
fn healthy(target: &Target) -> Vec<RevisionStatus> {
    match target {
        Target::Kit(kit) => {
            let status = kit.status.clone().unwrap_or_default();
            let history = status.history.into_iter().map(|it| it.revision);
            history.chain(status.healthy).collect()
        }
        Target::Repository(it) => it.status.clone().unwrap_or_default().history,
    }
}

/// `1a2b3c4 another port (Ada, 2026-11-20)`.
fn told(revision: &RevisionStatus) -> String {
    let author = revision.author.split(" <").next().unwrap_or_default();
    let day = revision.committed_at.get(..10).unwrap_or_default();
    match revision.subject.is_empty() {
        true => revision.short.clone(),
        false => {
            let told = format!("{} {} ({author}, {day})", revision.short, revision.subject);
            clean(&told, LINE)
        }
    }
}

/// Asks a person at a terminal. Where there is none, `--yes` must have said so.
pub(super) fn agreed(question: &str) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage(anyhow!(
            "nobody is there to be asked; --yes does it without asking"
        )));
    }
    eprint!("{question} [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
