//! The record for somebody without the database: JSON, one record a line, from which the chain can
//! be verified anywhere.

use std::collections::{BTreeMap, HashSet};
use std::io::BufRead;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sqlx::Row as _;

use super::append::Anchor;
use super::bounds;
use super::chain::{Hash, Stored, commitment, write_canonical};
use super::database::Store;
use super::error::HistoryError;
use super::query::{MOST, Query};
use super::verification::{Chain, Missing, Report};

/// Bytes of a line that is read: a record with its texts is far below.
const LINE: u64 = 4 * bounds::RECORD as u64;

/// A record as it is hashed: `hash = SHA-256(previous ‖ record)`, the record written as RFC 8785
/// says. Names and what people wrote are in it by `SHA-256(salt ‖ text)`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    pub previous: Hash,
    pub hash: Hash,
    pub record: Value,
    /// The texts that were not erased, by their commitments.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<Hash, OpenedText>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedText {
    /// Hexadecimal.
    pub salt: String,
    pub text: String,
}

impl Line {
    /// The record's number.
    pub fn sequence(&self) -> Option<u64> {
        self.record.get("sequence").and_then(Value::as_u64)
    }
}

impl Store {
    /// Up to `limit` lines after a record, oldest first; fewer only at the end.
    ///
    /// # Errors
    /// That the database is away, or a record cannot be read.
    pub async fn lines(
        &self,
        query: &Query,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Line>, HistoryError> {
        let limit = limit.clamp(1, MOST);
        let mut rows = self.rows(query, Some(after), limit).await?;
        rows.sort_by_key(|row| row.0);
        rows.truncate(limit as usize);
        let mut read = Vec::with_capacity(rows.len());
        for (sequence, hash, body) in rows {
            let record: Value =
                serde_json::from_slice(&body).map_err(|error| self.damaged(sequence, error))?;
            let mut stored: Stored =
                serde_json::from_slice(&body).map_err(|error| self.damaged(sequence, error))?;
            let commitments = stored.commitments().unwrap_or_default();
            read.push((sequence, hash, record, commitments));
        }
        let wanted: HashSet<Hash> = read.iter().flat_map(|it| it.3.iter().copied()).collect();
        let texts = self.texts(wanted.into_iter().collect()).await?;
        let mut lines = Vec::with_capacity(read.len());
        let mut last: Option<Anchor> = None;
        for (sequence, hash, record, commitments) in read {
            let previous = match last.filter(|it| it.sequence + 1 == sequence) {
                Some(last) => last.hash,
                None => self.hash_before(sequence).await?,
            };
            last = Some(Anchor { sequence, hash });
            let opened = commitments.iter().filter_map(|commitment| {
                let (salt, text) = texts.get(commitment)?;
                let salt = salt.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = text.clone();
                Some((*commitment, OpenedText { salt, text }))
            });
            lines.push(Line {
                previous,
                hash,
                record,
                texts: opened.collect(),
            });
        }
        Ok(lines)
    }

    async fn hash_before(&self, sequence: u64) -> Result<Hash, HistoryError> {
        let before = i64::try_from(sequence).unwrap_or(i64::MAX) - 1;
        if before == 0 {
            return Ok(Hash::NONE);
        }
        let find = "SELECT hash FROM trimtab_records WHERE sequence = $1 \
                    UNION ALL SELECT hash FROM trimtab_checkpoint WHERE sequence = $1 LIMIT 1";
        let row = sqlx::query(find)
            .bind(before)
            .fetch_optional(&self.pool)
            .await;
        let hash = row.and_then(|row| row.map(|row| row.try_get::<Vec<u8>, _>(0)).transpose());
        let hash = hash.map_err(|error| self.away(error))?;
        hash.and_then(|it| Hash::from_bytes(&it))
            .ok_or_else(|| self.damaged(sequence, "the record before it is missing"))
    }
}

/// Verifies an export as [`Store::verify`] does a database.
///
/// # Errors
/// That it cannot be read, or a line is none of an export.
pub fn verify_lines(mut from: impl BufRead, anchors: &[Anchor]) -> Result<Report, HistoryError> {
    let mut chain = Chain::new(None, anchors);
    let (mut missing, mut opened) = (Missing::default(), HashSet::new());
    let mut begins = None;
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = std::io::Read::take(&mut from, LINE).read_until(b'\n', &mut line);
        let wrong = |reason: String| HistoryError::Export {
            line: number,
            reason,
        };
        if read.map_err(|error| wrong(error.to_string()))? == 0 || !chain.report.is_whole() {
            break;
        }
        let line: Line = serde_json::from_slice(&line).map_err(|error| wrong(error.to_string()))?;
        let sequence = line
            .sequence()
            .ok_or_else(|| wrong("the record has no number".into()))?;
        if sequence > chain.expects() {
            let before = Anchor {
                sequence: sequence - 1,
                hash: line.previous,
            };
            chain.skip_to(before);
        }
        begins.get_or_insert(sequence);
        check_line(&mut chain, sequence, &line, &mut missing, &mut opened)
            .map_err(|error| wrong(error.to_string()))?;
    }
    chain.report.texts = opened.len() as u64;
    missing.explain(&mut chain.report);
    // What retention let go is not left out.
    if begins.is_some_and(|it| it > 1 && chain.was_let_go(it - 1)) {
        chain.report.gaps -= 1;
    }
    chain.end(None);
    Ok(chain.report)
}

fn check_line(
    chain: &mut Chain,
    sequence: u64,
    line: &Line,
    missing: &mut Missing,
    opened: &mut HashSet<Hash>,
) -> serde_json::Result<()> {
    let mut body = Vec::new();
    write_canonical(&line.record, &mut body)?;
    let Some(mut stored) = chain.next(sequence, line.hash, &body) else {
        return Ok(());
    };
    let Some(commitments) = stored.commitments() else {
        chain.fault(sequence, "a text stands where its commitment belongs");
        return Ok(());
    };
    for (sealed, text) in &line.texts {
        let salt = unhex(&text.salt);
        if !commitments.contains(sealed)
            || salt.map(|it| commitment(&it, &text.text)) != Some(*sealed)
        {
            chain.fault(
                sequence,
                format!("the text {sealed} is not the one that was recorded"),
            );
        }
        opened.insert(*sealed);
    }
    missing.note(sequence, &stored.entry);
    for commitment in commitments {
        if !line.texts.contains_key(&commitment) {
            missing.is_not_there(commitment, sequence);
        }
    }
    Ok(())
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|it| Some(it.to_digit(16)? as u8))
        .collect();
    let digits = digits.filter(|it| it.len().is_multiple_of(2))?;
    Some(
        digits
            .chunks(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect(),
    )
}
