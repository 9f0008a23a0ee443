//! Where the history is read: a database, by its URL.

use anyhow::anyhow;
use clap::Args;
use futures::future::{BoxFuture, FutureExt as _};

use super::{Failure, failure};
use crate::config;
use crate::history::{Anchor, Line, Page, Query, Record, Report, Store, sqlite_url};

/// Something that answers questions about the record.
pub(super) trait HistorySource {
    fn page<'s>(&'s self, query: &'s Query) -> BoxFuture<'s, anyhow::Result<Page>>;
    fn get(&self, sequence: u64) -> BoxFuture<'_, anyhow::Result<Option<Record>>>;
    fn verify<'s>(&'s self, anchors: &'s [Anchor]) -> BoxFuture<'s, anyhow::Result<Report>>;
    /// Lines of an export after a record, oldest first; fewer than `limit` only at the end.
    fn lines<'s>(
        &'s self,
        query: &'s Query,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'s, anyhow::Result<Vec<Line>>>;
}

impl HistorySource for Store {
    fn page<'s>(&'s self, query: &'s Query) -> BoxFuture<'s, anyhow::Result<Page>> {
        async move { Ok(Store::page(self, query).await?) }.boxed()
    }

    fn get(&self, sequence: u64) -> BoxFuture<'_, anyhow::Result<Option<Record>>> {
        async move { Ok(Store::get(self, sequence).await?) }.boxed()
    }

    fn verify<'s>(&'s self, anchors: &'s [Anchor]) -> BoxFuture<'s, anyhow::Result<Report>> {
        async move { Ok(Store::verify(self, anchors).await?) }.boxed()
    }

    fn lines<'s>(
        &'s self,
        query: &'s Query,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'s, anyhow::Result<Vec<Line>>> {
        async move { Ok(Store::lines(self, query, after, limit).await?) }.boxed()
    }
}

#[derive(Args)]
pub(super) struct SourceArgs {
    /// The history's database: sqlite:/path/to/history.db or postgres://user@host/database
    // A password may be in it, which help must not print.
    #[arg(
        long,
        env = "TRIMTAB_HISTORY",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: Option<String>,
}

impl SourceArgs {
    pub(super) async fn open(&self) -> Result<Box<dyn HistorySource>, Failure> {
        Ok(Box::new(self.store().await?))
    }

    /// For what needs the database itself.
    pub(super) async fn store(&self) -> Result<Store, Failure> {
        let file = config::history_file();
        let url = match &self.database {
            Some(url) => url.clone(),
            None if file.exists() => sqlite_url(&file),
            None => {
                return Err(Failure::Usage(anyhow!(
                    "there is no history at {}; say where it is: --database sqlite:/path/to/history.db, or postgres://user@host/database",
                    file.display()
                )));
            }
        };
        let missing = url
            .strip_prefix("sqlite:")
            .map(|path| path.trim_start_matches("//"));
        if let Some(path) = missing.filter(|path| !std::path::Path::new(path).exists()) {
            return Err(Failure::Usage(anyhow!("there is no history at {path}")));
        }
        Store::open(&url)
            .await
            .map_err(|error| failure(error.into()))
    }
}
