//! `trimtab history expire`.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::{Failure, Outcome, Query, SourceArgs, failure, kept_for};
use crate::cli::{counted, print};

/// Let go of old records, now
///
/// A host does so by itself where it is told how long to keep them. The last two healthy revisions
/// of each kit are carried over, so that it can be taken back. Needs the database itself.
///
///   trimtab history expire --keep 400d --yes
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Expire {
    /// How old a record may be
    #[arg(long, value_name = "DURATION", value_parser = kept_for)]
    keep: Duration,
    /// Do it; there is no way back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    source: SourceArgs,
}

impl Expire {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let store = self.source.store().await?;
        let now = Timestamp::now();
        if !self.yes {
            let oldest = SignedDuration::try_from(self.keep).ok();
            let oldest = oldest.and_then(|keep| now.checked_sub(keep).ok());
            let query = Query {
                // Longer than there are times: nothing is that old.
                until: Some(oldest.unwrap_or(Timestamp::MIN)),
                limit: 1,
                ..Query::default()
            };
            let page = store.page(&query).await;
            let page = page.map_err(|error| failure(error.into()))?;
            let text = match page.records.first() {
                Some(last) => format!(
                    "records up to {} are older; say --yes to let them go\n",
                    last.sequence
                ),
                None => "no record is older; there is nothing to say --yes to\n".into(),
            };
            print(&text)?;
            return Ok(Outcome::Fine);
        }
        let retained = store.retain(self.keep, now).await;
        let retained = retained.map_err(|error| failure(error.into()))?;
        print(&format!(
            "{} let go, {} carried over for rollbacks\n",
            counted(retained.let_go as usize, "record"),
            retained.carried
        ))?;
        Ok(Outcome::Fine)
    }
}
