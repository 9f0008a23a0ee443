//! Reading: a page of records, newest first, and what rollback and `trimtab verify` look up.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row as _};

use super::append::list_of;
use super::chain::{Hash, Stored};
use super::database::Store;
use super::entry::{Outcome, Told};
use super::error::HistoryError;
use super::query::{Conditions, Healthy, KitOf, MOST, Page, Query, Record};

/// Repositories or kits that a page is gathered from one by one, each by its index.
const SEVERAL: usize = 64;
/// Revisions that an abbreviation may stand for.
const NAMESAKES: i64 = 32;
/// Healthy records that are looked at for revisions that differ.
const LOOKED_AT: u32 = 10_000;
const PARAMETERS: usize = 500;

/// The column that leads to the records that are asked for, and its values.
pub(super) enum By {
    All,
    Scope(Vec<i64>),
    Place(Vec<i64>),
}

impl Store {
    /// A page of records, newest first: by their place in the chain. Of all kits in a window of time
    /// by their times, for hosts' clocks may differ, and a host whose database was away appends late.
    ///
    /// # Errors
    /// That the database is away, or a record cannot be read.
    pub async fn page(&self, query: &Query) -> Result<Page, HistoryError> {
        let limit = match query.limit {
            0 => 50,
            limit => limit.min(MOST),
        };
        // Of one kit there are few enough.
        let has_times = query.since.is_some() || query.until.is_some();
        let mut rows = match has_times && query.kit.is_none() {
            true => self.window(query, limit).await?,
            false => self.newest(query, limit).await?,
        };
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let records = self.resolved(rows).await?;
        let next = records.last().map(|it| it.sequence).filter(|_| more);
        Ok(Page { records, next })
    }

    /// One record.
    ///
    /// # Errors
    /// That the database is away, or the record cannot be read.
    pub async fn get(&self, sequence: u64) -> Result<Option<Record>, HistoryError> {
        let get = "SELECT sequence, hash, body FROM trimtab_records WHERE sequence = $1";
        let row = sqlx::query(get)
            .bind(i64::try_from(sequence).unwrap_or(i64::MAX))
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.away(error))?;
        let rows = row
            .iter()
            .map(|row| self.row(row))
            .collect::<Result<_, _>>()?;
        Ok(self.resolved(rows).await?.pop())
    }

    /// The newest record of a kit.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn last_of(&self, kit: KitOf<'_>) -> Result<Option<Record>, HistoryError> {
        let query = Query {
            limit: 1,
            ..kit.query()
        };
        Ok(self.page(&query).await?.records.pop())
    }

    /// The newest record by which a revision of a kit was live, with what it rendered to.
    ///
    /// # Errors
    /// As [`page`](Self::page).
    pub async fn last_applied(
        &self,
        kit: KitOf<'_>,
        revision: &str,
    ) -> Result<Option<Record>, HistoryError> {
        let mut query = Query {
            revision: Some(revision.to_owned()),
            ..kit.query()
        };
        loop {
            let page = self.page(&query).await?;
            let live =
                |record: &Record| record.entry.outcome.is_live() && record.entry.digest.is_some();
            if let Some(found) = page.records.into_iter().find(live) {
                return Ok(Some(found));
            }
            match page.next {
                Some(next) => query.before = Some(next),
                None => return Ok(None),
            }
        }
    }

    /// Revisions at which a kit was healthy, newest first, each once.
    ///
    /// # Errors
    /// That the database is away.
    pub async fn healthy_revisions(
        &self,
        kit: KitOf<'_>,
        limit: usize,
    ) -> Result<Vec<Healthy>, HistoryError> {
        let By::Place(places) = self.by(&kit.query()).await? else {
            return Ok(Vec::new());
        };
        let (mut found, mut seen): (Vec<Healthy>, _) = (Vec::new(), BTreeSet::new());
        for place in places {
            let newest = "SELECT sequence, revision, at FROM trimtab_records WHERE place = $1 AND outcome = $2 \
                          AND sequence < $3 ORDER BY sequence DESC LIMIT 256";
            let mut before = i64::MAX;
            let mut looked_at = 0;
            while found.len() < limit && looked_at < LOOKED_AT {
                let rows = sqlx::query(newest)
                    .bind(place)
                    .bind(Outcome::Healthy.to_string())
                    .bind(before)
                    .fetch_all(&self.pool)
                    .await
                    .map_err(|error| self.away(error))?;
                let Some(last) = rows.last() else { break };
                let read = |row: &AnyRow| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
                let away = |error| self.away(error);
                before = last.try_get(0).map_err(away)?;
                looked_at += rows.len() as u32;
                for row in &rows {
                    let (sequence, revision, at): (i64, String, i64) = read(row).map_err(away)?;
                    if found.len() < limit && seen.insert(revision.clone()) {
                        found.push(Healthy {
                            revision,
                            sequence: sequence.unsigned_abs(),
                            at: Timestamp::from_millisecond(at).unwrap_or_default(),
                        });
                    }
                }
            }
        }
        Ok(found)
    }

    async fn newest(
        &self,
        query: &Query,
        limit: u32,
    ) -> Result<Vec<(u64, Hash, Vec<u8>)>, HistoryError> {
        let mut rows = self.rows(query, None, limit).await?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.0));
        Ok(rows)
    }

    /// `(sequence, hash, body)` of what a query asks for, at least one more than `limit` of them if
    /// there are, in no order: the newest, or the oldest after a record.
    pub(super) async fn rows(
        &self,
        query: &Query,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<(u64, Hash, Vec<u8>)>, HistoryError> {
        let Some(revisions) = self.revisions(query).await? else {
            return Ok(Vec::new());
        };
        let mut conditions = conditions(query, revisions);
        if let Some(before) = query.before {
            conditions.number("sequence <", i64::try_from(before).unwrap_or(i64::MAX));
        }
        if let Some(after) = after {
            conditions.number("sequence >", i64::try_from(after).unwrap_or(i64::MAX));
        }
        let order = if after.is_some() { "ASC" } else { "DESC" };
        let by = self.by(query).await?;
        let (column, values) = match &by {
            By::All => ("", &[][..]),
            By::Scope(values) => ("scope", &values[..]),
            By::Place(values) => ("place", &values[..]),
        };
        let groups: Vec<&[i64]> = match (column, values.len()) {
            ("", _) => vec![&[]],
            (_, several) if several <= SEVERAL => values.chunks(1).collect(),
            _ => vec![values],
        };
        let mut found = Vec::new();
        for group in groups {
            let mut conditions = conditions.clone();
            if !group.is_empty() {
                conditions.numbers(column, group);
            }
            let sql = format!(
                "SELECT sequence, hash, body FROM trimtab_records {} ORDER BY sequence {order} LIMIT {}",
                conditions.clause(),
                u64::from(limit) + 1
            );
            let rows = conditions.bound(sql).fetch_all(&self.pool).await;
            for row in rows.map_err(|error| self.away(error))? {
                found.push(self.row(&row)?);
            }
        }
        Ok(found)
    }

    pub(super) fn row(&self, row: &AnyRow) -> Result<(u64, Hash, Vec<u8>), HistoryError> {
        let away = |error| self.away(error);
        let sequence: i64 = row.try_get(0).map_err(away)?;
        let hash: Vec<u8> = row.try_get(1).map_err(away)?;
        let sequence = sequence.unsigned_abs();
        let hash =
            Hash::from_bytes(&hash).ok_or_else(|| self.damaged(sequence, "its hash is none"))?;
        Ok((sequence, hash, row.try_get(2).map_err(away)?))
    }

    pub(super) fn damaged(&self, sequence: u64, reason: impl ToString) -> HistoryError {
        HistoryError::Damaged {
            at: self.at.to_string(),
            sequence,
            reason: reason.to_string(),
        }
    }

    /// Records with their texts.
    pub(super) async fn resolved(
        &self,
        rows: Vec<(u64, Hash, Vec<u8>)>,
    ) -> Result<Vec<Record>, HistoryError> {
        let mut read = Vec::with_capacity(rows.len());
        let mut wanted = BTreeSet::new();
        for (sequence, hash, body) in rows {
            let mut stored: Stored =
                serde_json::from_slice(&body).map_err(|error| self.damaged(sequence, error))?;
            let commitments = stored.commitments().ok_or_else(|| {
                self.damaged(sequence, "a text stands where its commitment belongs")
            })?;
            wanted.extend(commitments);
            read.push((hash, stored));
        }
        let texts = self.texts(wanted.into_iter().collect()).await?;
        let resolve = |(hash, mut stored): (Hash, Stored)| {
            for told in stored.entry.told_mut() {
                let found = told
                    .text()
                    .and_then(|it| texts.get(&it.parse::<Hash>().ok()?));
                *told = found.map_or(Told::ERASED, |(_, text)| Told::new(text));
            }
            Record {
                sequence: stored.sequence,
                hash,
                entry: stored.entry,
            }
        };
        Ok(read.into_iter().map(resolve).collect())
    }

    /// Salts and texts that were not erased.
    pub(super) async fn texts(
        &self,
        commitments: Vec<Hash>,
    ) -> Result<BTreeMap<Hash, (Vec<u8>, String)>, HistoryError> {
        let away = |error| self.away(error);
        let mut texts = BTreeMap::new();
        for chunk in commitments.chunks(PARAMETERS) {
            let sql = format!(
                "SELECT commitment, salt, text FROM trimtab_texts WHERE commitment IN ({})",
                list_of(1, chunk.len())
            );
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for commitment in chunk {
                query = query.bind(commitment.0.to_vec());
            }
            for row in query.fetch_all(&self.pool).await.map_err(away)? {
                let commitment: Vec<u8> = row.try_get(0).map_err(away)?;
                let Some(commitment) = Hash::from_bytes(&commitment) else {
                    continue;
                };
                texts.insert(
                    commitment,
                    (row.try_get(1).map_err(away)?, row.try_get(2).map_err(away)?),
                );
            }
        }
        Ok(texts)
    }

    pub(super) async fn by(&self, query: &Query) -> Result<By, HistoryError> {
        if query.namespace.is_none() && query.repository.is_none() && query.kit.is_none() {
            return Ok(By::All);
        }
        let mut conditions = Conditions::default();
        let named = [
            ("namespace =", &query.namespace),
            ("repository =", &query.repository),
        ];
        for (compared, name) in named {
            if let Some(name) = name {
                conditions.text(compared, name);
            }
        }
        conditions.text("kit =", query.kit.as_deref().unwrap_or(""));
        let sql = format!("SELECT id FROM trimtab_places {}", conditions.clause());
        let rows = conditions.bound(sql).fetch_all(&self.pool).await;
        let ids = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
        let ids = ids.map_err(|error| self.away(error))?;
        Ok(match query.kit {
            Some(_) => By::Place(ids),
            None => By::Scope(ids),
        })
    }

    /// Full ids that begin as the query's revision does; `None` if there is none.
    pub(super) async fn revisions(
        &self,
        query: &Query,
    ) -> Result<Option<Vec<String>>, HistoryError> {
        let Some(named) = &query.revision else {
            return Ok(Some(Vec::new()));
        };
        if named.len() < 4
            || !named
                .bytes()
                .all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        {
            return Err(HistoryError::Asked(format!(
                "{named:?} is no commit id; give its first four digits or more"
            )));
        }
        // The next one that begins differently: the digits end at f.
        let find = "SELECT DISTINCT revision FROM trimtab_records WHERE revision >= $1 AND revision < $2 LIMIT $3";
        let rows = sqlx::query(find)
            .bind(named.clone())
            .bind(format!("{named}g"))
            .bind(NAMESAKES)
            .fetch_all(&self.pool)
            .await;
        let found = rows.and_then(|rows| rows.iter().map(|row| row.try_get(0)).collect());
        let found: Vec<String> = found.map_err(|error| self.away(error))?;
        Ok(Some(found).filter(|found| !found.is_empty()))
    }
}

/// All but where, and before which record.
pub(super) fn conditions(query: &Query, revisions: Vec<String>) -> Conditions {
    let mut conditions = Conditions::default();
    for (time, compared) in [(query.since, "at >="), (query.until, "at <=")] {
        if let Some(time) = time {
            conditions.number(compared, time.as_millisecond());
        }
    }
    if let Some(outcome) = query.outcome {
        conditions.text("outcome =", outcome.to_string());
    }
    if !revisions.is_empty() {
        conditions.texts("revision", revisions);
    }
    conditions
}
