//! The health of a live kit, from what its watches show.

use std::time::Duration;

use crate::health::Health;
use crate::kit::{Kit, KitStatus};
use crate::manifest::{Manifest, ObjectKey};
use crate::pipeline::Secrets;

use super::kit::Task;
use super::outcome::{KitHealth, Outcome};

/// How long a kit has until its first report says that it is on its way: most are there by then.
const FIRST_REPORT: Duration = Duration::from_secs(1);
/// After that time, what pods say is worth a watch.
pub(super) const PODS_AFTER: Duration = Duration::from_secs(5);

impl Task {
    pub(super) fn health(&self, kit: &Kit, manifests: &[Manifest], changed: usize) -> KitHealth {
        let (set, watched) = (self.set(), self.shared.cluster.watched());
        let mut objects: Vec<(ObjectKey, Health)> = watched.read(|inventory| {
            let owned = inventory.owned_by(&set);
            owned
                .filter(|(_, live)| !live.health.is_current())
                .map(|(key, live)| (key.clone(), live.health.clone()))
                .collect()
        });
        objects.sort_by_key(|(_, health)| !matches!(health, Health::Failed(_)));
        let age = self.age(kit, changed);
        let pods: Vec<(ObjectKey, String)> = match age >= PODS_AFTER {
            true => objects
                .iter()
                .filter_map(|(key, _)| Some((key.clone(), selector(key, manifests)?)))
                .collect(),
            false => Vec::new(),
        };
        watched.watch_pods(&set, &pods);
        let mut secrets = Secrets::default();
        if !objects.is_empty() {
            secrets.add_objects(manifests.iter().map(|it| &it.object));
            secrets.join(&self.verdict.rendered.given);
        }
        for (key, health) in &mut objects {
            let (Health::Progressing(message) | Health::Failed(message)) = health else {
                continue;
            };
            if let Some(words) = watched.pod_words(key) {
                message.push_str("; ");
                message.push_str(&words);
            }
            // A program that ends tells why in its own words, and may quote what it was handed.
            *message = secrets.masked(message);
        }
        let deadline = self.verdict.kit.policy.health_deadline;
        KitHealth {
            overdue: Some(deadline).filter(|deadline| !objects.is_empty() && age >= *deadline),
            objects,
        }
    }

    /// For how long the kit has been live as it is now.
    fn age(&self, kit: &Kit, changed: usize) -> Duration {
        let status = kit.status.as_ref();
        let inputs = self.verdict.kit.inputs.to_string();
        let revision = self.revision(Some(kit));
        let same = |status: &&KitStatus| {
            self.quarantine.is_some() || status.inputs.as_deref() == Some(inputs.as_str())
        };
        let applied = status
            .filter(same)
            .and_then(|status| status.applied.as_ref())
            .filter(|applied| changed == 0 && applied.revision == revision.as_str());
        let Some(applied) = applied else {
            return Duration::ZERO;
        };
        let at = applied.at.as_deref().unwrap_or_default();
        let deadline = self.verdict.kit.policy.health_deadline;
        self.shared.ages.of(&self.set(), kit, at, deadline)
    }

    /// When to look at the kit again, if nothing happens.
    pub(super) fn look_in(&self, kit: Option<&Kit>, outcome: &Outcome) -> Option<Duration> {
        let Outcome::Applied {
            health, changed, ..
        } = outcome
        else {
            return None;
        };
        if health.objects.is_empty() || health.overdue.is_some() {
            return None;
        }
        let age = kit.map(|kit| self.age(kit, *changed)).unwrap_or_default();
        let deadline = self.verdict.kit.policy.health_deadline;
        let next = [FIRST_REPORT, PODS_AFTER, deadline];
        // A little later, so that the time has surely come.
        let later = Duration::from_millis(50);
        next.into_iter()
            .find(|at| *at > age)
            .map(|at| at - age + later)
    }
}

/// The label selector of a workload's pods, as its manifest has it.
pub(super) fn selector(key: &ObjectKey, manifests: &[Manifest]) -> Option<String> {
    let object = match (&*key.group_kind.group, &*key.group_kind.kind) {
        ("batch", "Job") => return Some(format!("batch.kubernetes.io/job-name={}", key.name)),
        ("apps", _) => {
            &manifests
                .iter()
                .find(|manifest| manifest.key() == *key)?
                .object
        }
        _ => return None,
    };
    let labels = object["spec"]["selector"]["matchLabels"].as_object()?;
    let terms: Vec<String> = labels
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", value.as_str()?)))
        .collect();
    (!terms.is_empty()).then(|| terms.join(","))
}
