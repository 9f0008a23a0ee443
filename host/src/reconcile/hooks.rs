//! Hooks of Helm's: what is sent turn by turn, what is waited for, and what has run.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::{Cluster, Progress};
use crate::kit::{HookStatus, Kit, Propagation};
use crate::manifest::{Finding, Manifest, ObjectKey, runs};
use crate::pipeline::Secrets;
use crate::plan::{Held, Hold, Plan, Prune, Step, field_manager};

use super::carry_out::awaited;
use super::drift::{Drifted, drifted};
use super::health::{PODS_AFTER, selector};
use super::kit::Task;
use super::outcome::{Outcome, Wait};

/// How long a hook that is replaced may take to be gone until the attempt ends and the watch tells.
const PATIENCE: Duration = Duration::from_secs(2);
/// A look at a time comes a little later, so that the time has surely come.
const LATER: Duration = Duration::from_millis(50);

/// What sending came to.
pub(super) struct Carried {
    /// What is left to be done.
    pub plan: Plan,
    pub changed: usize,
    /// Objects that were as planned at the beginning.
    pub left: usize,
    pub drifted: Drifted,
    pub failures: Vec<Finding>,
}

impl Task {
    /// Sends what a plan has for now, and goes on as long as hooks let it.
    pub(super) async fn send(
        &self,
        cluster: &Cluster,
        kit: &Kit,
        manifests: &[Manifest],
        plan: Plan,
    ) -> Carried {
        let manager = field_manager(&self.object_name(), &self.namespace());
        let were = self.were.as_ref().map_or(&[][..], |it| &it.manifests);
        let mut secrets = Secrets::default();
        if !plan.steps.is_empty() {
            secrets.add_objects(were.iter().map(|it| &it.object));
            secrets.add_objects(plan.steps.iter().map(|it| &it.body));
            secrets.join(&self.verdict.rendered.given);
            self.were.iter().for_each(|it| secrets.join(&it.given));
        }
        let mut carried = Carried {
            left: plan.left.len(),
            plan,
            changed: 0,
            drifted: Drifted::default(),
            failures: Vec::new(),
        };
        let mut sent: Option<ObjectKey> = None;
        loop {
            let plan = &carried.plan;
            let told_of = |step: &Step, progress| match progress {
                Progress::Begun => self.sent.begun(step),
                Progress::Taken => self.sent.taken(step, plan, were, &secrets),
                Progress::Refused => self.sent.refused(step),
            };
            let applied = cluster.apply(plan, &manager, &told_of).await;
            let now = jiff::Timestamp::now().to_string();
            carried
                .drifted
                .add(drifted(plan, &applied, &self.held, &now));
            carried.changed += applied.changed;
            // The API server quotes what it does not take.
            carried
                .failures
                .extend(applied.failures.into_iter().map(|it| Finding {
                    message: secrets.masked(&it.message),
                    ..it
                }));
            let Some(hold) = plan.hold.clone().filter(|_| carried.failures.is_empty()) else {
                return carried;
            };
            let goes_on = match &hold.why {
                // What is gone again as soon as it is made is not made without end.
                Held::Sent => sent.replace(hold.key.clone()) != Some(hold.key),
                Held::Replaced(prune) => self.make_way(cluster, prune, &mut carried).await,
                Held::Runs { .. } | Held::Failed { .. } | Held::Deleted => false,
            };
            if !goes_on {
                return carried;
            }
            carried.plan = self.plan(kit, manifests);
            let refused = carried.plan.refused.drain(..);
            carried.failures.extend(refused);
            if !carried.failures.is_empty() {
                return carried;
            }
        }
    }

    /// Deletes a hook that ran by another manifest. Whether it is gone.
    async fn make_way(&self, cluster: &Cluster, hook: &Prune, carried: &mut Carried) -> bool {
        let granted = |key: &ObjectKey| self.sent.deleted(key);
        let hooks = std::slice::from_ref(hook);
        let pruned = cluster
            .prune(hooks, &self.set(), Propagation::Background, &granted)
            .await;
        carried.changed += pruned.deleted.len();
        carried.failures.extend(pruned.findings);
        carried.failures.is_empty()
            && cluster
                .watched()
                .until(PATIENCE, |inventory| inventory.get(&hook.key).is_none())
                .await
    }

    /// What a kit comes to that a hook holds, and when to look at it again if nothing happens.
    pub(super) fn held_by(
        &self,
        hold: &Hold,
        manifests: &[Manifest],
    ) -> (Outcome, Option<Finding>, Option<Duration>) {
        let key = &hold.key;
        match &hold.why {
            Held::Replaced(_) | Held::Deleted => (awaited(std::slice::from_ref(key)), None, None),
            Held::Sent => (waiting(key, "it is not there yet"), None, None),
            Held::Failed { words } => {
                let words = self.with_pods(key, words, manifests);
                let message = format!("{key}, a hook, has failed: {words}");
                let hint = "mend it and commit, or delete it to have it run again; nothing that comes after it was sent";
                let finding = told("hook-failed", hold, &message).hint(hint);
                (Outcome::HookFailed { message }, Some(finding), None)
            }
            Held::Runs { uid, words } => {
                let age = self.shared.ages.of_hook(&self.set(), uid);
                let deadline = self.verdict.kit.policy.health_deadline;
                let words = match age >= PODS_AFTER {
                    true => self.with_pods(key, words, manifests),
                    false => words.clone(),
                };
                if age < deadline {
                    let next = match age < PODS_AFTER {
                        true => PODS_AFTER.min(deadline),
                        false => deadline,
                    };
                    return (waiting(key, &words), None, Some(next - age + LATER));
                }
                let seconds = deadline.as_secs();
                let message = format!("{key}, a hook, is not complete after {seconds} s: {words}");
                let hint = "the kit goes on when it is complete; or mend it and commit";
                let finding = told("hook-overdue", hold, &message).hint(hint);
                (Outcome::HookFailed { message }, Some(finding), None)
            }
        }
    }

    /// A Job's words, with what its pods say.
    fn with_pods(&self, key: &ObjectKey, words: &str, manifests: &[Manifest]) -> String {
        let watched = self.shared.cluster.watched();
        let pods = selector(key, manifests).map(|selector| (key.clone(), selector));
        watched.watch_pods(&self.set(), pods.as_slice());
        match watched.pod_words(key) {
            Some(pods) => format!("{words}; {pods}"),
            None => words.to_owned(),
        }
    }

    /// What the status is to keep of hooks: of each the digest by which it ran last.
    pub(super) fn ran(
        &self,
        kit: &Kit,
        manifests: &[Manifest],
        plan: &Plan,
        live: bool,
    ) -> Vec<HookStatus> {
        let passed = plan.passed.iter().filter(|_| live);
        let now: Vec<&(ObjectKey, Arc<str>)> = plan.ran.iter().chain(passed).collect();
        let before = kit.status.iter().flat_map(|status| &status.hooks);
        let mut keys: Vec<ObjectKey> = manifests.iter().map(Manifest::key).collect();
        keys.retain(|key| runs(&key.group_kind));
        keys.sort();
        let digest = |key: &ObjectKey| {
            let now = now.iter().find(|(ran, _)| ran == key);
            let name = key.to_string();
            let kept = || before.clone().find(|it| it.object == name);
            now.map(|(_, digest)| digest.to_string())
                .or_else(|| Some(kept()?.digest.clone()))
        };
        let status = |key: ObjectKey| {
            Some(HookStatus {
                digest: digest(&key)?,
                object: key.to_string(),
            })
        };
        keys.into_iter().filter_map(status).collect()
    }
}

fn waiting(key: &ObjectKey, words: &str) -> Outcome {
    Outcome::Waiting {
        reason: "WaitingForHook",
        message: format!("waits for {key}, a hook, to be complete: {words}"),
        on: vec![Wait::Objects],
    }
}

fn told(rule: &str, hold: &Hold, message: &str) -> Finding {
    Finding::host_error(rule, message)
        .about(hold.key.clone())
        .at(hold.origin.clone())
}
