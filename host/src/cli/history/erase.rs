//! `trimtab history erase`.

use clap::Args;
use jiff::Timestamp;

use super::{Failure, Outcome, SourceArgs, failure};
use crate::cli::{counted, print};
use crate::sandbox::clean;

/// Bytes of a text that is shown.
const TEXT: usize = 100;

/// Erase the names of a person from the record, which verifies as before
///
/// Without --yes it only says what it would erase: authors, committers, operators, subjects and
/// reasons that have the name as whole words. Needs the database itself. Commits in Git keep theirs.
///
///   trimtab history erase alice@example.org
///   trimtab history erase alice@example.org --yes
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Erase {
    /// An e-mail address, or a full name
    name: String,
    /// Do it; there is no way back
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    source: SourceArgs,
}

impl Erase {
    pub(super) async fn run(self) -> Result<Outcome, Failure> {
        let store = self.source.store().await?;
        if self.yes {
            let erased = store.erase(&self.name, Timestamp::now()).await;
            let erased = erased.map_err(|error| failure(error.into()))?;
            let texts = counted(erased.texts as usize, "text");
            print(&format!(
                "{texts} erased; the record says so, without the name\n"
            ))?;
            return Ok(Outcome::Fine);
        }
        let found = store.would_erase(&self.name).await;
        let found = found.map_err(|error| failure(error.into()))?;
        let mut text = format!("{} would be erased", counted(found.texts as usize, "text"));
        text.push_str(if found.texts == 0 {
            "\n"
        } else {
            "; say --yes to do it:\n"
        });
        for sample in &found.samples {
            text.push_str(&format!("  {}\n", clean(sample, TEXT)));
        }
        let more = found.texts as usize - found.samples.len();
        if more > 0 {
            text.push_str(&format!("  and {more} more\n"));
        }
        print(&text)?;
        Ok(Outcome::Fine)
    }
}
