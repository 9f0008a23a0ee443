//! What the platform team's ConfigMaps and Secrets hold, watched as long as a Repository names them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::kit::{Supplied, Supply};

use super::repository::Actor;

/// How long an evaluation waits until each was looked at once.
const FIRST_LOOK: Duration = Duration::from_secs(10);

/// By the names of `spec.values`.
#[derive(Default)]
pub(super) struct Supplies {
    watches: BTreeMap<String, Watch>,
    changed: Arc<Notify>,
}

/// Nothing before it was looked at.
type Look = Arc<watch::Sender<Option<Supply>>>;

struct Watch {
    /// Whether it is a Secret, and its name.
    object: (bool, String),
    look: Look,
    task: AbortHandle,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Supplies {
    /// Resolves when one of them has become another.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn looks(&self) -> Looks {
        let looks = self.watches.iter();
        Looks(
            looks
                .map(|(name, it)| (name.clone(), it.look.clone()))
                .collect(),
        )
    }
}

/// What is watched, to be taken beside the actor.
pub(super) struct Looks(Vec<(String, Look)>);

impl Looks {
    /// What they hold, once each was looked at, or the time for that is over.
    pub(super) async fn taken(self) -> Supplied {
        let until = tokio::time::Instant::now() + FIRST_LOOK;
        let mut all = Vec::new();
        for (name, look) in self.0 {
            let mut seen = look.subscribe();
            let looked = seen.wait_for(Option::is_some);
            let found = match tokio::time::timeout_at(until, looked).await {
                Ok(Ok(found)) => found.clone(),
                _ => None,
            };
            let supply = found.unwrap_or_else(|| {
                let seconds = FIRST_LOOK.as_secs();
                let late =
                    Supply::Unknown(format!("the API server did not show it within {seconds} s"));
                // What comes later is a change then.
                look.send_if_modified(|it| {
                    it.get_or_insert_with(|| late.clone());
                    false
                });
                late
            });
            all.push((name, supply));
        }
        Supplied::of(all)
    }
}

impl Actor {
    /// Watches what the spec names, and nothing else.
    pub(super) fn follow_supplies(&mut self) {
        let namespace = self.namespace();
        let wanted = &self.repository.spec.values;
        let mut before = std::mem::take(&mut self.supplies.watches);
        for source in wanted.iter().filter(|it| !it.object().is_empty()) {
            let object = (source.is_secret(), source.object().to_owned());
            let known = before.remove(&source.name);
            let watch = known.filter(|it| it.object == object).unwrap_or_else(|| {
                let (secret, name) = &object;
                let mut seen = self.shared.cluster.watch_values(&namespace, name, *secret);
                let look = Look::new(watch::Sender::new(None));
                let (told, changed) = (look.clone(), self.supplies.changed.clone());
                let task = tokio::spawn(async move {
                    while let Some(supply) = seen.next().await {
                        note(&told, supply, &changed);
                    }
                });
                Watch {
                    task: task.abort_handle(),
                    object,
                    look,
                }
            });
            self.supplies.watches.insert(source.name.clone(), watch);
        }
    }
}

/// Tells of a change of what was known before. What was seen is kept while the API server is away.
fn note(look: &Look, supply: Supply, changed: &Notify) {
    let mut was_known = false;
    let modified = look.send_if_modified(|known| {
        was_known = known.is_some();
        let kept = matches!(known, Some(Supply::Here(_) | Supply::Missing))
            && matches!(supply, Supply::Unknown(_));
        if kept || known.as_ref() == Some(&supply) {
            return false;
        }
        *known = Some(supply);
        true
    });
    if modified && was_known {
        changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;
    use crate::kit::Values;

    fn here(text: &str) -> Supply {
        let entries = [("a".to_owned(), text.as_bytes().to_vec())];
        Supply::Here(Values::new(entries.into(), true, "uid").into())
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_and_what_stays_the_same_is_not() {
        let supplies = Supplies::default();
        let look = Look::new(watch::Sender::new(None));
        let changed = &supplies.changed;
        note(&look, here("one"), changed);
        note(&look, here("one"), changed);
        // The API server is away: what was seen counts.
        note(&look, Supply::Unknown("gone".into()), changed);
        assert!(supplies.changed().now_or_never().is_none());
        note(&look, here("two"), changed);
        note(&look, Supply::Missing, changed);
        assert!(supplies.changed().now_or_never().is_some());
        assert!(supplies.changed().now_or_never().is_none());
        let taken = Looks(vec![("a".into(), look.clone())]).taken().await;
        assert_eq!(taken.get("a"), Some(&Supply::Missing));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_shown_in_time_is_unknown_and_told_when_it_comes() {
        let supplies = Supplies::default();
        let look = Look::new(watch::Sender::new(None));
        let taken = Looks(vec![("a".into(), look.clone())]).taken().await;
        assert!(matches!(taken.get("a"), Some(Supply::Unknown(_))));
        note(&look, here("one"), &supplies.changed);
        assert!(supplies.changed().now_or_never().is_some());
    }
}
