//! The writer: nobody waits for the database, and nothing is lost while it is away.

use std::time::{Duration, Instant};

use trimtab::history::{Store, Writer, WriterOptions};
use trimtab_harness::wait_for;

use crate::{Database, entry, whole};

const DEADLINE: Duration = Duration::from_secs(60);

fn options(database: &Database) -> WriterOptions {
    WriterOptions {
        url: database.url.clone(),
        spool: database.folder.path().join("spool/history"),
        keep: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_taken_at_once_and_appended_in_order() {
    for database in Database::each().await {
        let writer = Writer::start(options(&database)).unwrap();
        let began = Instant::now();
        (0..2000).for_each(|number| writer.record(entry(number)));
        let taken = began.elapsed();
        assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
        assert!(taken < DEADLINE / 10, "{taken:?}");
        let store = writer.store().expect("it is open");
        for number in [0, 777, 1999] {
            let record = store.get(number + 1).await.unwrap().expect("there");
            assert_eq!(record.entry, entry(number));
        }
        let anchor = writer.anchor().expect("one");
        assert_eq!(anchor.sequence, 2000);
        whole(&store.verify(&[anchor]).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_gets_what_was_to_be_recorded_when_it_is_there_and_once() {
    let database = Database::sqlite();
    // There can be no folder where a file is.
    let place = database.folder.path().join("place");
    std::fs::write(&place, "in the way").unwrap();
    let url = format!("sqlite:{}", place.join("history.db").display());
    let away = || WriterOptions {
        url: url.clone(),
        ..options(&database)
    };
    let writer = Writer::start(away()).unwrap();
    (0..5).for_each(|number| writer.record(entry(number)));
    tokio::task::block_in_place(|| {
        wait_for("it is told", DEADLINE, || match writer.trouble() {
            Some(told) if told.contains("place/history.db cannot be opened") => Ok(()),
            other => Err(format!("{other:?}")),
        })
    });
    assert!(!writer.settled(Duration::ZERO).await);
    assert!(writer.store().is_none());

    std::fs::remove_file(&place).unwrap();
    assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
    let store = Store::open(&url).await.unwrap();
    assert_eq!(store.verify(&[]).await.unwrap().records, 5);
    for number in 0..5 {
        assert_eq!(
            store.get(number + 1).await.unwrap().map(|it| it.entry),
            Some(entry(number))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_the_spool_still_though_the_database_has_it_is_not_recorded_twice() {
    for database in Database::each().await {
        let path = options(&database).spool;
        // A host that never had a database, and was killed.
        let spooled = {
            let nowhere = WriterOptions {
                url: "postgres://alice@127.0.0.1:1/none".into(),
                ..options(&database)
            };
            let writer = Writer::start(nowhere).unwrap();
            (0..30).for_each(|number| writer.record(entry(number)));
            std::fs::read(&path).unwrap()
        };
        for _ in 0..3 {
            // As if it was killed after the commit, before the spool was emptied.
            std::fs::write(&path, &spooled).unwrap();
            let writer = Writer::start(options(&database)).unwrap();
            assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
            let store = writer.store().expect("it is open");
            let report = store.verify(&[]).await.unwrap();
            whole(&report);
            assert_eq!(report.records, 30);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_lets_old_records_go_by_itself() {
    let database = Database::sqlite();
    let keep = Some(Duration::from_secs(3600 * 24));
    let writer = Writer::start(WriterOptions {
        keep,
        ..options(&database)
    })
    .unwrap();
    // Of January 2026, and long ago.
    (0..50).for_each(|number| writer.record(entry(number)));
    assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
    let store = writer.store().expect("it is open");
    let began = Instant::now();
    let report = loop {
        let report = store.verify(&[]).await.unwrap();
        if report.first.is_some_and(|first| first > 1) {
            break report;
        }
        assert!(began.elapsed() < DEADLINE, "{report:?}");
    };
    whole(&report);
}

#[test]
fn a_url_that_names_no_database_is_told_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let options = WriterOptions {
        url: "history.db".into(),
        spool: folder.path().join("spool"),
        keep: None,
    };
    let told = Writer::start(options).err().expect("refused").to_string();
    assert!(told.contains("sqlite:/path/to/history.db"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_has_lost_its_record_says_so_first_and_one_that_has_it_does_not() {
    for database in Database::each().await {
        let writer = Writer::start(options(&database)).unwrap();
        (0..3).for_each(|number| writer.record(entry(number)));
        assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
        let before = writer.anchor().expect("one");
        drop(writer);
        let settled = async |writer: &Writer, number: u64| {
            writer.expect("acme", "platform", before);
            writer.record(entry(number));
            assert!(writer.settled(DEADLINE).await, "{:?}", writer.trouble());
            writer.anchor_of("acme", "platform").expect("it is known")
        };
        // The next host finds it.
        let next = Writer::start(options(&database)).unwrap();
        let (now, lost) = settled(&next, 3).await;
        assert_eq!((now.sequence, lost), (4, None));
        drop(next);
        // The one after it has an empty database.
        let empty = Database::sqlite();
        let after = Writer::start(options(&empty)).unwrap();
        assert_eq!(after.anchor_of("acme", "platform"), None);
        let (now, lost) = settled(&after, 4).await;
        assert_eq!((now.sequence, lost), (2, Some(before)));
        let store = after.store().expect("it is open");
        let first = store.get(1).await.unwrap().expect("there").entry;
        assert_eq!((first.lost, &*first.repository), (Some(before), "platform"));
        let report = store.verify(&[]).await.unwrap();
        whole(&report);
        let told: Vec<_> = report
            .lost
            .iter()
            .map(|it| (it.sequence, it.anchor))
            .collect();
        assert_eq!(told, [(1, before)]);
    }
}

#[tokio::test]
async fn what_retention_has_let_go_is_not_lost() {
    for database in Database::each().await {
        let store = database.open().await;
        let anchors = crate::filled(&store, 0..9).await;
        store
            .retain(Duration::from_secs(3600), entry(8).at)
            .await
            .unwrap();
        let other = trimtab::history::Anchor {
            sequence: 9,
            hash: anchors[0].hash,
        };
        for (anchor, has) in [(anchors[0], true), (anchors[8], true), (other, false)] {
            assert_eq!(store.has(anchor).await.unwrap(), has, "{anchor:?}");
        }
    }
}
