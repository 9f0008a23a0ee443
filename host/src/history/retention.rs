//! Letting old records go. Only the chain's beginning can go: what is left begins after a
//! checkpoint, and a record says so. What a rollback needs is carried to the end before.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::Row as _;

use super::append::head;
use super::chain::{Hash, Stored};
use super::database::Store;
use super::entry::{Cause, Entry, LetGo, Outcome};
use super::error::HistoryError;
use super::query::{KitOf, Record};

/// Records that are deleted in one transaction: others append in between.
const STEP: i64 = 2_000;
/// Healthy revisions of each kit that are carried over: the last one, and the one before it.
const CARRIED: usize = 2;

/// What retention did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retained {
    pub let_go: u64,
    /// Records that were repeated at the end, because a rollback may need them.
    pub carried: u64,
}

impl Store {
    /// Lets go of the records at the chain's beginning that are older than `keep`, and of the texts
    /// that no record has any more. The record that says so is there before they go.
    ///
    /// # Errors
    /// That the database is away. What is done by then is whole; the rest is done the next time.
    pub async fn retain(&self, keep: Duration, now: Timestamp) -> Result<Retained, HistoryError> {
        let away = |error| self.away(error);
        // Said already, and not done: it is not said again.
        let resumed = match self.unfinished().await? {
            Some((first, through)) => {
                self.let_go(through).await?;
                (through - first + 1).unsigned_abs()
            }
            None => 0,
        };
        let nothing_more = Retained {
            let_go: resumed,
            carried: 0,
        };
        let keep = i64::try_from(keep.as_millis()).unwrap_or(i64::MAX);
        let oldest = now.as_millisecond().saturating_sub(keep);
        // Before the first one that is young enough, and never the last one, which is the chain's.
        let through: Option<i64> = sqlx::query_scalar(
            "SELECT coalesce((SELECT min(sequence) FROM trimtab_records WHERE at >= $1), \
             (SELECT sequence FROM trimtab_head WHERE id = 1)) - 1",
        )
        .bind(oldest)
        .fetch_one(&self.pool)
        .await
        .map_err(away)?;
        let first: Option<i64> = sqlx::query_scalar("SELECT min(sequence) FROM trimtab_records")
            .fetch_one(&self.pool)
            .await
            .map_err(away)?;
        let (Some(through), Some(first)) = (through, first) else {
            return Ok(nothing_more);
        };
        if through < first {
            return Ok(nothing_more);
        }
        let carried = self.to_carry(through, now).await?;
        let hash: Option<Vec<u8>> =
            sqlx::query_scalar("SELECT hash FROM trimtab_records WHERE sequence = $1")
                .bind(through)
                .fetch_optional(&self.pool)
                .await
                .map_err(away)?;
        let hash = hash.and_then(|it| Hash::from_bytes(&it));
        let hash = hash.ok_or_else(|| self.damaged(through.unsigned_abs(), "it has no hash"))?;
        let retained = Retained {
            let_go: (through - first + 1).unsigned_abs(),
            carried: carried.len() as u64,
        };
        let mut said = Entry::new(now, "", "", None, Cause::Retention, Outcome::Noted);
        said.message = format!(
            "{} records up to number {through} were let go; {} of them were carried over for rollbacks",
            retained.let_go, retained.carried
        );
        said.let_go = Some(LetGo {
            through: through.unsigned_abs(),
            hash,
        });
        self.append(carried.into_iter().chain([said]).collect())
            .await?;
        self.let_go(through).await?;
        Ok(Retained {
            let_go: retained.let_go + resumed,
            ..retained
        })
    }

    /// What the newest record of a retention says, if it is not done: the first record that is
    /// still there, and the last one that is to go.
    async fn unfinished(&self) -> Result<Option<(i64, i64)>, HistoryError> {
        let away = |error| self.away(error);
        let said = "SELECT body FROM trimtab_records WHERE place = (SELECT id FROM trimtab_places \
                    WHERE namespace = '' AND repository = '' AND kit = '') \
                    ORDER BY sequence DESC LIMIT 200";
        let bodies: Vec<Vec<u8>> = sqlx::query_scalar(said)
            .fetch_all(&self.pool)
            .await
            .map_err(away)?;
        let mut entries = bodies
            .iter()
            .filter_map(|it| serde_json::from_slice(it).ok());
        let through = entries.find_map(|it: Stored| it.entry.let_go);
        let first: Option<i64> = sqlx::query_scalar("SELECT min(sequence) FROM trimtab_records")
            .fetch_one(&self.pool)
            .await
            .map_err(away)?;
        let through = through.and_then(|it| i64::try_from(it.through).ok());
        let both = first.zip(through);
        Ok(both.filter(|(first, through)| first <= through))
    }

    /// Newest healthy records of kits that are still there, if they are about to go.
    async fn to_carry(&self, through: i64, now: Timestamp) -> Result<Vec<Entry>, HistoryError> {
        let away = |error| self.away(error);
        let kits =
            "SELECT id, namespace, repository, kit FROM trimtab_places WHERE kit <> '' ORDER BY id";
        let kits = sqlx::query(kits)
            .fetch_all(&self.pool)
            .await
            .map_err(away)?;
        let mut entries = Vec::new();
        for row in kits {
            let (namespace, repository, kit): (String, String, String) = (
                row.try_get(1).map_err(away)?,
                row.try_get(2).map_err(away)?,
                row.try_get(3).map_err(away)?,
            );
            let of = KitOf {
                namespace: &namespace,
                repository: &repository,
                kit: &kit,
            };
            let gone =
                |last: Option<Record>| last.is_none_or(|it| it.entry.outcome == Outcome::Gone);
            let mut healthy = self.healthy_revisions(of, CARRIED).await?;
            healthy.retain(|it| it.sequence <= through.unsigned_abs());
            if healthy.is_empty() || gone(self.last_of(of).await?) {
                continue;
            }
            // The older one first, so that the newest is the newest again.
            for healthy in healthy.iter().rev() {
                if let Some(record) = self.get(healthy.sequence).await? {
                    entries.push(carried(record, now));
                }
            }
        }
        Ok(entries)
    }

    async fn let_go(&self, through: i64) -> Result<(), HistoryError> {
        let away = |error| self.away(error);
        loop {
            let mut transaction = self.locked().await.map_err(away)?;
            let next = "SELECT sequence, hash FROM trimtab_records WHERE sequence <= $1 AND sequence < \
                        (SELECT min(sequence) FROM trimtab_records) + $2 ORDER BY sequence DESC LIMIT 1";
            let row = sqlx::query(next)
                .bind(through)
                .bind(STEP)
                .fetch_optional(&mut *transaction)
                .await
                .map_err(away)?;
            let Some(row) = row else {
                transaction.rollback().await.map_err(away)?;
                return Ok(());
            };
            let sequence: i64 = row.try_get(0).map_err(away)?;
            let hash: Vec<u8> = row.try_get(1).map_err(away)?;
            // The texts of what goes may have been used again: whoever remembers one asks anew.
            let (_, _, epoch) = head(&mut transaction).await.map_err(away)?;
            let checkpoint = "UPDATE trimtab_checkpoint SET sequence = $1, hash = $2 WHERE id = 1";
            let checkpoint = sqlx::query(checkpoint).bind(sequence).bind(hash);
            checkpoint.execute(&mut *transaction).await.map_err(away)?;
            for (sql, number) in [
                ("DELETE FROM trimtab_records WHERE sequence <= $1", sequence),
                ("DELETE FROM trimtab_texts WHERE last_used <= $1", sequence),
                ("UPDATE trimtab_head SET epoch = $1 WHERE id = 1", epoch + 1),
            ] {
                let done = sqlx::query(sql)
                    .bind(number)
                    .execute(&mut *transaction)
                    .await;
                done.map_err(away)?;
            }
            // Whoever remembers their numbers asks anew, by the epoch.
            let unused = "DELETE FROM trimtab_places WHERE \
                          NOT EXISTS (SELECT 1 FROM trimtab_records WHERE place = trimtab_places.id) AND \
                          NOT EXISTS (SELECT 1 FROM trimtab_records WHERE scope = trimtab_places.id)";
            let swept = sqlx::query(unused).execute(&mut *transaction).await;
            swept.map_err(away)?;
            transaction.commit().await.map_err(away)?;
        }
    }
}

/// What a rollback needs of a record: which revision it was, by which rules, and what it rendered to.
fn carried(record: Record, now: Timestamp) -> Entry {
    let first = record.entry.carried_from.unwrap_or(record.sequence);
    let entry = record.entry;
    Entry {
        revision: entry.revision,
        plugins: entry.plugins,
        values: entry.values,
        inputs: entry.inputs,
        digest: entry.digest,
        carried_from: Some(first),
        message: format!("carried over from record {first}, which is too old to be kept"),
        ..Entry::new(
            now,
            entry.namespace,
            entry.repository,
            entry.kit,
            Cause::Retention,
            entry.outcome,
        )
    }
}
