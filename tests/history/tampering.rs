//! Whoever changes what was recorded is found out, wherever they do it.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};
use trimtab::history::{Anchor, Store};
use trimtab_harness::postgres::Postgres;

use crate::{Database, entry, filled, whole};

const TABLES: [(&str, &str, &[&str]); 5] = [
    (
        "trimtab_records",
        "sequence",
        &[
            "sequence", "at", "scope", "place", "revision", "outcome", "hash", "body",
        ],
    ),
    (
        "trimtab_texts",
        "commitment",
        &["commitment", "last_used", "salt", "text"],
    ),
    (
        "trimtab_places",
        "id",
        &["id", "namespace", "repository", "kit"],
    ),
    ("trimtab_head", "id", &["sequence", "hash"]),
    ("trimtab_checkpoint", "id", &["sequence", "hash"]),
];

/// Somebody who may do everything in the database.
async fn intruder(database: &Database) -> AnyConnection {
    let mut connection = database.connect().await;
    for (trigger, table) in [
        ("records_stay", "records"),
        ("records_go_by_retention", "records"),
        ("texts_stay", "texts"),
        ("checkpoint_advances", "checkpoint"),
        ("head_advances", "head"),
    ] {
        let of = if database.is_postgres {
            format!(" ON trimtab_{table}")
        } else {
            String::new()
        };
        run(
            &mut connection,
            &format!("DROP TRIGGER trimtab_{trigger}{of}"),
        )
        .await;
    }
    connection
}

async fn run(connection: &mut AnyConnection, sql: &str) {
    let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[derive(Clone, Debug)]
enum Value {
    Number(i64),
    Text(String),
    Blob(Vec<u8>),
}

fn value(row: &AnyRow, column: usize) -> Value {
    if let Ok(number) = row.try_get(column) {
        return Value::Number(number);
    }
    match row.try_get::<String, _>(column) {
        Ok(text) => Value::Text(text),
        Err(_) => Value::Blob(row.get(column)),
    }
}

/// Some of the values that differ from this one in one bit.
fn flipped(value: &Value) -> Vec<Value> {
    match value {
        Value::Number(number) => [0, 1, 5, 33, 62]
            .map(|bit| Value::Number(number ^ (1 << bit)))
            .into(),
        // Bits of ASCII that leave it valid UTF-8.
        Value::Text(text) => (0..text.len())
            .step_by(7)
            .map(|index| {
                let mut bytes = text.clone().into_bytes();
                bytes[index] ^= 1;
                Value::Text(String::from_utf8(bytes).expect("UTF-8"))
            })
            .collect(),
        Value::Blob(bytes) => (0..bytes.len())
            .step_by(1 + bytes.len() / 24)
            .map(|index| {
                let mut bytes = bytes.clone();
                bytes[index] ^= 1 << (index % 8);
                Value::Blob(bytes)
            })
            .collect(),
    }
}

async fn set(
    connection: &mut AnyConnection,
    table: &str,
    column: &str,
    key: (&str, &Value),
    to: &Value,
) -> bool {
    let sql = format!("UPDATE {table} SET {column} = $1 WHERE {} = $2", key.0);
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for value in [to, key.1] {
        query = match value.clone() {
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Blob(bytes) => query.bind(bytes),
        };
    }
    // A number that is taken already, say: then there is nothing to be found.
    query
        .execute(connection)
        .await
        .is_ok_and(|done| done.rows_affected() == 1)
}

#[tokio::test]
async fn a_bit_that_is_flipped_in_any_column_of_any_row_is_found() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..6).await;
        let keep = std::time::Duration::from_secs(3600 * 4);
        let now = entry(6).at;
        assert_eq!(store.retain(keep, now).await.unwrap().let_go, 2);
        whole(&store.verify(&[]).await.unwrap());
        let mut connection = intruder(&database).await;
        let mut found = 0;
        for (table, key, columns) in TABLES {
            let sql = format!("SELECT {key}, {} FROM {table}", columns.join(", "));
            let rows = sqlx::query(AssertSqlSafe(sql))
                .fetch_all(&mut connection)
                .await
                .unwrap();
            for row in &rows {
                let id = value(row, 0);
                for (index, column) in columns.iter().enumerate() {
                    let before = value(row, index + 1);
                    for after in flipped(&before) {
                        if !set(&mut connection, table, column, (key, &id), &after).await {
                            continue;
                        }
                        let report = store.verify(&[]).await.unwrap();
                        assert!(
                            !report.is_whole(),
                            "{table}.{column} of {id:?}: {before:?} became {after:?}"
                        );
                        let moved = if column == &key { &after } else { &id };
                        assert!(set(&mut connection, table, column, (key, moved), &before).await);
                        found += 1;
                    }
                }
            }
        }
        whole(&store.verify(&[]).await.unwrap());
        assert!(found > 500, "{found}");
    }
}

async fn fault(store: &Store, anchors: &[Anchor]) -> (u64, String) {
    let fault = store.verify(anchors).await.unwrap().fault.expect("a fault");
    (fault.sequence, fault.reason)
}

#[tokio::test]
async fn records_that_are_missing_exchanged_cut_off_or_made_anew_are_found() {
    for database in Database::each().await {
        let store = database.open().await;
        let anchors = filled(&store, 0..9).await;
        whole(&store.verify(&anchors).await.unwrap());
        let mut connection = intruder(&database).await;

        run(
            &mut connection,
            "CREATE TABLE kept AS SELECT * FROM trimtab_records",
        )
        .await;
        run(
            &mut connection,
            "DELETE FROM trimtab_records WHERE sequence IN (4, 5)",
        )
        .await;
        let (sequence, reason) = fault(&store, &[]).await;
        assert_eq!(sequence, 6);
        assert!(
            reason.contains("the records 4 to 5 before it are missing"),
            "{reason}"
        );

        run(
            &mut connection,
            "UPDATE trimtab_records SET sequence = 4 WHERE sequence = 6",
        )
        .await;
        let (sequence, reason) = fault(&store, &[]).await;
        assert!(
            sequence == 4 && reason.contains("hash"),
            "{sequence}: {reason}"
        );

        run(&mut connection, "DELETE FROM trimtab_records").await;
        run(
            &mut connection,
            "INSERT INTO trimtab_records SELECT * FROM kept WHERE sequence < 8",
        )
        .await;
        let (sequence, reason) = fault(&store, &[]).await;
        assert!(
            sequence == 8 && reason.contains("was 9 records long"),
            "{sequence}: {reason}"
        );

        // Whoever knows how the chain is made can cut it off: then an anchor knows better.
        run(&mut connection, "UPDATE trimtab_head SET sequence = 7, hash = (SELECT hash FROM kept WHERE sequence = 7)").await;
        let last_used = "UPDATE trimtab_texts SET last_used = CASE WHEN text LIKE 'Bob%' THEN 6 ELSE 7 END WHERE last_used > 7";
        run(&mut connection, last_used).await;
        whole(&store.verify(&anchors[..7]).await.unwrap());
        let (sequence, reason) = fault(&store, &anchors[8..]).await;
        assert!(
            sequence == 9 && reason.contains("the chain ends at 7"),
            "{sequence}: {reason}"
        );
        store.append(vec![entry(20), entry(21)]).await.unwrap();
        let (sequence, reason) = fault(&store, &anchors[8..]).await;
        assert!(
            sequence == 9 && reason.contains("made anew"),
            "{sequence}: {reason}"
        );
    }
}

#[tokio::test]
async fn a_beginning_that_is_taken_away_without_retention_is_found() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..9).await;
        let mut connection = intruder(&database).await;
        run(&mut connection, "UPDATE trimtab_checkpoint SET sequence = 3, hash = (SELECT hash FROM trimtab_records WHERE sequence = 3)").await;
        run(
            &mut connection,
            "DELETE FROM trimtab_records WHERE sequence <= 3",
        )
        .await;
        run(
            &mut connection,
            "DELETE FROM trimtab_texts WHERE last_used <= 3",
        )
        .await;
        let (sequence, reason) = fault(&store, &[]).await;
        assert!(
            sequence == 3 && reason.contains("no record says"),
            "{sequence}: {reason}"
        );
    }
}

#[tokio::test]
async fn honest_programs_are_kept_from_changing_what_was_recorded() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..3).await;
        let mut connection = database.connect().await;
        let mut forbidden = vec![
            "UPDATE trimtab_records SET outcome = 'healthy'",
            "DELETE FROM trimtab_records WHERE sequence = 3",
            "UPDATE trimtab_texts SET text = 'somebody else'",
            "DELETE FROM trimtab_head",
            "UPDATE trimtab_head SET sequence = 1",
            "DELETE FROM trimtab_checkpoint",
        ];
        if database.is_postgres {
            forbidden.push("TRUNCATE trimtab_records");
        }
        for sql in forbidden {
            let told = sqlx::raw_sql(sql).execute(&mut connection).await;
            let told = told
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(told.contains("appended only"), "{sql}: {told}");
        }
        whole(&store.verify(&[]).await.unwrap());
    }
}

#[tokio::test]
async fn an_auditor_who_may_only_read_can_verify_and_do_nothing_else() {
    let Some(server) = Postgres::shared() else {
        return;
    };
    let mut database = Database::postgres(server).await;
    let store = database.open().await;
    filled(&store, 0..5).await;
    let schema = database.url.rsplit('=').next().expect("it has one");
    database
        .execute(&format!(
            "CREATE ROLE auditor LOGIN; GRANT USAGE ON SCHEMA {schema} TO auditor; \
             GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO auditor"
        ))
        .await;
    database.url = database.url.replace("alice@", "auditor@");
    let auditor = database.open().await;
    let report = auditor.verify(&[]).await.unwrap();
    whole(&report);
    assert_eq!(report.records, 5);
    let told = auditor.append(vec![entry(5)]).await.unwrap_err();
    assert!(told.to_string().contains("permission denied"), "{told}");
}

#[tokio::test]
async fn texts_that_are_gone_without_a_record_are_found_with_the_records_that_had_them() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..9).await;
        store.erase("Alice Archer", entry(9).at).await.unwrap();
        let report = store.verify(&[]).await.unwrap();
        whole(&report);
        assert_eq!((report.erased_in, report.erased_by), (vec![1], vec![10]));
        let mut connection = intruder(&database).await;
        let taken = "DELETE FROM trimtab_texts WHERE text IN ('change 1', 'change 2')";
        run(&mut connection, taken).await;
        let (sequence, reason) = fault(&store, &[]).await;
        assert_eq!(sequence, 4);
        let words =
            "2 texts are gone from the records 4, 7, and no record says that they were erased";
        assert_eq!(reason, words);
        // A record that says so, and stands before them, explains nothing.
        let store = database.open().await;
        filled(&store, 12..15).await;
        let taken = "DELETE FROM trimtab_texts WHERE text = 'change 4'";
        run(&mut connection, taken).await;
        assert!(fault(&store, &[]).await.1.starts_with("3 texts are gone"));
    }
}

#[tokio::test]
async fn a_text_that_was_erased_and_is_there_again_is_found() {
    for database in Database::each().await {
        let store = database.open().await;
        filled(&store, 0..3).await;
        let mut connection = intruder(&database).await;
        let kept = "CREATE TABLE kept AS SELECT * FROM trimtab_texts";
        run(&mut connection, kept).await;
        store.erase("change", entry(3).at).await.unwrap();
        whole(&store.verify(&[]).await.unwrap());
        let back = "INSERT INTO trimtab_texts SELECT * FROM kept WHERE text = 'change 0'";
        run(&mut connection, back).await;
        let (_, reason) = fault(&store, &[]).await;
        let words = "a text of it was erased by record 4, and is there again";
        assert_eq!(reason, words);
    }
}
