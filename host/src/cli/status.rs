//! `trimtab status`.

use clap::Args;
use kube::ResourceExt as _;
use serde_json::json;

use super::{ClusterArgs, Failure, Outcome, Output, counted};
use crate::cluster::Cluster;
use crate::kit::{Condition, ConditionStatus, Kit, KitStatus, Repository, RepositoryStatus};

/// Show what is live, what was refused, and why
///
/// Exits with 1 if a kit or repository is not ready.
///
///   trimtab status
///   trimtab status kits/acme/shop --output json
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Status {
    /// A kit's path, or a Repository's name; all if nothing is said
    name: Option<String>,
    /// The namespace of the Repositories and Kits; all if nothing is said
    #[arg(short, long, value_name = "NAME")]
    namespace: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    #[arg(short, long, value_enum, default_value = "text")]
    output: Output,
}

impl Status {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let (mut repositories, mut kits) = super::block_on(async {
            let cluster = Cluster::connect(&self.cluster.options()).await?;
            Ok((
                cluster.list_repositories().await?,
                cluster.list_kits().await?,
            ))
        })?;
        if self.namespace.is_some() {
            repositories.retain(|it| it.namespace() == self.namespace);
            kits.retain(|it| it.namespace() == self.namespace);
        }
        let wanted = |kit: &&Kit| match (&self.name, &kit.status) {
            (None, _) => true,
            (Some(name), Some(status)) => {
                *name == status.path || *name == status.repository || *name == kit.name_any()
            }
            (Some(name), None) => *name == kit.name_any(),
        };
        let kits: Vec<&Kit> = kits.iter().filter(wanted).collect();
        let named = |repository: &&Repository| {
            let name = repository.name_any();
            self.name.as_ref().is_none_or(|wanted| {
                *wanted == name
                    || kits
                        .iter()
                        .any(|kit| kit.status.as_ref().is_some_and(|it| it.repository == name))
            })
        };
        let repositories: Vec<&Repository> = repositories.iter().filter(named).collect();
        if let (Some(name), true, true) = (&self.name, kits.is_empty(), repositories.is_empty()) {
            return Err(Failure::Usage(anyhow::anyhow!(
                "there is no kit and no Repository {name} in the cluster"
            )));
        }
        match self.output {
            Output::Json => super::print(&format!(
                "{:#}\n",
                json!({"repositories": repositories, "kits": kits})
            ))?,
            Output::Text => super::print(&text(&repositories, &kits))?,
        }
        let fine = kits
            .iter()
            .all(|kit| ready(kit.status.as_ref().map(|it| &it.conditions[..])))
            && repositories
                .iter()
                .all(|it| ready(it.status.as_ref().map(|it| &it.conditions[..])));
        Ok(if fine {
            Outcome::Fine
        } else {
            Outcome::Findings
        })
    }
}

fn condition(conditions: Option<&[Condition]>) -> Option<&Condition> {
    conditions?
        .iter()
        .find(|condition| condition.kind == "Ready")
}

fn ready(conditions: Option<&[Condition]>) -> bool {
    condition(conditions).is_some_and(|condition| condition.status == ConditionStatus::True)
}

fn text(repositories: &[&Repository], kits: &[&Kit]) -> String {
    let mut text = String::new();
    for repository in repositories {
        let name = repository.name_any();
        let status = repository.status.clone().unwrap_or_default();
        let condition = condition(Some(&status.conditions));
        text.push_str(&format!("{name}  {}\n", repository.spec.url));
        if let Some(revision) = &status.revision {
            text.push_str(&format!(
                "  {} {} ({})\n",
                revision.short, revision.subject, revision.author
            ));
        }
        text.push_str(&format!(
            "  {}\n",
            condition.map_or("not looked at yet", |it| it.message.as_str())
        ));
        text.push_str(&besides(repository, &status));
        text.push('\n');
        let own: Vec<&&Kit> = kits
            .iter()
            .filter(|kit| {
                kit.status
                    .as_ref()
                    .is_some_and(|status| status.repository == name)
            })
            .collect();
        text.push_str(&table(&own));
    }
    let of_repositories = repositories.iter().filter_map(|it| it.status.as_ref());
    for finding in of_repositories.flat_map(|status| &status.findings) {
        text.push_str(&format!("\n{finding}\n"));
    }
    for kit in kits {
        let Some(status) = &kit.status else { continue };
        let shown = status
            .findings
            .iter()
            .filter(|it| it.severity != crate::manifest::Severity::Info || it.exempt.is_some());
        for finding in shown {
            text.push_str(&format!("\n{finding}\n"));
        }
        text.push_str(&held(status));
        text.push_str(&health_and_drift(status));
    }
    text
}

/// Who keeps it as it is, who could not be told of it, and what became of its record.
fn besides(repository: &Repository, status: &RepositoryStatus) -> String {
    let mut text = String::new();
    let spec = &repository.spec;
    if spec.suspend {
        let by = spec.by.as_deref().unwrap_or("its spec");
        let reason = spec.reason.as_deref().unwrap_or("no reason is given");
        text.push_str(&format!("  suspended by {by}: {reason}\n"));
    }
    let targets = status.notifications.iter().flat_map(|it| &it.targets);
    for target in targets {
        if let Some(problem) = &target.problem {
            text.push_str(&format!("  {} is not told: {problem}\n", target.name));
        } else if !target.given_up.is_empty() {
            let count = counted(target.given_up.len(), "event");
            text.push_str(&format!("  {} was not told of {count}\n", target.name));
        }
    }
    if let Some(lost) = status.record.as_ref().and_then(|it| it.lost.as_ref()) {
        text.push_str(&format!(
            "  its history does not continue the one before, which had got to {lost}\n"
        ));
    }
    text
}

/// Who holds a kit, and why.
fn held(status: &KitStatus) -> String {
    let ready = condition(Some(&status.conditions));
    let held = ready.filter(|it| matches!(it.reason.as_str(), "Held" | "Suspended"));
    let told = held.map(|it| format!("\n{}: {}\n", status.path, it.message));
    told.unwrap_or_default()
}

/// Objects on their way or in trouble, and what others changed.
fn health_and_drift(status: &KitStatus) -> String {
    let health = status.health.iter().map(|it| {
        let object = &it.object;
        format!(
            "\n{}: {object} is {}: {}\n",
            status.path, it.health, it.message
        )
    });
    let drift = status.drift.iter().map(|it| {
        let by = it.manager.as_deref().unwrap_or("somebody");
        let at = it.changed_at.as_deref().unwrap_or(&it.at);
        let (object, fields) = (&it.object, it.fields.join(", "));
        let now = if it.corrected { "put right" } else { "left so" };
        format!(
            "\n{}: {object}: {fields} was changed by {by} at {at}, and {now}\n",
            status.path
        )
    });
    health.chain(drift).collect()
}

fn table(kits: &[&&Kit]) -> String {
    let mut rows = vec![
        [
            "KIT", "READY", "LIVE", "TRIED", "OBJECTS", "AUTHOR", "SUBJECT",
        ]
        .map(str::to_owned),
    ];
    for kit in kits {
        let status = kit.status.clone().unwrap_or_default();
        let short = |revision: &Option<crate::kit::RevisionStatus>| {
            revision
                .as_ref()
                .map_or("-".to_owned(), |revision| revision.short.clone())
        };
        let tried = status.attempted.clone();
        let author = tried
            .as_ref()
            .map(|it| it.author.split(" <").next().unwrap_or_default().to_owned());
        rows.push([
            status.path.clone(),
            condition(Some(&status.conditions)).map_or("-".into(), |it| it.reason.clone()),
            short(&status.applied),
            short(&status.attempted),
            status.objects.to_string(),
            author.unwrap_or_default(),
            tried.map(|it| it.subject).unwrap_or_default(),
        ]);
    }
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..7).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        format!("  {}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_holds_what_and_what_could_not_be_told_are_shown() {
        let repository = json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Repository",
            "metadata": {"name": "platform"},
            "spec": {"url": "https://example.org/a/b", "kits": [], "suspend": true, "by": "Ada", "reason": "tea"},
            "status": {"record": {"sequence": 1, "hash": "x", "lost": "7:9f86"}, "notifications": {"targets": [
                {"name": "commit-status", "problem": "given up: answered 422"},
                {"name": "room", "givenUp": ["2026-11-27T08:00:00Z"]}]}}});
        let repository: Repository = serde_json::from_value(repository).expect("a Repository");
        let kit = json!({"apiVersion": "trimtab.io/v1alpha1", "kind": "Kit",
            "metadata": {"name": "a"}, "spec": {}, "status": {"path": "kits/a", "repository": "platform",
                "conditions": [{"type": "Ready", "status": "True", "reason": "Held",
                    "message": "1a2b3c4 is live; held by Bob: cake", "lastTransitionTime": ""}]}});
        let kit: Kit = serde_json::from_value(kit).expect("a Kit");
        let shown = text(&[&repository], &[&kit]);
        for line in [
            "  suspended by Ada: tea\n",
            "  commit-status is not told: given up: answered 422\n",
            "  room was not told of 1 event\n",
            "  its history does not continue the one before, which had got to 7:9f86\n",
            "\nkits/a: 1a2b3c4 is live; held by Bob: cake\n",
        ] {
            assert!(shown.contains(line), "{line}{shown}");
        }
    }
}
