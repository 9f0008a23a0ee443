//! Names of people go when they are asked to, and the chain verifies as before.

use jiff::Timestamp;
use trimtab::history::{Cause, Query, Told};

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
            .erase("alice@example.org", Timestamp::now())
            .await
            .unwrap();
        assert_eq!(erased.texts, 3);
        store.erase("Alice Archer", Timestamp::now()).await.unwrap();

        let report = store.verify(&anchors).await.unwrap();
        whole(&report);
        assert_eq!((report.erased, report.anchors), (4, 12));
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
            .erase("alice@example.org", Timestamp::now())
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
