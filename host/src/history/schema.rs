//! The tables, for both databases, and how an older database becomes a newer one.

use super::chain::Hash;
use super::database::Kind;

/// The version of the tables that this binary writes.
pub(super) const VERSION: i64 = 2;

/// The statements that make version 1 of nothing.
///
/// `records` holds each record's bytes and hash; its other columns are drawn from those bytes, for
/// queries alone, and verification compares them. `texts` holds what can be erased. `head` is
/// locked by whoever appends, so that the chain never forks; its `epoch` counts erasures, after
/// which nobody may use a text that was there before. `checkpoint` is the last record that
/// retention let go. Triggers keep honest programs from changing what was recorded; against others
/// there is the chain.
pub(super) fn version_1(kind: Kind) -> Vec<String> {
    let (blob, number) = match kind {
        Kind::Sqlite => ("BLOB", "INTEGER"),
        Kind::Postgres => ("BYTEA", "BIGINT"),
    };
    // In SQLite an INTEGER PRIMARY KEY is the row's own number, and a table WITHOUT ROWID has its
    // rows in its index.
    let sorted = match kind {
        Kind::Sqlite => " WITHOUT ROWID",
        Kind::Postgres => "",
    };
    // What an id begins with is found by an index only where bytes tell the order.
    let ordered = match kind {
        Kind::Sqlite => "",
        Kind::Postgres => " COLLATE \"C\"",
    };
    let mut statements = vec![
        format!(
            "CREATE TABLE trimtab_places (id {number} PRIMARY KEY, namespace TEXT NOT NULL, repository TEXT NOT NULL, \
             kit TEXT NOT NULL, UNIQUE (namespace, repository, kit))"
        ),
        format!(
            "CREATE TABLE trimtab_records (sequence {number} PRIMARY KEY, at {number} NOT NULL, scope {number} NOT NULL, \
             place {number} NOT NULL, revision TEXT{ordered} NOT NULL, outcome TEXT NOT NULL, hash {blob} NOT NULL, \
             body {blob} NOT NULL)"
        ),
        "CREATE INDEX trimtab_records_at ON trimtab_records (at, sequence)".into(),
        "CREATE INDEX trimtab_records_scope ON trimtab_records (scope, sequence)".into(),
        "CREATE INDEX trimtab_records_place ON trimtab_records (place, sequence)".into(),
        "CREATE INDEX trimtab_records_outcome ON trimtab_records (place, outcome, sequence)".into(),
        "CREATE INDEX trimtab_records_revision ON trimtab_records (revision, place, sequence)"
            .into(),
        format!(
            "CREATE TABLE trimtab_texts (commitment {blob} PRIMARY KEY, last_used {number} NOT NULL, salt {blob} NOT NULL, \
             text TEXT NOT NULL){sorted}"
        ),
        format!(
            "CREATE TABLE trimtab_head (id {number} PRIMARY KEY CHECK (id = 1), sequence {number} NOT NULL, hash {blob} NOT NULL, \
             epoch {number} NOT NULL)"
        ),
        format!(
            "CREATE TABLE trimtab_checkpoint (id {number} PRIMARY KEY CHECK (id = 1), sequence {number} NOT NULL, hash {blob} NOT NULL)"
        ),
        format!("CREATE TABLE trimtab_writers (id {blob} PRIMARY KEY, stored {number} NOT NULL)"),
    ];
    statements.extend(guards(kind));
    let start = Hash::NONE;
    for (table, columns, values) in [
        ("trimtab_head", "id, sequence, epoch, hash", "1, 0, 0"),
        ("trimtab_checkpoint", "id, sequence, hash", "1, 0"),
    ] {
        let bytes = match kind {
            Kind::Sqlite => format!("X'{start}'"),
            Kind::Postgres => format!("decode('{start}', 'hex')"),
        };
        statements.push(format!(
            "INSERT INTO {table} ({columns}) VALUES ({values}, {bytes})"
        ));
    }
    statements
}

/// The statements that make version 2 of version 1.
///
/// `erasures` tells whoever appends late what was erased meanwhile, without the name.
pub(super) fn version_2(kind: Kind) -> Vec<String> {
    let (blob, number) = match kind {
        Kind::Sqlite => ("BLOB", "INTEGER"),
        Kind::Postgres => ("BYTEA", "BIGINT"),
    };
    vec![format!(
        "CREATE TABLE trimtab_erasures (id {number} PRIMARY KEY, at {number} NOT NULL, salt {blob} NOT NULL, \
         digest {blob} NOT NULL, length {number} NOT NULL)"
    )]
}

fn guards(kind: Kind) -> Vec<String> {
    const APPENDED_ONLY: &str = "the history is appended only";
    // (name, what happens, on which table, when it is refused)
    let refused = [
        ("trimtab_records_stay", "UPDATE", "trimtab_records", "1 = 1"),
        (
            "trimtab_records_go_by_retention",
            "DELETE",
            "trimtab_records",
            "OLD.sequence > (SELECT sequence FROM trimtab_checkpoint)",
        ),
        (
            "trimtab_texts_stay",
            "UPDATE",
            "trimtab_texts",
            "OLD.commitment <> NEW.commitment OR OLD.salt <> NEW.salt OR OLD.text <> NEW.text",
        ),
        (
            "trimtab_checkpoint_advances",
            "UPDATE",
            "trimtab_checkpoint",
            "NEW.sequence <= OLD.sequence",
        ),
        (
            "trimtab_checkpoint_remains",
            "DELETE",
            "trimtab_checkpoint",
            "1 = 1",
        ),
        (
            "trimtab_head_advances",
            "UPDATE",
            "trimtab_head",
            "NEW.sequence < OLD.sequence OR NEW.epoch < OLD.epoch",
        ),
        ("trimtab_head_remains", "DELETE", "trimtab_head", "1 = 1"),
    ];
    let mut guards: Vec<String> = refused
        .iter()
        .flat_map(|(name, event, table, when)| match kind {
            Kind::Sqlite => vec![format!(
                "CREATE TRIGGER {name} BEFORE {event} ON {table} WHEN {when} \
                 BEGIN SELECT RAISE(ABORT, '{APPENDED_ONLY}'); END"
            )],
            Kind::Postgres => vec![
                format!(
                    "CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                     IF {when} THEN RAISE EXCEPTION '{APPENDED_ONLY}'; END IF; \
                     IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $$"
                ),
                format!(
                    "CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"
                ),
            ],
        })
        .collect();
    if kind == Kind::Postgres {
        guards.push(format!(
            "CREATE FUNCTION trimtab_truncates() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             RAISE EXCEPTION '{APPENDED_ONLY}'; END $$"
        ));
        guards.extend(["records", "head", "checkpoint"].map(|table| {
            format!(
                "CREATE TRIGGER trimtab_truncates BEFORE TRUNCATE ON trimtab_{table} \
                 FOR EACH STATEMENT EXECUTE FUNCTION trimtab_truncates()"
            )
        }));
    }
    guards
}
