//! Verifying a database: one look at it as it was at one instant, while others append.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{Any, Row as _, Transaction};

use super::append::{Anchor, head};
use super::chain::{Hash, Stored, commitment};
use super::database::{Kind, Store};
use super::error::HistoryError;
use super::verification::{Chain, Missing, Report};

const PAGE: i64 = 1_000;

type Instant = Transaction<'static, Any>;

/// The last record that has a text: as its row says, and as the chain says.
struct Used {
    said: u64,
    found: u64,
}

impl Store {
    /// Reads the whole chain. What is wrong is in the report, not an error. Anchors are what others
    /// have kept: the Repositories' status, an earlier report.
    ///
    /// # Errors
    /// That the database is away.
    pub async fn verify(&self, anchors: &[Anchor]) -> Result<Report, HistoryError> {
        self.audited(anchors)
            .await
            .map_err(|error| self.away(error))
    }

    async fn audited(&self, anchors: &[Anchor]) -> Result<Report, sqlx::Error> {
        let begin = match self.kind {
            Kind::Sqlite => "BEGIN",
            Kind::Postgres => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        let mut instant = self.pool.begin_with(begin).await?;
        let checkpoint = checkpoint(&mut instant).await?;
        let mut chain = Chain::new(checkpoint, anchors);
        let (mut texts, mut missing) = (HashMap::new(), Missing::default());
        match read_chain(&mut instant, &mut chain, &mut texts, &mut missing).await {
            // What no longer is of its column's type, or no UTF-8, was written by somebody else.
            Err(error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_))) => {
                let read = chain.report.last.map_or(0, |it| it.sequence);
                chain.fault(
                    0,
                    format!("a row cannot be read, after record {read}: {error}"),
                );
            }
            other => other?,
        }
        chain.end(checkpoint);
        check_head(&mut instant, &mut chain, checkpoint).await?;
        check_texts(&mut chain, texts, &missing);
        if chain.report.is_whole() {
            missing.judge(&mut chain);
        }
        instant.rollback().await?;
        Ok(chain.report)
    }
}

/// The last record that was let go, if one was.
pub(super) async fn checkpoint(instant: &mut Instant) -> Result<Option<Anchor>, sqlx::Error> {
    let row = sqlx::query("SELECT sequence, hash FROM trimtab_checkpoint WHERE id = 1")
        .fetch_one(&mut **instant)
        .await?;
    let (sequence, hash): (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(Hash::from_bytes(&hash)
        .filter(|_| sequence != 0)
        .map(|hash| Anchor {
            sequence: sequence.unsigned_abs(),
            hash,
        }))
}

async fn check_head(
    instant: &mut Instant,
    chain: &mut Chain,
    checkpoint: Option<Anchor>,
) -> Result<(), sqlx::Error> {
    let (sequence, hash, _) = head(instant).await?;
    let last = chain.report.last.or(checkpoint);
    let (number, expected) = last.map_or((0, Hash::NONE), |it| (it.sequence, it.hash));
    if u64::try_from(sequence) != Ok(number) {
        chain.fault(
            number + 1,
            format!("the chain ends at record {number}, and was {sequence} records long"),
        );
    } else if hash != expected {
        chain.fault(number, "it is not the one that was appended last");
    }
    Ok(())
}

async fn read_chain(
    instant: &mut Instant,
    chain: &mut Chain,
    texts: &mut HashMap<Hash, Used>,
    missing: &mut Missing,
) -> Result<(), sqlx::Error> {
    let places = places(instant).await?;
    *texts = there(instant, chain).await?;
    let page = "SELECT sequence, hash, body, at, scope, place, revision, outcome FROM trimtab_records \
                WHERE sequence > $1 ORDER BY sequence LIMIT $2";
    let mut after = i64::MIN;
    while chain.report.is_whole() {
        let rows = sqlx::query(page)
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut **instant)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get(0)?;
        for row in &rows {
            let Some((stored, commitments)) = read_row(row, chain, &places)? else {
                return Ok(());
            };
            missing.note(stored.sequence, &stored.entry);
            for commitment in commitments {
                match texts.get_mut(&commitment) {
                    Some(used) => used.found = stored.sequence,
                    None => missing.is_not_there(commitment, stored.sequence),
                }
            }
        }
    }
    Ok(())
}

/// A text goes with the last record that has it: that must be the one that its row says.
fn check_texts(chain: &mut Chain, texts: HashMap<Hash, Used>, missing: &Missing) {
    for (commitment, used) in texts {
        if let Some(by) = missing.is_back(&commitment) {
            let found = used.found;
            let words = format!("a text of it was erased by record {by}, and is there again");
            chain.fault(found, words);
        }
        if used.said != used.found {
            let (said, found) = (used.said, used.found);
            chain.fault(
                found,
                format!("the text {commitment} was last in record {found}, and says that it was in {said}"),
            );
        }
    }
}

/// A record and the commitments in it; `None` if it is not as it was.
fn read_row(
    row: &AnyRow,
    chain: &mut Chain,
    places: &HashMap<i64, [String; 3]>,
) -> Result<Option<(Stored, Vec<Hash>)>, sqlx::Error> {
    let (number, hash, body): (i64, Vec<u8>, Vec<u8>) =
        (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    let Ok(sequence) = u64::try_from(number) else {
        chain.fault(0, format!("there is a record with the number {number}"));
        return Ok(None);
    };
    let Some(hash) = Hash::from_bytes(&hash) else {
        chain.fault(sequence, "its hash is none");
        return Ok(None);
    };
    let Some(mut stored) = chain.next(sequence, hash, &body) else {
        return Ok(None);
    };
    if let Some(column) = wrong_column(row, &stored, places)? {
        chain.fault(
            sequence,
            format!("its column {column} is not what its text says"),
        );
        return Ok(None);
    }
    let commitments = stored.commitments();
    if commitments.is_none() {
        chain.fault(sequence, "a text stands where its commitment belongs");
    }
    Ok(commitments.map(|it| (stored, it)))
}

/// The columns that queries use are drawn from the record's text.
fn wrong_column(
    row: &AnyRow,
    stored: &Stored,
    places: &HashMap<i64, [String; 3]>,
) -> Result<Option<&'static str>, sqlx::Error> {
    let entry = &stored.entry;
    let is_at = |id: i64, kit: &str| {
        places.get(&id).is_some_and(|[namespace, repository, its]| {
            *namespace == entry.namespace && *repository == entry.repository && its == kit
        })
    };
    let revision = entry.revision.as_ref().map_or("", |it| &it.id);
    let checks = [
        ("at", row.try_get::<i64, _>(3)? == entry.at.as_millisecond()),
        ("scope", is_at(row.try_get(4)?, "")),
        (
            "place",
            is_at(row.try_get(5)?, entry.kit.as_deref().unwrap_or("")),
        ),
        ("revision", row.try_get::<String, _>(6)? == revision),
        (
            "outcome",
            row.try_get::<String, _>(7)? == entry.outcome.to_string(),
        ),
    ];
    Ok(checks
        .into_iter()
        .find(|(_, fits)| !fits)
        .map(|(column, _)| column))
}

async fn places(instant: &mut Instant) -> Result<HashMap<i64, [String; 3]>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, namespace, repository, kit FROM trimtab_places")
        .fetch_all(&mut **instant)
        .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get(0)?,
                [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?],
            ))
        })
        .collect()
}

/// Texts that were not erased, each checked against its commitment.
async fn there(
    instant: &mut Instant,
    chain: &mut Chain,
) -> Result<HashMap<Hash, Used>, sqlx::Error> {
    let page = "SELECT commitment, salt, text, last_used FROM trimtab_texts WHERE commitment > $1 \
                ORDER BY commitment LIMIT $2";
    let (mut found, mut after) = (HashMap::new(), Vec::new());
    loop {
        let rows = sqlx::query(page)
            .bind(after)
            .bind(PAGE)
            .fetch_all(&mut **instant)
            .await?;
        let Some(last) = rows.last() else { break };
        after = last.try_get(0)?;
        for row in &rows {
            let (bytes, salt, text): (Vec<u8>, Vec<u8>, String) =
                (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
            let said: i64 = row.try_get(3)?;
            match Hash::from_bytes(&bytes).filter(|it| *it == commitment(&salt, &text)) {
                Some(commitment) => {
                    let said = u64::try_from(said).unwrap_or(u64::MAX);
                    found.insert(commitment, Used { said, found: 0 });
                }
                None => chain.fault(
                    said.unsigned_abs(),
                    format!(
                        "a text that it had last is not the one that was recorded: {}",
                        shown(&bytes)
                    ),
                ),
            }
        }
    }
    chain.report.texts = found.len() as u64;
    Ok(found)
}

fn shown(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
