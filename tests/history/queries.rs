//! What is asked of the record.

use jiff::SignedDuration;
use trimtab::history::{KitOf, Outcome, Query, Record, Told};

use crate::{ALICE, Database, entry, filled, revision, start};

fn sequences(records: &[Record]) -> Vec<u64> {
    records.iter().map(|it| it.sequence).collect()
}

fn of(kit: &str) -> KitOf<'_> {
    KitOf {
        namespace: "acme",
        repository: "platform",
        kit,
    }
}

#[tokio::test]
async fn what_was_recorded_is_read_as_it_was_newest_first_in_pages() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..40).await;
        let mut query = Query {
            limit: 15,
            ..Query::default()
        };
        let mut read = Vec::new();
        loop {
            let page = store.page(&query).await.unwrap();
            read.extend(page.records);
            match page.next {
                Some(next) => query.before = Some(next),
                None => break,
            }
        }
        let expected: Vec<u64> = (1..=40).rev().collect();
        assert_eq!(sequences(&read), expected);
        for record in read {
            assert_eq!(record.entry, entry(record.sequence - 1));
            assert_eq!(store.get(record.sequence).await.unwrap(), Some(record));
        }
        assert_eq!(store.get(41).await.unwrap(), None);
    }
}

#[tokio::test]
async fn each_condition_holds_alone_and_with_the_others() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..60).await;
        let mut other = entry(60);
        other.namespace = "smithereens".into();
        let mut whole = entry(61);
        whole.kit = None;
        store.append(vec![other, whole]).await.unwrap();
        let hour = |number: i64| Some(start() + SignedDuration::from_hours(number));
        let text = |text: &str| Some(text.to_owned());
        let none = Query::default;
        let cases: [(Query, Vec<u64>); 10] = [
            (
                Query {
                    kit: text("kits/acme/app-3"),
                    limit: 3,
                    ..none()
                },
                vec![60, 53, 46],
            ),
            (
                Query {
                    namespace: text("smithereens"),
                    ..none()
                },
                vec![61],
            ),
            (
                Query {
                    repository: text("platform"),
                    limit: 3,
                    ..none()
                },
                vec![62, 61, 60],
            ),
            (
                Query {
                    namespace: text("acme"),
                    limit: 2,
                    ..none()
                },
                vec![62, 60],
            ),
            (
                Query {
                    revision: text(&revision(4)),
                    ..none()
                },
                vec![15, 14, 13],
            ),
            (
                Query {
                    revision: text(&revision(4)[..7]),
                    ..none()
                },
                vec![15, 14, 13],
            ),
            (
                Query {
                    revision: text(&revision(4)[1..9]),
                    ..none()
                },
                vec![],
            ),
            (
                Query {
                    outcome: Some(Outcome::Refused),
                    limit: 2,
                    ..none()
                },
                vec![60, 57],
            ),
            (
                Query {
                    since: hour(10),
                    until: hour(12),
                    ..none()
                },
                vec![13, 12, 11],
            ),
            (
                Query {
                    kit: text("kits/acme/app-3"),
                    outcome: Some(Outcome::Healthy),
                    until: hour(40),
                    before: Some(30),
                    ..none()
                },
                vec![11],
            ),
        ];
        for (query, expected) in cases {
            let page = store.page(&query).await.unwrap();
            assert_eq!(sequences(&page.records), expected, "{query:?}");
        }
        let wrong = Query {
            revision: text("v1.2"),
            ..none()
        };
        let told = store.page(&wrong).await.unwrap_err().to_string();
        assert!(told.contains("no commit id"), "{told}");
    }
}

#[tokio::test]
async fn a_window_of_time_is_read_by_times_whatever_the_order_of_the_records_and_page_by_page() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..20).await;
        // From a host whose database was away.
        filled(&store, 8..11).await;
        let hour = |number: i64| Some(start() + SignedDuration::from_hours(number));
        let window = Query {
            since: hour(9),
            until: hour(12),
            limit: 2,
            ..Query::default()
        };
        let scoped = Query {
            namespace: Some("acme".into()),
            repository: Some("platform".into()),
            ..window.clone()
        };
        for mut query in [window, scoped] {
            let mut seen = Vec::new();
            loop {
                let page = store.page(&query).await.unwrap();
                assert!(page.records.len() <= 2);
                seen.extend(sequences(&page.records));
                match page.next {
                    Some(next) => query.before = Some(next),
                    None => break,
                }
            }
            assert_eq!(seen, [13, 12, 23, 11, 22, 10], "{query:?}");
        }
    }
}

#[tokio::test]
async fn rollback_finds_healthy_revisions_and_verify_the_digest_that_was_applied() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..63).await;
        // Drift and restarts say of a revision that it is healthy again and again.
        let mut again = entry(22);
        again.kit = Some("kits/acme/app-4".into());
        store
            .append(vec![again.clone(), again.clone()])
            .await
            .unwrap();
        let healthy = store
            .healthy_revisions(of("kits/acme/app-4"), 3)
            .await
            .unwrap();
        let found: Vec<(u64, &str)> = healthy
            .iter()
            .map(|it| (it.sequence, it.revision.as_str()))
            .collect();
        assert_eq!(found[0], (65, revision(7).as_str()));
        assert_eq!(found[1], (47, revision(15).as_str()));
        assert_eq!(found[2], (26, revision(8).as_str()), "each revision once");
        let applied = store
            .last_applied(of("kits/acme/app-4"), &revision(15)[..12])
            .await;
        let applied = applied.unwrap().expect("it was applied");
        assert_eq!(
            (applied.sequence, applied.entry.digest),
            (47, entry(46).digest)
        );
        let refused = store
            .last_applied(of("kits/acme/app-2"), &revision(0))
            .await;
        assert_eq!(refused.unwrap(), None, "what was refused was not applied");
        let last = store.last_of(of("kits/acme/app-4")).await.unwrap();
        assert_eq!(last.map(|it| it.sequence), Some(65));
        assert_eq!(store.last_of(of("kits/nowhere")).await.unwrap(), None);
    }
}

#[tokio::test]
async fn texts_and_lists_are_cut_to_their_bounds() {
    for database in Database::each().await {
        let store = database.open().await;
        let mut large = entry(1);
        large.message = "é\0".repeat(10_000);
        large.reason = Some(Told::new("x".repeat(10_000)));
        large.plan.deleted = (0..10_000)
            .map(|number| format!("ConfigMap acme/{number}"))
            .collect();
        large.plan.changed[0].fields = vec!["/data/x".into(); 500];
        store.append(vec![large]).await.unwrap();
        let read = store.get(1).await.unwrap().expect("there").entry;
        assert!(read.message.len() <= 1024 && read.message.ends_with('…'));
        assert_eq!(
            read.reason.and_then(|it| Some(it.text()?.len())),
            Some(2048)
        );
        assert_eq!(
            (read.plan.deleted.len(), read.plan.omitted.deleted),
            (50, 9950)
        );
        assert_eq!(
            (read.plan.changed[0].fields.len(), read.plan.omitted.fields),
            (20, 480)
        );
        assert_eq!(
            read.revision.map(|it| it.author),
            Some(Told::new(crate::BOB))
        );
        assert_ne!(ALICE, crate::BOB);
    }
}
