//! Appending: a transaction that holds the chain's head, whoever else appends meanwhile.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::chain::{Hash, Stored, commitment, link};
use super::database::Store;
use super::entry::{Entry, Told};
use super::erasure;
use super::error::HistoryError;

/// Rows of one statement: SQLite has 32,766 parameters, PostgreSQL 65,535.
const ROWS: usize = 500;
/// Texts whose commitments are remembered.
const TEXTS: usize = 10_000;

/// Where an entry came to stand in the chain. Kept somewhere else, it is an anchor: a chain that was
/// cut off, or made anew, does not have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    pub sequence: u64,
    pub hash: Hash,
}

/// What this process knows of the database's dictionaries.
#[derive(Default)]
pub(super) struct Known {
    epoch: i64,
    places: HashMap<Place, i64>,
    texts: HashMap<String, (Hash, [u8; 16])>,
}

/// Namespace, Repository, kit; the last is empty for the Repository itself.
type Place = (String, String, String);

/// Entries of a writer that numbers them, so that none is there twice.
pub(super) struct Numbered<'w> {
    pub writer: &'w [u8; 16],
    pub first: i64,
}

struct Row {
    sequence: i64,
    at: i64,
    scope: i64,
    place: i64,
    revision: String,
    outcome: String,
    hash: Hash,
    body: Vec<u8>,
}

impl Store {
    /// Whether the chain has this record, or began after it.
    ///
    /// # Errors
    /// That the database is away.
    pub async fn has(&self, anchor: Anchor) -> Result<bool, HistoryError> {
        let find = "SELECT hash FROM trimtab_records WHERE sequence = $1 \
                    UNION ALL SELECT hash FROM trimtab_checkpoint WHERE sequence = $1";
        let sequence = i64::try_from(anchor.sequence).unwrap_or(i64::MAX);
        let found: Option<Vec<u8>> = sqlx::query_scalar(find)
            .bind(sequence)
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.away(error))?;
        if let Some(hash) = found {
            return Ok(Hash::from_bytes(&hash) == Some(anchor.hash));
        }
        let begins = "SELECT sequence FROM trimtab_checkpoint WHERE id = 1";
        let begins: i64 = sqlx::query_scalar(begins)
            .fetch_one(&self.pool)
            .await
            .map_err(|error| self.away(error))?;
        Ok(sequence < begins)
    }

    /// Appends entries in this order, all or none.
    ///
    /// # Errors
    /// That the database is away or refuses. Whether they are there is then not known.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Vec<Anchor>, HistoryError> {
        self.append_numbered(entries, None).await
    }

    pub(super) async fn append_numbered(
        &self,
        mut entries: Vec<Entry>,
        numbered: Option<Numbered<'_>>,
    ) -> Result<Vec<Anchor>, HistoryError> {
        let mut known = self.known.lock().await;
        let away = |error| self.away(error);
        let mut transaction = self.locked().await.map_err(away)?;
        let given = entries.len() as i64;
        if let Some(numbered) = &numbered {
            let stored = stored(&mut transaction, numbered.writer)
                .await
                .map_err(away)?;
            let there = usize::try_from(stored - numbered.first + 1).unwrap_or(0);
            entries.drain(..there.min(entries.len()));
        }
        let (appended, learnt) = self.append_in(&mut transaction, &known, entries).await?;
        if let Some(numbered) = &numbered {
            let last = numbered.first - 1 + given;
            note_stored(&mut transaction, numbered.writer, last)
                .await
                .map_err(away)?;
        }
        transaction.commit().await.map_err(away)?;
        known.learn(learnt);
        Ok(appended)
    }

    /// Appends in a transaction that is [locked](Self::locked); gives what is known once it is
    /// committed.
    pub(super) async fn append_in(
        &self,
        transaction: &mut Transaction<'static, Any>,
        known: &Known,
        entries: Vec<Entry>,
    ) -> Result<(Vec<Anchor>, Known), HistoryError> {
        let away = |error| self.away(error);
        let (mut sequence, mut previous, epoch) = head(transaction).await.map_err(away)?;
        let mut learnt = Known {
            epoch,
            ..Known::default()
        };
        let oldest = entries.iter().map(|it| it.at.as_millisecond()).min();
        let now = jiff::Timestamp::now();
        let past = erasure::past(transaction, oldest.unwrap_or(i64::MAX), now)
            .await
            .map_err(away)?;
        let mut used = BTreeMap::new();
        let mut rows = Vec::with_capacity(entries.len());
        for entry in entries {
            let entry = entry.bounded();
            sequence += 1;
            let of = |kit: &str| {
                (
                    entry.namespace.clone(),
                    entry.repository.clone(),
                    kit.to_owned(),
                )
            };
            let scope = place(transaction, known, &mut learnt, of(""))
                .await
                .map_err(away)?;
            let place = match entry.kit.as_deref() {
                Some(kit) => place(transaction, known, &mut learnt, of(kit))
                    .await
                    .map_err(away)?,
                None => scope,
            };
            let (at, outcome) = (entry.at.as_millisecond(), entry.outcome.to_string());
            let revision = entry.revision.as_ref().map(|it| it.id.clone());
            let mut stored = Stored {
                sequence: sequence as u64,
                entry,
            };
            for told in stored.entry.told_mut() {
                // It waited in a spool while a name in it was erased.
                if told
                    .text()
                    .is_some_and(|text| past.iter().any(|it| it.covers(at, text)))
                {
                    *told = Told::ERASED;
                }
                if let Told::Text(text) = told {
                    let (commitment, salt) = sealed(known, &mut learnt, text);
                    let text = std::mem::replace(text, commitment.to_string());
                    used.insert(commitment, (sequence, salt, text));
                }
            }
            let body = stored.bytes().map_err(|error| self.unwritten(&error))?;
            previous = link(&previous, &body);
            rows.push(Row {
                sequence,
                at,
                scope,
                place,
                revision: revision.unwrap_or_default(),
                outcome,
                hash: previous,
                body,
            });
        }
        let appended = rows.iter().map(|row| Anchor {
            sequence: row.sequence as u64,
            hash: row.hash,
        });
        let appended = appended.collect();
        insert_texts(transaction, used).await.map_err(away)?;
        insert_records(transaction, rows).await.map_err(away)?;
        let advance = "UPDATE trimtab_head SET sequence = $1, hash = $2 WHERE id = 1";
        sqlx::query(advance)
            .bind(sequence)
            .bind(previous.0.to_vec())
            .execute(&mut **transaction)
            .await
            .map_err(away)?;
        Ok((appended, learnt))
    }

    fn unwritten(&self, error: &serde_json::Error) -> HistoryError {
        HistoryError::Asked(format!("an entry cannot be written as JSON: {error}"))
    }
}

impl Known {
    /// Of a transaction that was committed.
    pub(super) fn learn(&mut self, learnt: Known) {
        if self.epoch != learnt.epoch || self.texts.len() > TEXTS {
            self.texts.clear();
            self.places.clear();
        }
        self.epoch = learnt.epoch;
        self.places.extend(learnt.places);
        self.texts.extend(learnt.texts);
    }
}

/// A text's commitment: that of before if it is still there, else a new one.
fn sealed(known: &Known, learnt: &mut Known, text: &str) -> (Hash, [u8; 16]) {
    let before = known
        .texts
        .get(text)
        .filter(|_| known.epoch == learnt.epoch);
    if let Some(found) = before.or_else(|| learnt.texts.get(text)) {
        return *found;
    }
    let salt: [u8; 16] = rand::random();
    let sealed = (commitment(&salt, text), salt);
    learnt.texts.insert(text.to_owned(), sealed);
    sealed
}

/// Sequence and hash of the last record, and how often texts were erased.
pub(super) async fn head(
    transaction: &mut Transaction<'static, Any>,
) -> Result<(i64, Hash, i64), sqlx::Error> {
    let row = sqlx::query("SELECT sequence, hash, epoch FROM trimtab_head WHERE id = 1")
        .fetch_one(&mut **transaction)
        .await?;
    let hash: Vec<u8> = row.try_get(1)?;
    let hash = Hash::from_bytes(&hash)
        .ok_or_else(|| sqlx::Error::Protocol("the chain's head has no hash".into()))?;
    Ok((row.try_get(0)?, hash, row.try_get(2)?))
}

async fn place(
    transaction: &mut Transaction<'static, Any>,
    known: &Known,
    learnt: &mut Known,
    place: Place,
) -> Result<i64, sqlx::Error> {
    let before = known
        .places
        .get(&place)
        .filter(|_| known.epoch == learnt.epoch);
    if let Some(id) = before.or_else(|| learnt.places.get(&place)) {
        return Ok(*id);
    }
    let find =
        "SELECT id FROM trimtab_places WHERE namespace = $1 AND repository = $2 AND kit = $3";
    let found: Option<i64> = sqlx::query_scalar(find)
        .bind(place.0.clone())
        .bind(place.1.clone())
        .bind(place.2.clone())
        .fetch_optional(&mut **transaction)
        .await?;
    let id = match found {
        Some(id) => id,
        None => {
            let next = "SELECT coalesce(max(id), 0) + 1 FROM trimtab_places";
            let id: i64 = sqlx::query_scalar(next)
                .fetch_one(&mut **transaction)
                .await?;
            let insert = "INSERT INTO trimtab_places (id, namespace, repository, kit) VALUES ($1, $2, $3, $4)";
            sqlx::query(insert)
                .bind(id)
                .bind(place.0.clone())
                .bind(place.1.clone())
                .bind(place.2.clone())
                .execute(&mut **transaction)
                .await?;
            id
        }
    };
    learnt.places.insert(place, id);
    Ok(id)
}

async fn insert_texts(
    transaction: &mut Transaction<'static, Any>,
    texts: BTreeMap<Hash, (i64, [u8; 16], String)>,
) -> Result<(), sqlx::Error> {
    let texts: Vec<_> = texts.into_iter().collect();
    for chunk in texts.chunks(ROWS) {
        let sql = format!(
            "INSERT INTO trimtab_texts (commitment, last_used, salt, text) VALUES {} \
             ON CONFLICT (commitment) DO UPDATE SET last_used = excluded.last_used",
            rows_of(chunk.len(), 4)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for (commitment, (last_used, salt, text)) in chunk {
            query = query
                .bind(commitment.0.to_vec())
                .bind(*last_used)
                .bind(salt.to_vec())
                .bind(text.clone());
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

async fn insert_records(
    transaction: &mut Transaction<'static, Any>,
    rows: Vec<Row>,
) -> Result<(), sqlx::Error> {
    let mut rows = rows.into_iter();
    while rows.len() > 0 {
        let chunk: Vec<Row> = rows.by_ref().take(ROWS).collect();
        let sql = format!(
            "INSERT INTO trimtab_records (sequence, at, scope, place, revision, outcome, hash, body) VALUES {}",
            rows_of(chunk.len(), 8)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
        for row in chunk {
            query = query
                .bind(row.sequence)
                .bind(row.at)
                .bind(row.scope)
                .bind(row.place)
                .bind(row.revision)
                .bind(row.outcome)
                .bind(row.hash.0.to_vec())
                .bind(row.body);
        }
        query.execute(&mut **transaction).await?;
    }
    Ok(())
}

/// `($1, $2), ($3, $4)`: both databases know parameters by number.
fn rows_of(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let parameters: Vec<String> = (1..=columns)
            .map(|column| format!("${}", row * columns + column))
            .collect();
        format!("({})", parameters.join(", "))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(", ")
}

/// `$FIRST, …`, for a list in brackets.
pub(super) fn list_of(first: usize, count: usize) -> String {
    let parameters: Vec<String> = (first..first + count).map(|it| format!("${it}")).collect();
    parameters.join(", ")
}

/// The last entry of a writer that is there.
pub(super) async fn stored(
    transaction: &mut Transaction<'static, Any>,
    writer: &[u8; 16],
) -> Result<i64, sqlx::Error> {
    let stored = sqlx::query_scalar("SELECT stored FROM trimtab_writers WHERE id = $1")
        .bind(writer.to_vec())
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(stored.unwrap_or(0))
}

async fn note_stored(
    transaction: &mut Transaction<'static, Any>,
    writer: &[u8; 16],
    last: i64,
) -> Result<(), sqlx::Error> {
    let note = "INSERT INTO trimtab_writers (id, stored) VALUES ($1, $2) \
                ON CONFLICT (id) DO UPDATE SET stored = excluded.stored";
    let note = sqlx::query(note).bind(writer.to_vec()).bind(last);
    note.execute(&mut **transaction).await.map(|_| ())
}
