//! Records in a window of time.

use super::chain::Hash;
use super::database::Store;
use super::error::HistoryError;
use super::query::Query;
use super::read::{By, conditions};

impl Store {
    /// One more than `limit` in a window of time, the newest first, by the index of times.
    pub(super) async fn window(
        &self,
        query: &Query,
        limit: u32,
    ) -> Result<Vec<(u64, Hash, Vec<u8>)>, HistoryError> {
        let Some(revisions) = self.revisions(query).await? else {
            return Ok(Vec::new());
        };
        let mut conditions = conditions(query, revisions);
        if let By::Scope(scopes) = self.by(query).await? {
            // Not by its own index, which knows no times.
            conditions.numbers("scope + 0", &scopes);
        }
        if let Some(before) = query.before {
            let before = i64::try_from(before).unwrap_or(i64::MAX);
            let time = "SELECT at FROM trimtab_records WHERE sequence = $1";
            let at: Option<i64> = sqlx::query_scalar(time)
                .bind(before)
                .fetch_optional(&self.pool)
                .await
                .map_err(|error| self.away(error))?;
            match at {
                Some(at) => conditions.before(("at", at), ("sequence", before)),
                None => conditions.number("sequence <", before),
            }
        }
        let sql = format!(
            "SELECT sequence, hash, body FROM trimtab_records {} ORDER BY at DESC, sequence DESC LIMIT {}",
            conditions.clause(),
            u64::from(limit) + 1
        );
        let rows = conditions.bound(sql).fetch_all(&self.pool).await;
        let rows = rows.map_err(|error| self.away(error))?;
        rows.iter().map(|row| self.row(row)).collect()
    }
}
