//! Old records go from the beginning, and what a rollback needs stays.

use std::time::Duration;

use jiff::SignedDuration;
use trimtab::history::{Cause, Entry, KitOf, Outcome, Query};

use crate::{Database, entry, filled, start, whole};

const HOUR: Duration = Duration::from_secs(3600);

fn of(kit: &str) -> KitOf<'_> {
    KitOf {
        namespace: "acme",
        repository: "platform",
        kit,
    }
}

#[tokio::test]
async fn old_records_go_the_chain_verifies_and_a_quiet_kit_keeps_what_it_can_go_back_to() {
    for database in Database::each().await {
        let store = database.open().await;
        // A kit that was changed twice, long ago, and one that is gone.
        let mut quiet = [entry(1), entry(4)];
        quiet
            .iter_mut()
            .for_each(|it| it.kit = Some("kits/acme/quiet".into()));
        let mut gone = [entry(1), entry(2)];
        gone.iter_mut()
            .for_each(|it| it.kit = Some("kits/acme/gone".into()));
        gone[1].outcome = Outcome::Gone;
        let quiet_digest = quiet[1].digest.clone();
        store
            .append(quiet.into_iter().chain(gone).collect())
            .await
            .unwrap();
        let anchors = filled(&store, 5..300).await;

        let now = start() + SignedDuration::from_hours(300);
        let retained = store.retain(HOUR * 100, now).await.unwrap();
        assert_eq!((retained.let_go, retained.carried), (199, 2));
        let report = store.verify(&anchors).await.unwrap();
        whole(&report);
        assert_eq!((report.first, report.too_old), (Some(200), 195));

        let healthy = store
            .healthy_revisions(of("kits/acme/quiet"), 5)
            .await
            .unwrap();
        let revisions: Vec<String> = healthy.iter().map(|it| it.revision.clone()).collect();
        assert_eq!(revisions, [crate::revision(1), crate::revision(0)]);
        let applied = store
            .last_applied(of("kits/acme/quiet"), &crate::revision(1))
            .await;
        let applied = applied.unwrap().expect("it is there").entry;
        assert_eq!(
            (applied.digest, applied.carried_from),
            (quiet_digest, Some(2))
        );
        assert!(store.last_of(of("kits/acme/gone")).await.unwrap().is_none());

        // It is done: nothing more goes, and nothing is carried twice.
        assert_eq!(store.retain(HOUR * 100, now).await.unwrap().let_go, 0);
        let later = now + SignedDuration::from_hours(100);
        let retained = store.retain(HOUR * 100, later).await.unwrap();
        assert_eq!(retained.let_go, 100);
        whole(&store.verify(&[]).await.unwrap());
        let newest = store
            .page(&Query {
                limit: 1,
                ..Query::default()
            })
            .await
            .unwrap();
        let Entry { cause, let_go, .. } = &newest.records[0].entry;
        assert_eq!(*cause, Cause::Retention);
        assert_eq!(let_go.as_ref().map(|it| it.through), Some(299));
    }
}

#[tokio::test]
async fn names_go_with_the_last_record_that_has_them() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..10).await;
        let mut later: Vec<Entry> = (20..30).map(entry).collect();
        for entry in &mut later {
            let revision = entry.revision.as_mut().expect("one");
            revision.author = trimtab::history::Told::new("Carol Cook <carol@example.org>");
            revision.committer = None;
        }
        store.append(later).await.unwrap();
        let now = start() + SignedDuration::from_hours(30);
        store.retain(HOUR * 15, now).await.unwrap();
        // Healthy records of the kits are carried over, with their authors: they are live.
        assert!(store.would_erase("carol@example.org").await.unwrap().texts > 0);
        store
            .retain(HOUR * 15, now + SignedDuration::from_hours(100))
            .await
            .unwrap();
        let subjects = store.would_erase("change").await.unwrap();
        whole(&store.verify(&[]).await.unwrap());
        let page = store
            .page(&Query {
                limit: 1000,
                ..Query::default()
            })
            .await
            .unwrap();
        let kept: std::collections::BTreeSet<String> = page
            .records
            .iter()
            .filter_map(|it| Some(it.entry.revision.as_ref()?.subject.to_string()))
            .collect();
        assert_eq!(subjects.texts, kept.len() as u64, "{kept:?}");
    }
}

#[tokio::test]
async fn more_than_a_step_goes_and_the_newest_record_never_does() {
    let database = Database::sqlite();
    let store = database.open().await;
    filled(&store, 0..4_500).await;
    let now = start() + SignedDuration::from_hours(1_000_000);
    let retained = store.retain(HOUR, now).await.unwrap();
    assert_eq!(retained.let_go, 4_499);
    let report = store.verify(&[]).await.unwrap();
    whole(&report);
    assert_eq!(report.first, Some(4_500));
}

#[tokio::test]
async fn a_retention_that_fails_is_one_record_however_often_it_is_tried() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..30).await;
        let refuse = match database.is_postgres {
            false => {
                "CREATE TRIGGER refused BEFORE DELETE ON trimtab_records BEGIN SELECT RAISE(ABORT, 'no'); END"
            }
            true => {
                "CREATE FUNCTION refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$; \
                 CREATE TRIGGER refused BEFORE DELETE ON trimtab_records FOR EACH ROW EXECUTE FUNCTION refused()"
            }
        };
        database.execute(refuse).await;
        let mut records = Vec::new();
        for hour in 0..3 {
            let now = start() + SignedDuration::from_hours(30 + hour);
            store.retain(HOUR * 10, now).await.expect_err("refused");
            records.push(store.verify(&[]).await.unwrap().records);
        }
        assert!(records.iter().all(|it| *it == records[0]), "{records:?}");
        let allow = match database.is_postgres {
            false => "DROP TRIGGER refused",
            true => "DROP TRIGGER refused ON trimtab_records",
        };
        database.execute(allow).await;
        let now = start() + SignedDuration::from_hours(33);
        let retained = store.retain(HOUR * 10, now).await.unwrap();
        assert_eq!(retained.let_go, 23);
        whole(&store.verify(&[]).await.unwrap());
        assert_eq!(store.retain(HOUR * 10, now).await.unwrap().let_go, 0);
    }
}
