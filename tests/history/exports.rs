//! What an auditor is given, who has neither the cluster nor the database.

use std::io::Cursor;

use jiff::Timestamp;
use serde_json::Value;
use trimtab::history::{
    Anchor, Line, PAYLOAD_TYPE, Query, Report, SigningKey, Store, statement, verify_lines,
};

use crate::{Database, entry, filled, whole};

/// What somebody does to an export.
type Change = fn(&mut Vec<Line>);

async fn exported(store: &Store, query: &Query) -> Vec<Line> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let lines = store.lines(query, after, 7).await.unwrap();
        after = lines.last().and_then(Line::sequence).unwrap_or(after);
        let last = lines.len() < 7;
        all.extend(lines);
        if last {
            return all;
        }
    }
}

fn verified(lines: &[Line], anchors: &[Anchor]) -> Report {
    let text: Vec<String> = lines
        .iter()
        .map(|line| serde_json::to_string(line).unwrap())
        .collect();
    verify_lines(Cursor::new(text.join("\n")), anchors).unwrap()
}

#[tokio::test]
async fn an_export_verifies_without_the_database_and_shows_what_was_changed_in_it() {
    for database in Database::each().await {
        let store = database.open().await;
        let anchors = filled(&store, 0..20).await;
        store
            .erase("alice@example.org", Timestamp::now())
            .await
            .unwrap();
        let lines = exported(&store, &Query::default()).await;
        let report = verified(&lines, &anchors);
        whole(&report);
        assert_eq!(
            (report.records, report.gaps, report.erased, report.anchors),
            (21, 0, 2, 20)
        );
        assert_eq!(report, {
            let mut own = store.verify(&anchors).await.unwrap();
            own.gaps = report.gaps;
            own
        });

        let changes: [(&str, Change); 7] = [
            ("a record", |lines| {
                lines[3].record["outcome"] = "healthy".into()
            }),
            ("a field more", |lines| lines[4].record["vip"] = true.into()),
            ("a text", |lines| {
                lines[1].texts.values_mut().for_each(|it| it.text.push('!'))
            }),
            ("a text of another record", |lines| {
                let texts = lines[19].texts.clone();
                lines[1].texts.extend(texts);
            }),
            ("the order", |lines| lines.swap(3, 4)),
            ("twice the same", |lines| {
                let line = lines[4].clone();
                lines.insert(4, line);
            }),
            ("a hash", |lines| lines[20].hash = lines[19].hash),
        ];
        for (what, change) in changes {
            let mut changed = lines.clone();
            change(&mut changed);
            assert!(!verified(&changed, &[]).is_whole(), "{what}");
        }
        // What is left out cannot be told from a filter: it is a gap. Its end is what an anchor tells.
        let mut fewer = lines.clone();
        fewer.remove(7);
        assert_eq!(verified(&fewer, &[]).gaps, 1);
        assert!(!verified(&lines[..10], &anchors).is_whole());
        let nameless: Vec<Line> = lines
            .iter()
            .cloned()
            .map(|mut line| {
                line.texts.clear();
                line
            })
            .collect();
        whole(&verified(&nameless, &anchors));
    }
}

#[tokio::test]
async fn an_export_of_what_retention_left_has_no_gap_and_one_of_a_kit_has() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..20).await;
        let keep = std::time::Duration::from_secs(3600 * 5);
        store.retain(keep, entry(20).at).await.unwrap();
        let report = verified(&exported(&store, &Query::default()).await, &[]);
        whole(&report);
        assert_eq!((report.first, report.gaps), (Some(16), 0));
        let kit = Query {
            kit: Some("kits/acme/app-2".into()),
            ..Query::default()
        };
        let report = verified(&exported(&store, &kit).await, &[]);
        whole(&report);
        assert!(report.gaps > 0, "{report:?}");
    }
}

#[test]
fn what_is_no_export_is_told_with_its_line() {
    let text = "{\"previous\": 1}\n";
    let told = verify_lines(Cursor::new(text), &[])
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("line 1 of the export: "), "{told}");
    let endless = std::io::Read::take(std::io::repeat(b'a'), 1 << 30);
    let told = verify_lines(std::io::BufReader::new(endless), &[]);
    assert!(told.is_err(), "it is not read for ever");
}

#[tokio::test]
async fn a_statement_tells_the_revision_the_rules_the_digest_and_the_outcome_and_no_name() {
    let database = Database::sqlite();
    let store = database.open().await;
    filled(&store, 0..3).await;
    let lines = exported(&store, &Query::default()).await;
    assert_eq!(statement(&lines[0]), None, "it had no end yet");
    let told = statement(&lines[1]).expect("it became healthy");
    assert_eq!(told["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(told["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(told["subject"][0]["name"], "acme/platform/kits/acme/app-1");
    assert_eq!(
        told["subject"][0]["digest"]["sha256"],
        format!("{:064x}", 0)
    );
    let made_of = &told["predicate"]["buildDefinition"]["resolvedDependencies"];
    assert_eq!(made_of[0]["digest"]["gitCommit"], crate::revision(0));
    assert_eq!(made_of[1]["name"], "rules/port-policy.wasm");
    assert_eq!(made_of[1]["digest"]["sha256"], format!("{:064x}", 7));
    let outcome = &told["predicate"]["trimtab_outcome"];
    assert_eq!(outcome["outcome"], "healthy");
    assert_eq!(outcome["record"]["hash"], lines[1].hash.to_string());
    let text = told.to_string().to_lowercase();
    assert!(!text.contains("alice") && !text.contains("bob"), "{text}");

    let key = SigningKey::read_or_make(&database.folder.path().join("key.pem")).unwrap();
    let envelope = key.sign(PAYLOAD_TYPE, text.as_bytes());
    let opened = key.verifying_key().opened(&envelope).expect("signed");
    let opened: Value = serde_json::from_slice(&opened).unwrap();
    assert_eq!(
        opened["subject"][0]["name"],
        "acme/platform/kits/acme/app-1"
    );
}
