//! Where the history is read: a database, by its URL.

use anyhow::{Context as _, anyhow};
use clap::Args;
use futures::future::{BoxFuture, FutureExt as _};
use serde::de::DeserializeOwned;

use super::{Failure, failure};
use crate::cli::ask::{HostApi, HostArgs};
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

/// The host that acts, asked through the API server's proxy or its socket.
struct Asked(HostApi);

impl Asked {
    async fn ask<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        let answer = match self.0.ask(path, query).await {
            Ok(answer) => answer,
            Err(super::Failure::Usage(error) | super::Failure::CannotTell(error)) => {
                return Err(error);
            }
        };
        serde_json::from_value(answer)
            .context("the host's answer cannot be read; is it of another version?")
    }
}

impl HistorySource for Asked {
    fn page<'s>(&'s self, query: &'s Query) -> BoxFuture<'s, anyhow::Result<Page>> {
        async move {
            let query = serde_json::to_string(query)?;
            self.ask("/v1/history", &[("query", &query)]).await
        }
        .boxed()
    }

    fn get(&self, sequence: u64) -> BoxFuture<'_, anyhow::Result<Option<Record>>> {
        async move { self.ask(&format!("/v1/history/{sequence}"), &[]).await }.boxed()
    }

    fn verify<'s>(&'s self, anchors: &'s [Anchor]) -> BoxFuture<'s, anyhow::Result<Report>> {
        async move {
            let anchors = serde_json::to_string(anchors)?;
            self.ask("/v1/history/verify", &[("anchors", &anchors)])
                .await
        }
        .boxed()
    }

    fn lines<'s>(
        &'s self,
        query: &'s Query,
        after: u64,
        limit: u32,
    ) -> BoxFuture<'s, anyhow::Result<Vec<Line>>> {
        async move {
            let query = serde_json::to_string(query)?;
            let (after, limit) = (after.to_string(), limit.to_string());
            let asked = [("query", &*query), ("after", &*after), ("limit", &*limit)];
            self.ask("/v1/history/lines", &asked).await
        }
        .boxed()
    }
}

#[derive(Args)]
pub(super) struct SourceArgs {
    /// Read the history's database itself, and not by asking the host: sqlite:/path/to/history.db or
    /// postgres://user@host/database
    // A password may be in it, which help must not print.
    #[arg(
        long,
        env = "TRIMTAB_HISTORY",
        hide_env_values = true,
        value_name = "URL"
    )]
    database: Option<String>,
    #[command(flatten)]
    host: HostArgs,
}

impl SourceArgs {
    pub(super) async fn open(&self) -> Result<Box<dyn HistorySource>, Failure> {
        Ok(match self.database {
            Some(_) => Box::new(self.store().await?),
            None => Box::new(Asked(HostApi::connect(&self.host).await?)),
        })
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
