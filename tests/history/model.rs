//! Whatever is done in whatever order, the chain verifies and tells what was recorded.

use std::time::Duration;

use jiff::SignedDuration;
use proptest::prelude::*;
use trimtab::history::{Anchor, Cause, Entry, Query, Store};

use crate::{Database, entry, start, whole};
use trimtab_harness::postgres::Postgres;

#[derive(Clone, Debug)]
enum Act {
    Append { entries: u64, leap: u64 },
    Erase(&'static str),
    Retain { hours: u64 },
    Open,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1..40_u64, 0..200_u64).prop_map(|(entries, leap)| Act::Append { entries, leap }),
        1 => prop_oneof![Just("alice@example.org"), Just("Bob Baker"), Just("change")].prop_map(Act::Erase),
        2 => (1..400_u64).prop_map(|hours| Act::Retain { hours }),
        1 => Just(Act::Open),
    ]
}

/// What has no names, and so is as it was for ever.
fn nameless(entry: &Entry) -> (jiff::Timestamp, Option<String>, Option<String>) {
    (entry.at, entry.kit.clone(), entry.digest.clone())
}

async fn play(database: &Database, acts: Vec<Act>) {
    let mut store: Store = database.open().await;
    let (mut number, mut hour) = (0, 0);
    let mut expected: Vec<Entry> = Vec::new();
    let mut anchors: Vec<Anchor> = Vec::new();
    for act in acts {
        let now = start() + SignedDuration::from_hours(hour);
        match act {
            Act::Append { entries, leap } => {
                let appended: Vec<Entry> = (number..number + entries)
                    .map(entry)
                    .map(|mut it| {
                        it.at = now;
                        it
                    })
                    .collect();
                anchors.extend(store.append(appended.clone()).await.unwrap());
                expected.extend(appended);
                number += entries;
                hour += leap as i64;
            }
            Act::Erase(name) => drop(store.erase(name, now).await.unwrap()),
            Act::Retain { hours } => {
                store
                    .retain(Duration::from_secs(3600 * hours), now)
                    .await
                    .unwrap();
                let oldest = now - SignedDuration::from_hours(hours as i64);
                let keep_last = expected.len().saturating_sub(1);
                let old = expected.iter().take_while(|it| it.at < oldest).count();
                // The very last record stays, and that is only here one of these.
                expected.drain(..old.min(keep_last));
            }
            Act::Open => {
                store.close().await;
                store = database.open().await;
            }
        }
        let report = store.verify(&anchors).await.unwrap();
        whole(&report);
    }
    let mut query = Query {
        limit: 100,
        ..Query::default()
    };
    let mut read = Vec::new();
    loop {
        let page = store.page(&query).await.unwrap();
        query.before = page.next;
        read.extend(page.records);
        if query.before.is_none() {
            break;
        }
    }
    read.reverse();
    let own = read
        .iter()
        .filter(|it| !matches!(it.entry.cause, Cause::Retention | Cause::Erasure));
    let own: Vec<_> = own.map(|it| nameless(&it.entry)).collect();
    let expected: Vec<_> = expected.iter().map(nameless).collect();
    // Of what is kept, nothing is missing, and nothing is out of order.
    assert!(
        own.ends_with(&expected[expected.len().saturating_sub(own.len())..]),
        "{own:?}\n{expected:?}"
    );
    assert!(own.len() + 1 >= expected.len());
    store.close().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn any_sequence_of_appends_erasures_and_retentions_verifies(acts in proptest::collection::vec(act(), 1..14)) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(play(&Database::sqlite(), acts));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 20, ..ProptestConfig::default() })]
    #[test]
    fn the_same_holds_on_postgresql(acts in proptest::collection::vec(act(), 1..14)) {
        let Some(server) = Postgres::shared() else { return Ok(()) };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async { play(&Database::postgres(server).await, acts).await });
    }
}
