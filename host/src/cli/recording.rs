//! How `trimtab run` is told where the record is kept.

use std::path::Path;
use std::time::Duration;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, history};
use crate::config;
use crate::history::{WriterOptions, sqlite_url};

#[derive(Args)]
pub(super) struct RecordingArgs {
    /// Where what is done is recorded: sqlite:/path/to/history.db, postgres://user@host/database, or
    /// none [default: history.db in --cache-dir if that is given, else in the user's state folder]
    // A password may be in it, which help must not print.
    #[arg(
        long,
        env = "TRIMTAB_HISTORY",
        hide_env_values = true,
        value_name = "URL"
    )]
    history: Option<String>,
    /// Let go what is older: 400d, 52w; all is kept if nothing is said
    #[arg(long, value_name = "DURATION", value_parser = history::kept_for)]
    history_keep: Option<Duration>,
}

impl RecordingArgs {
    /// `given`: the cache folder, if the person named one.
    pub(super) fn options(
        &self,
        given: Option<&Path>,
        cache: &Path,
    ) -> Result<Option<WriterOptions>, Failure> {
        let url = match self.history.as_deref() {
            Some("none") => return Ok(None),
            Some("") => return Err(Failure::Usage(anyhow!("--history is empty"))),
            Some(url) => url.to_owned(),
            None => match given {
                Some(folder) => sqlite_url(&folder.join("history.db")),
                None => sqlite_url(&config::history_file()),
            },
        };
        Ok(Some(WriterOptions {
            url,
            spool: cache.join("history.spool"),
            keep: self.history_keep,
        }))
    }
}
