//! The database, by its URL: `sqlite:PATH` or `postgres://…`.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::{Arc, Once};
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{
    Any, AnyConnection, AnyPool, AssertSqlSafe, ConnectOptions as _, Connection as _, Transaction,
};

use super::append::Known;
use super::error::HistoryError;
use super::schema;

/// How long a database may take to answer a new connection.
const CONNECT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 4;
/// Hosts that begin at once make the tables once.
const MIGRATION_LOCK: &str = "SELECT 1 FROM (SELECT pg_advisory_xact_lock(7468647)) AS taken";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sqlite,
    Postgres,
}

/// A history's database. Clones are the same one.
#[derive(Clone)]
pub struct Store {
    pub(super) pool: AnyPool,
    pub(super) kind: Kind,
    /// Where it is, without a password.
    pub(super) at: Arc<str>,
    pub(super) known: Arc<tokio::sync::Mutex<Known>>,
}

impl Store {
    /// Opens a database, and makes its tables if it has none: `sqlite:PATH`, whose file and folder
    /// are made for this user alone, or `postgres://USER@HOST/DATABASE`, with TLS as `sslmode` and
    /// `sslrootcert` in the URL say.
    ///
    /// # Errors
    /// That the URL is none, that the database is away or refuses, or that a newer Trimtab made it.
    pub async fn open(url: &str) -> Result<Self, HistoryError> {
        static DRIVERS: Once = Once::new();
        DRIVERS.call_once(sqlx::any::install_default_drivers);
        let (kind, at, url) = place(url)?;
        let failed = |reason: super::error::Cause| HistoryError::Open {
            at: at.clone(),
            hint: hint(kind, &reason),
            reason,
        };
        if let Kind::Sqlite = kind {
            make_file(Path::new(&at)).map_err(|error| failed(error.into()))?;
        }
        let options = AnyConnectOptions::from_str(&url)
            .map_err(|error| failed(error.into()))?
            .disable_statement_logging();
        // The pool tries again until its time is over, and then does not say why.
        let trial = async {
            let mut connection = AnyConnection::connect_with(&options).await?;
            prepare(&mut connection, kind).await?;
            let found = version(&mut connection, kind).await?;
            if found < schema::VERSION {
                migrate(&mut connection, kind).await?;
            }
            let found = version(&mut connection, kind).await?;
            connection.close().await?;
            Ok::<_, sqlx::Error>(found)
        };
        let found = tokio::time::timeout(CONNECT, trial)
            .await
            .map_err(|_| failed(super::error::Cause(format!("no answer within {CONNECT:?}"))))?
            .map_err(|error| failed(error.into()))?;
        if found > schema::VERSION {
            return Err(HistoryError::Newer {
                at,
                found,
                known: schema::VERSION,
            });
        }
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(CONNECT)
            .after_connect(move |connection, _| Box::pin(prepare(connection, kind)))
            .connect_lazy_with(options);
        Ok(Self {
            pool,
            kind,
            at: at.into(),
            known: Arc::default(),
        })
    }

    /// Lets go of the database; in SQLite its log becomes part of the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Where it is, for people: without a password.
    pub fn place(&self) -> &str {
        &self.at
    }

    pub(super) fn away(&self, error: sqlx::Error) -> HistoryError {
        HistoryError::Away {
            at: self.at.to_string(),
            reason: error.into(),
        }
    }

    pub(super) fn silent(&self, patience: Duration) -> HistoryError {
        HistoryError::Away {
            at: self.at.to_string(),
            reason: super::error::Cause(format!("no answer within {patience:?}")),
        }
    }

    /// A transaction in which nobody else appends, with where the chain ends.
    pub(super) async fn locked(&self) -> Result<Transaction<'static, Any>, sqlx::Error> {
        match self.kind {
            Kind::Sqlite => self.pool.begin_with("BEGIN IMMEDIATE").await,
            Kind::Postgres => {
                let mut transaction = self.pool.begin().await?;
                sqlx::query("SELECT sequence FROM trimtab_head WHERE id = 1 FOR UPDATE")
                    .fetch_one(&mut *transaction)
                    .await?;
                Ok(transaction)
            }
        }
    }
}

/// What a connection is to be told first.
async fn prepare(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    let settings: &[&str] = match kind {
        // With a write-ahead log readers and the writer do not wait for one another; a commit is on
        // the disk before it is said to be done; what is deleted is overwritten.
        Kind::Sqlite => &[
            "PRAGMA busy_timeout = 10000",
            "PRAGMA journal_mode = WAL",
            "PRAGMA synchronous = FULL",
            "PRAGMA secure_delete = ON",
        ],
        Kind::Postgres => &["SET statement_timeout = '60s'"],
    };
    for setting in settings {
        sqlx::raw_sql(*setting).execute(&mut *connection).await?;
    }
    Ok(())
}

/// The version of the tables; 0 of none.
async fn version(connection: &mut AnyConnection, kind: Kind) -> Result<i64, sqlx::Error> {
    let there = match kind {
        Kind::Sqlite => "SELECT count(*) FROM sqlite_master WHERE name = 'trimtab_version'",
        Kind::Postgres => {
            "SELECT count(*) FROM pg_class WHERE oid = to_regclass('trimtab_version')"
        }
    };
    let tables: i64 = sqlx::query_scalar(there)
        .fetch_one(&mut *connection)
        .await?;
    if tables == 0 {
        return Ok(0);
    }
    let version = sqlx::query_scalar("SELECT version FROM trimtab_version");
    Ok(version.fetch_optional(connection).await?.unwrap_or(0))
}

async fn migrate(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    let mut transaction = match kind {
        Kind::Sqlite => connection.begin_with("BEGIN IMMEDIATE").await?,
        Kind::Postgres => {
            let mut transaction = connection.begin().await?;
            sqlx::query(MIGRATION_LOCK)
                .execute(&mut *transaction)
                .await?;
            transaction
        }
    };
    // Another host may have been faster.
    let found = version(&mut transaction, kind).await?;
    let mut statements = Vec::new();
    if found < 1 {
        statements.push("CREATE TABLE trimtab_version (version BIGINT NOT NULL)".to_owned());
        statements.push("INSERT INTO trimtab_version (version) VALUES (0)".to_owned());
        statements.extend(schema::version_1(kind));
    }
    if found < 2 {
        statements.extend(schema::version_2(kind));
    }
    let known = schema::VERSION;
    statements.push(format!(
        "UPDATE trimtab_version SET version = {known} WHERE version < {known}"
    ));
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement))
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await
}

/// Which database it is, where for people, and where for the driver.
pub(super) fn place(url: &str) -> Result<(Kind, String, String), HistoryError> {
    let wrong = || HistoryError::Url { url: shown(url) };
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.contains('\0') {
            return Err(wrong());
        }
        let path = std::path::absolute(path).map_err(|_| wrong())?;
        let path = path.to_str().ok_or_else(wrong)?.to_owned();
        let mut encoded = String::from("sqlite://");
        for byte in path.bytes() {
            match byte {
                b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                    encoded.push(char::from(byte));
                }
                other => encoded.push_str(&format!("%{other:02X}")),
            }
        }
        return Ok((Kind::Sqlite, path, encoded + "?mode=rw"));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        return Ok((Kind::Postgres, shown(url), url.to_owned()));
    }
    Err(wrong())
}

/// A URL without what may be a password: that before the host, and all after a `?`.
fn shown(url: &str) -> String {
    let plain = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    // A password may have any of these signs, though it should not.
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(end)) if scheme + 3 <= end => {
            let user = url[scheme + 3..end].split(':').next().unwrap_or_default();
            format!(
                "{}{}{}",
                &url[..scheme + 3],
                plain(user),
                plain(&url[end..])
            )
        }
        _ => plain(url),
    }
}

fn hint(kind: Kind, reason: &super::error::Cause) -> &'static str {
    let told = reason.0.to_lowercase();
    match kind {
        Kind::Sqlite if told.contains("not a database") => {
            "give a file of its own, or one that is not there yet"
        }
        Kind::Sqlite => "its folder must be one that this user can write",
        Kind::Postgres if told.contains("password") => "check the user and the password of the URL",
        Kind::Postgres if told.contains("does not exist") => "make it with createdb and createuser",
        Kind::Postgres if told.contains("certificate") || told.contains("tls") => {
            "sslmode=verify-full with sslrootcert=FILE names the CA; sslmode=disable is without TLS"
        }
        Kind::Postgres => "check that it runs, and that this machine may reach it",
    }
}

/// The file, empty if it is missing. SQLite gives its log the same mode.
fn make_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if path.exists() {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut options = std::fs::File::options();
    options.append(true).create(true).mode(0o600);
    options.open(path).map(|_| ())
}

/// The URL of a SQLite database in this file.
pub fn sqlite_url(path: &Path) -> String {
    format!("sqlite:{}", PathBuf::from(path).display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        for (url, expected) in [
            (
                "postgres://alice:hunter2@db/history",
                "postgres://alice@db/history",
            ),
            (
                "postgres://alice:hunt@er2@db/history",
                "postgres://alice@db/history",
            ),
            (
                "postgres://db/history?user=alice&password=hunter2",
                "postgres://db/history",
            ),
            ("postgres:alice:hunter2@", "postgres:alice:hunter2@"),
        ] {
            assert_eq!(shown(url), expected);
        }
        for wrong in ["", "history.db", "mysql://alice:hunter2@db/x", "sqlite:"] {
            let told = place(wrong).unwrap_err().to_string();
            assert!(
                told.contains("sqlite:/path") && !told.contains("hunter2"),
                "{told}"
            );
        }
    }
}
