//! Names of people go when they are asked to, and the chain verifies as before.

use jiff::Timestamp;
use trimtab::history::{Cause, Entry, Query, Store, Told, Writer, WriterOptions};

use crate::{ALICE, BOB, Database, entry, filled, whole};

#[tokio::test]
async fn a_person_is_erased_from_every_record_and_the_chain_verifies_as_before() {
    for database in Database::each().await {
        let store = database.open().await;
        let anchors = filled(&store, 0..12).await;
        let mut asked = entry(12);
        asked.operator = Some(Told::new("alice@example.org"));
        asked.reason = Some(Told::new("Alice Archer asked for it"));
        let mut kept = entry(13);
        kept.reason = Some(Told::new("malice@example.org is somebody else"));
        store.append(vec![asked, kept]).await.unwrap();

        let would = store.would_erase("alice@example.org").await.unwrap();
        // The author, the operator, and the signature.
        assert_eq!((would.texts, would.samples.len()), (3, 3));
        assert_eq!(store.would_erase("ALICE archer").await.unwrap().texts, 2);
        let erased = store
            .erase("alice@example.org", entry(14).at)
            .await
            .unwrap();
        assert_eq!(erased.texts, 3);
        store.erase("Alice Archer", entry(14).at).await.unwrap();

        let report = store.verify(&anchors).await.unwrap();
        whole(&report);
        assert_eq!((report.erased, report.anchors), (4, 12));
        // Where they were, and which records say that they are gone.
        assert_eq!(
            (report.erased_in, report.erased_by),
            (vec![1, 13], vec![15, 16])
        );
        let page = store.page(&Query::default()).await.unwrap();
        let all = serde_json::to_string(&page).unwrap().to_lowercase();
        assert!(
            !all.contains("alice archer") && !all.contains("\"alice@"),
            "{all}"
        );
        assert!(all.contains("malice@example.org") && all.contains("bob baker"));
        let noted: Vec<Option<u64>> = page
            .records
            .iter()
            .filter(|it| it.entry.cause == Cause::Erasure)
            .map(|it| it.entry.erased)
            .collect();
        assert_eq!(
            noted,
            [Some(1), Some(3)],
            "it is recorded, without the name"
        );
        let first = store
            .get(1)
            .await
            .unwrap()
            .expect("there")
            .entry
            .revision
            .expect("one");
        assert_eq!(
            (first.author, first.subject),
            (Told::ERASED, Told::new("change 0"))
        );
        let second = store
            .get(2)
            .await
            .unwrap()
            .expect("there")
            .entry
            .revision
            .expect("one");
        assert_eq!(second.author, Told::new(BOB));

        // What comes later is recorded with its names again, and what was erased stays so.
        filled(&store, 20..21).await;
        let again = store
            .page(&Query {
                limit: 1,
                ..Query::default()
            })
            .await
            .unwrap();
        let author = again.records[0]
            .entry
            .revision
            .as_ref()
            .map(|it| it.author.clone());
        assert_eq!(author, Some(Told::new(ALICE)));
        let first = store
            .get(1)
            .await
            .unwrap()
            .expect("there")
            .entry
            .revision
            .expect("one");
        assert_eq!(first.author, Told::ERASED);
        whole(&store.verify(&anchors).await.unwrap());
    }
}

#[tokio::test]
async fn a_host_that_knows_a_text_from_before_an_erasure_does_not_bring_it_back() {
    for database in Database::each().await {
        let (host, operator) = (database.open().await, database.open().await);
        filled(&host, 0..2).await;
        operator
            .erase("alice@example.org", entry(1).at)
            .await
            .unwrap();
        filled(&host, 2..4).await;
        let authors = [1, 4].map(|sequence| {
            let host = &host;
            async move {
                host.get(sequence)
                    .await
                    .unwrap()
                    .expect("there")
                    .entry
                    .revision
                    .map(|it| it.author)
            }
        });
        let [before, after] = authors;
        assert_eq!(
            (before.await, after.await),
            (Some(Told::ERASED), Some(Told::new(ALICE)))
        );
        whole(&host.verify(&[]).await.unwrap());
    }
}

#[tokio::test]
async fn nothing_of_an_erased_text_is_left_in_sqlites_files() {
    let database = Database::sqlite();
    let store = database.open().await;
    filled(&store, 0..30).await;
    let in_files = || {
        let files = std::fs::read_dir(database.folder.path()).unwrap();
        files.flatten().any(|file| {
            let bytes = std::fs::read(file.path()).unwrap();
            bytes.windows(12).any(|it| it == b"Alice Archer")
        })
    };
    assert!(in_files());
    store.erase("Alice Archer", Timestamp::now()).await.unwrap();
    assert!(!in_files());
}

#[tokio::test]
async fn a_name_that_is_too_short_erases_nothing() {
    let database = Database::sqlite();
    let store = database.open().await;
    filled(&store, 0..3).await;
    let told = store
        .erase("al", Timestamp::now())
        .await
        .unwrap_err()
        .to_string();
    assert!(told.contains("too short"), "{told}");
    assert_eq!(store.verify(&[]).await.unwrap().records, 3);
}

async fn author(store: &Store, sequence: u64) -> Option<Told> {
    let record = store.get(sequence).await.unwrap().expect("there");
    record.entry.revision.map(|it| it.author)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_a_spool_does_not_bring_an_erased_name_back() {
    for database in Database::each().await {
        let spool = database.folder.path().join("spool/history");
        let options = |url: &str| WriterOptions {
            url: url.to_owned(),
            spool: spool.clone(),
            keep: None,
        };
        let begins = Timestamp::now() - jiff::SignedDuration::from_hours(40);
        let made = |number: u64| Entry {
            at: begins + jiff::SignedDuration::from_hours(number as i64),
            ..entry(number)
        };
        // A host that cannot reach the database, and ends.
        let writer = Writer::start(options("postgres://nobody@127.0.0.1:1/none")).unwrap();
        (0..4).for_each(|number| writer.record(made(number)));
        drop(writer);
        let store = database.open().await;
        let erased = store.erase("Alice Archer", made(3).at).await.unwrap();
        assert_eq!(erased.texts, 0, "nothing of it is there yet");

        let writer = Writer::start(options(&database.url)).unwrap();
        writer.record(made(30));
        let settled = writer.settled(std::time::Duration::from_secs(60)).await;
        assert!(settled, "{:?}", writer.trouble());
        let authors = [
            Told::ERASED,
            Told::new(BOB),
            Told::ERASED,
            Told::new(BOB),
            // Made after it.
            Told::new(ALICE),
        ];
        for (number, expected) in authors.into_iter().enumerate() {
            assert_eq!(author(&store, number as u64 + 2).await, Some(expected));
        }
        whole(&store.verify(&[]).await.unwrap());
    }
}

#[tokio::test]
async fn a_name_is_known_by_its_digest_for_some_time_and_late_records_have_no_names_after_that() {
    for database in Database::each().await {
        let store = database.open().await;
        // Long ago, by the clock of whoever appends now.
        store.erase("Alice Archer", entry(5).at).await.unwrap();
        filled(&store, 9..10).await;
        let digests = "SELECT count(*) FROM trimtab_erasures WHERE length > 0";
        let mut connection = database.connect().await;
        let left: i64 = sqlx::query_scalar(digests)
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(left, 0);
        filled(&store, 1..2).await;
        assert_eq!(author(&store, 2).await, Some(Told::new(BOB)));
        assert_eq!(author(&store, 3).await, Some(Told::ERASED));
        whole(&store.verify(&[]).await.unwrap());
    }
}

#[tokio::test]
async fn a_database_of_the_version_before_learns_of_erasures() {
    for database in Database::each().await {
        filled(&database.open().await, 0..3).await;
        database.execute("DROP TABLE trimtab_erasures").await;
        database
            .execute("UPDATE trimtab_version SET version = 1")
            .await;
        let store = database.open().await;
        let erased = store.erase("Alice Archer", entry(2).at).await.unwrap();
        assert!(erased.texts > 0);
        filled(&store, 2..3).await;
        assert_eq!(author(&store, 5).await, Some(Told::ERASED));
        whole(&store.verify(&[]).await.unwrap());
    }
}
