//! Erasing what names a person (GDPR, article 17): the text and its salt go, the commitment stays,
//! which says nothing without them; so the chain verifies as before.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::{Any, AssertSqlSafe, Row as _, Transaction};

use super::append::{head, list_of};
use super::chain::{Hash, commitment};
use super::database::{Kind, Store};
use super::entry::{Cause, Entry, Outcome};
use super::error::HistoryError;

/// What is shorter is in too many texts.
const SHORTEST: usize = 3;
const SAMPLES: usize = 20;
const PAGE: i64 = 10_000;
const PARAMETERS: usize = 500;
/// Texts that one record names.
const NAMED: usize = 1_000;
/// How long a name is known by its digest. What comes later than that, and happened before, loses
/// all its texts.
const KNOWN: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);
/// How often, and how long apart, the log is emptied while somebody reads.
const TRIES: u32 = 20;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// What was erased, or would be: names and texts of commits, and what operators wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    pub texts: u64,
    /// Some of them, while they are there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<String>,
}

impl Store {
    /// How many texts name somebody: `alice@example.org`, or `Alice Example`. Letters count alike
    /// in both cases, and only whole words do.
    ///
    /// # Errors
    /// That the name is too short, or the database away.
    pub async fn would_erase(&self, name: &str) -> Result<Erasure, HistoryError> {
        let found = self.naming(name).await?;
        let texts = found.len() as u64;
        let samples = found.into_iter().take(SAMPLES).map(|(_, text)| text);
        Ok(Erasure {
            texts,
            samples: samples.collect(),
        })
    }

    /// Erases the texts that name somebody, and records how many, without the name.
    ///
    /// # Errors
    /// As [`would_erase`](Self::would_erase); nothing is erased then.
    pub async fn erase(&self, name: &str, now: Timestamp) -> Result<Erasure, HistoryError> {
        let found = self.naming(name).await?;
        let mut erased = self.erase_texts(name, &found, now).await?;
        // What another host appended while these were looked for.
        let late = self.naming(name).await?;
        if !late.is_empty() {
            erased.texts += self.erase_texts(name, &late, now).await?.texts;
        }
        Ok(erased)
    }

    async fn erase_texts(
        &self,
        name: &str,
        found: &[(Hash, String)],
        now: Timestamp,
    ) -> Result<Erasure, HistoryError> {
        let away = |error| self.away(error);
        let mut known = self.known.lock().await;
        let mut transaction = self.locked().await.map_err(away)?;
        let mut texts = Vec::new();
        for chunk in found.chunks(PARAMETERS) {
            let sql = format!(
                "DELETE FROM trimtab_texts WHERE commitment IN ({}) RETURNING commitment",
                list_of(1, chunk.len())
            );
            let mut delete = sqlx::query(AssertSqlSafe(sql)).persistent(false);
            for (commitment, _) in chunk {
                delete = delete.bind(commitment.0.to_vec());
            }
            let deleted = delete.fetch_all(&mut *transaction).await.map_err(away)?;
            for row in deleted {
                let bytes: Vec<u8> = row.try_get(0).map_err(away)?;
                texts.extend(Hash::from_bytes(&bytes));
            }
        }
        texts.sort();
        let (_, _, epoch) = head(&mut transaction).await.map_err(away)?;
        let next = sqlx::query("UPDATE trimtab_head SET epoch = $1 WHERE id = 1");
        let next = next.bind(epoch + 1).execute(&mut *transaction).await;
        next.map_err(away)?;
        remember(
            &mut transaction,
            epoch + 1,
            &name.trim().to_lowercase(),
            now,
        )
        .await
        .map_err(away)?;
        let said = match texts.is_empty() {
            true => vec![said(&[], now)],
            false => texts.chunks(NAMED).map(|it| said(it, now)).collect(),
        };
        let (_, learnt) = self.append_in(&mut transaction, &known, said).await?;
        transaction.commit().await.map_err(away)?;
        known.learn(learnt);
        drop(known);
        self.overwrite().await.map_err(away)?;
        Ok(Erasure {
            texts: texts.len() as u64,
            samples: Vec::new(),
        })
    }

    async fn naming(&self, name: &str) -> Result<Vec<(Hash, String)>, HistoryError> {
        let name = name.trim().to_lowercase();
        if name.chars().count() < SHORTEST {
            return Err(HistoryError::Asked(format!(
                "{name:?} is too short to tell whose name it is; give an e-mail address or a full name"
            )));
        }
        let away = |error| self.away(error);
        let page = "SELECT commitment, text FROM trimtab_texts WHERE commitment > $1 ORDER BY commitment LIMIT $2";
        let (mut found, mut after) = (Vec::new(), Vec::new());
        loop {
            let rows = sqlx::query(page)
                .bind(after)
                .bind(PAGE)
                .fetch_all(&self.pool)
                .await;
            let rows = rows.map_err(away)?;
            let Some(last) = rows.last() else {
                return Ok(found);
            };
            after = last.try_get(0).map_err(away)?;
            for row in &rows {
                let text: String = row.try_get(1).map_err(away)?;
                if names(&text.to_lowercase(), &name) {
                    let commitment: Vec<u8> = row.try_get(0).map_err(away)?;
                    found.extend(Hash::from_bytes(&commitment).map(|it| (it, text)));
                }
            }
        }
    }

    /// What a deleted row leaves behind in files goes as well, as far as it is the database's to say.
    async fn overwrite(&self) -> Result<(), sqlx::Error> {
        if self.kind == Kind::Postgres {
            let vacuum = sqlx::raw_sql("VACUUM trimtab_texts");
            return vacuum.execute(&self.pool).await.map(|_| ());
        }
        // `secure_delete` has overwritten the page, whose old state is in the log. Whoever reads at
        // the time keeps it there.
        for _ in 0..TRIES {
            let told = sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)");
            let busy: i64 = told.fetch_one(&self.pool).await?.try_get(0)?;
            if busy == 0 {
                return Ok(());
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(sqlx::Error::Protocol(
            "somebody reads the database, and so its log still has what was erased; erase once more"
                .into(),
        ))
    }
}

fn said(texts: &[Hash], now: Timestamp) -> Entry {
    let mut said = Entry::new(now, "", "", None, Cause::Erasure, Outcome::Noted);
    said.erased = Some(texts.len() as u64);
    said.message = format!(
        "{} texts that name a person were erased on request",
        texts.len()
    );
    said.erased_texts = texts.to_vec();
    said
}

/// An erasure, for what happened before it and is appended after it: what waited in a host's spool.
pub(super) struct Past {
    at: i64,
    salt: Vec<u8>,
    digest: Vec<u8>,
    /// Characters of the name; 0 where it is no longer known.
    length: usize,
}

impl Past {
    /// Whether a text of this time is erased by it.
    pub(super) fn covers(&self, at: i64, text: &str) -> bool {
        at <= self.at && (self.length == 0 || self.names(&text.to_lowercase()))
    }

    fn names(&self, text: &str) -> bool {
        let ends: Vec<usize> = text
            .char_indices()
            .map(|it| it.0)
            .chain([text.len()])
            .collect();
        let mut spans = ends.iter().zip(ends.iter().skip(self.length));
        spans.any(|(start, end)| {
            is_whole(text, *start, *end)
                && commitment(&self.salt, &text[*start..*end]).0[..] == self.digest[..]
        })
    }
}

/// Erasures that concern what happened at this time or later. Names that were known for long enough
/// are no longer.
pub(super) async fn past(
    transaction: &mut Transaction<'static, Any>,
    since: i64,
    now: Timestamp,
) -> Result<Vec<Past>, sqlx::Error> {
    let old = now.saturating_sub(KNOWN).unwrap_or(Timestamp::MIN);
    let find = "SELECT at, salt, digest, length FROM trimtab_erasures WHERE at >= $1 OR length > 0";
    let rows = sqlx::query(find).bind(since).fetch_all(&mut **transaction);
    let mut all = Vec::new();
    let mut is_old = false;
    for row in rows.await? {
        let length: i64 = row.try_get(3)?;
        let past = Past {
            at: row.try_get(0)?,
            salt: row.try_get(1)?,
            digest: row.try_get(2)?,
            length: usize::try_from(length).unwrap_or(0),
        };
        is_old |= past.length > 0 && past.at < old.as_millisecond();
        all.push(past);
    }
    if is_old {
        let forget = "UPDATE trimtab_erasures SET salt = $1, digest = $1, length = 0 WHERE at < $2";
        let forget = sqlx::query(forget)
            .bind(Vec::<u8>::new())
            .bind(old.as_millisecond());
        forget.execute(&mut **transaction).await?;
    }
    Ok(all)
}

async fn remember(
    transaction: &mut Transaction<'static, Any>,
    id: i64,
    name: &str,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    let salt: [u8; 16] = rand::random();
    let insert =
        "INSERT INTO trimtab_erasures (id, at, salt, digest, length) VALUES ($1, $2, $3, $4, $5)";
    let insert = sqlx::query(insert)
        .bind(id)
        .bind(now.as_millisecond())
        .bind(salt.to_vec())
        .bind(commitment(&salt, name).0.to_vec())
        .bind(i64::try_from(name.chars().count()).unwrap_or(0));
    insert.execute(&mut **transaction).await.map(|_| ())
}

/// Whether a text has a name in it as whole words: `bob`, and not `bobsled`.
fn names(text: &str, name: &str) -> bool {
    let mut found = text.match_indices(name);
    found.any(|(start, found)| is_whole(text, start, start + found.len()))
}

fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let word = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
    !word(text[..start].chars().next_back()) && !word(text[end..].chars().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_whole_words() {
        for (text, name, expected) in [
            ("alice <alice@example.org>", "alice@example.org", true),
            ("by malice", "alice", false),
            ("bobsled, and bob", "bob", true),
            ("bobsled", "bob", false),
            ("zoë müller", "müller", true),
            ("xalice@example.org", "alice@example.org", false),
        ] {
            assert_eq!(names(text, name), expected, "{text}");
            // By the digest of the name alone, and for what happened before alone.
            let past = Past {
                at: 5,
                salt: vec![7],
                digest: commitment(&[7], name).0.to_vec(),
                length: name.chars().count(),
            };
            assert_eq!(past.covers(5, text), expected, "{text}");
            assert!(!past.covers(6, text));
        }
    }
}
