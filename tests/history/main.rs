//! The history, on SQLite and on a real PostgreSQL. Needs no cluster.

mod command;
mod erasure;
mod exports;
mod model;
mod processes;
mod queries;
mod retention;
mod tampering;
mod writing;

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _};
use trimtab::history::{
    Anchor, Cause, Change, Entry, Outcome, PlanNote, PluginUse, Report, RevisionNote, Store, Told,
};
use trimtab_harness::postgres::Postgres;

/// A database of a test's own.
pub struct Database {
    pub url: String,
    folder: tempfile::TempDir,
    is_postgres: bool,
}

impl Database {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self {
            url: format!("sqlite:{}", folder.path().join("history.db").display()),
            folder,
            is_postgres: false,
        }
    }

    /// A schema of its own in the server that the tests share.
    pub async fn postgres(server: &Postgres) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let schema = format!("history_{}_{number}", std::process::id());
        let database = Self {
            url: server.url(&schema),
            folder: tempfile::tempdir().expect("a folder"),
            is_postgres: true,
        };
        database.execute(&format!("CREATE SCHEMA {schema}")).await;
        database
    }

    /// SQLite, and PostgreSQL where there is one.
    pub async fn each() -> Vec<Self> {
        let mut each = vec![Self::sqlite()];
        if let Some(server) = Postgres::shared() {
            each.push(Self::postgres(server).await);
        }
        each
    }

    pub async fn open(&self) -> Store {
        Store::open(&self.url).await.expect("it opens")
    }

    /// As somebody with a database's own tools.
    pub async fn connect(&self) -> AnyConnection {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let url = match self.is_postgres {
            true => self.url.clone(),
            false => self.url.replace("sqlite:", "sqlite://"),
        };
        AnyConnection::connect(&url).await.expect("it connects")
    }

    pub async fn execute(&self, sql: &str) {
        let mut connection = self.connect().await;
        let done = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&mut connection)
            .await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.expect("closed");
    }
}

pub fn start() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().expect("a time")
}

pub const ALICE: &str = "Alice Archer <alice@example.org>";
pub const BOB: &str = "Bob Baker <bob@example.org>";

pub fn revision(number: u64) -> String {
    format!(
        "{:016x}{number:024x}",
        (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
}

/// The attempt with this number: of seven kits, three attempts a revision, one an hour.
pub fn entry(number: u64) -> Entry {
    let outcome = [Outcome::Applied, Outcome::Healthy, Outcome::Refused][(number % 3) as usize];
    let at = start() + SignedDuration::from_hours(number as i64);
    let kit = format!("kits/acme/app-{}", number % 7);
    let mut entry = Entry::new(at, "acme", "platform", Some(kit), Cause::Commit, outcome);
    let author = if number.is_multiple_of(2) { ALICE } else { BOB };
    entry.revision = Some(RevisionNote {
        id: revision(number / 3),
        author: Told::new(author),
        committer: Some(Told::new(author)),
        committed_at: Some(start()),
        subject: Told::new(format!("change {}", number / 3)),
        signature: Some(Told::new("good, by alice@example.org")),
    });
    entry.plugins = vec![PluginUse {
        path: "rules/port-policy.wasm".into(),
        digest: format!("sha256:{:064x}", 7),
    }];
    entry.digest = Some(format!("sha256:{:064x}", number / 3));
    entry.plan = PlanNote {
        changed: vec![Change {
            object: "Service acme/shop".into(),
            fields: vec!["/spec/ports/0/port".into()],
            by: None,
        }],
        left: 3,
        ..PlanNote::default()
    };
    entry.message = "live: 1 changed, 0 deleted, 3 as they were; all healthy".into();
    entry
}

pub async fn filled(store: &Store, entries: std::ops::Range<u64>) -> Vec<Anchor> {
    let appended = store.append(entries.map(entry).collect()).await;
    appended.expect("appended")
}

/// Panics with what is wrong.
pub fn whole(report: &Report) {
    assert!(
        report.is_whole(),
        "{}",
        report.fault.as_ref().expect("a fault")
    );
}
