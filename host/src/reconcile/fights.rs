//! Corrections that do not last: somebody else sets the same object back over and over.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::manifest::ObjectKey;

/// So many corrections of one object …
const CORRECTIONS: usize = 5;
/// … within this time are a fight.
const WINDOW: Duration = Duration::from_secs(60);
/// The first pause before it is put right again; doubled each time.
const PAUSE: Duration = Duration::from_secs(10);
const PAUSE_LIMIT: Duration = Duration::from_secs(300);

/// Which objects of a kit are fought over, and when each is put right again.
#[derive(Clone, Debug, Default)]
pub(super) struct Fights {
    objects: BTreeMap<ObjectKey, Fight>,
}

#[derive(Clone, Debug, Default)]
struct Fight {
    corrections: VecDeque<Instant>,
    /// Pauses so far.
    pauses: u32,
    /// Until then it is left alone.
    until: Option<Instant>,
}

impl Fight {
    fn pause(&self) -> Duration {
        PAUSE
            .saturating_mul(1 << self.pauses.saturating_sub(1).min(10))
            .min(PAUSE_LIMIT)
    }
}

impl Fights {
    /// These objects were just put right.
    pub(super) fn corrected(&mut self, objects: &[ObjectKey], now: Instant) {
        // Peace, if it was quiet for twice the longest pause.
        self.objects.retain(|_, fight| {
            let last = fight.corrections.back();
            last.is_some_and(|last| now - *last < 2 * PAUSE_LIMIT)
        });
        for key in objects {
            let fight = self.objects.entry(key.clone()).or_default();
            fight.corrections.push_back(now);
            while fight.corrections.len() > CORRECTIONS {
                fight.corrections.pop_front();
            }
            let quick = fight.corrections.len() == CORRECTIONS
                && fight
                    .corrections
                    .front()
                    .is_some_and(|first| now - *first <= WINDOW);
            if quick || fight.pauses > 0 {
                fight.pauses += 1;
                fight.until = Some(now + fight.pause());
            }
        }
    }

    /// How long until the next object is put right again.
    pub(super) fn due(&self, now: Instant) -> Option<Duration> {
        let held = self.objects.values().filter_map(|fight| fight.until);
        held.filter(|until| *until > now)
            .map(|until| until - now)
            .min()
    }

    /// Objects that are left alone for now, and how long the pause of each is.
    pub(super) fn held(&self, now: Instant) -> BTreeMap<ObjectKey, Duration> {
        let held = self.objects.iter();
        held.filter(|(_, fight)| fight.until.is_some_and(|until| until > now))
            .map(|(key, fight)| (key.clone(), fight.pause()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::GroupVersionKind;

    fn key() -> ObjectKey {
        ObjectKey {
            group_kind: GroupVersionKind::new("v1", "Service").group_kind(),
            namespace: Some("shop".into()),
            name: "web".into(),
        }
    }

    #[test]
    fn a_few_corrections_are_no_fight_and_many_in_a_row_are_slowed_down() {
        let start = Instant::now();
        let mut fights = Fights::default();
        for second in 0..4 {
            let now = start + Duration::from_secs(second);
            fights.corrected(&[key()], now);
            assert_eq!(fights.due(now), None);
        }
        let fifth = start + Duration::from_secs(4);
        fights.corrected(&[key()], fifth);
        assert_eq!(fights.due(fifth), Some(PAUSE));
        assert_eq!(fights.held(fifth), BTreeMap::from([(key(), PAUSE)]));
        let sixth = fifth + PAUSE;
        assert!(fights.held(sixth).is_empty());
        fights.corrected(&[key()], sixth);
        assert_eq!(fights.due(sixth), Some(2 * PAUSE));
        for _ in 0..20 {
            fights.corrected(&[key()], sixth);
        }
        assert_eq!(fights.held(sixth)[&key()], PAUSE_LIMIT);
    }

    #[test]
    fn corrections_that_lie_far_apart_and_old_fights_are_forgotten() {
        let start = Instant::now();
        let mut fights = Fights::default();
        for minute in 0..30 {
            let now = start + Duration::from_secs(60 * minute);
            fights.corrected(&[key()], now);
            assert_eq!(fights.due(now), None);
        }
        let mut now = start + Duration::from_secs(3600);
        for _ in 0..5 {
            fights.corrected(&[key()], now);
        }
        assert!(!fights.held(now).is_empty());
        now += 2 * PAUSE_LIMIT;
        fights.corrected(&[key()], now);
        assert_eq!(fights.due(now), None);
    }
}
