//! Which records are asked for, and what is answered.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyArguments;
use sqlx::{Any, AssertSqlSafe};

use super::append::list_of;
use super::chain::Hash;
use super::entry::{Entry, Outcome};

/// Records that one page may have.
pub const MOST: u32 = 1_000;

/// Which records. All that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Query {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The kit's directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kit: Option<String>,
    /// A commit id, or what it begins with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// Only records before this one: the last page's `next`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<u64>,
    /// 0 is 50; at most 1,000.
    #[serde(skip_serializing_if = "is_zero")]
    pub limit: u32,
}

fn is_zero(limit: &u32) -> bool {
    *limit == 0
}

/// An entry and its place in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    pub sequence: u64,
    pub hash: Hash,
    #[serde(flatten)]
    pub entry: Entry,
}

/// Newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    pub records: Vec<Record>,
    /// `before` of the next page; `None` at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// A kit, wherever several platforms share a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KitOf<'k> {
    pub namespace: &'k str,
    pub repository: &'k str,
    pub kit: &'k str,
}

impl KitOf<'_> {
    pub(super) fn query(&self) -> Query {
        Query {
            namespace: Some(self.namespace.to_owned()),
            repository: Some(self.repository.to_owned()),
            kit: Some(self.kit.to_owned()),
            ..Query::default()
        }
    }
}

/// A revision at which a kit was healthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Healthy {
    pub revision: String,
    /// The newest record that says so.
    pub sequence: u64,
    pub at: Timestamp,
}

/// A `WHERE` clause, whose parameters are numbered as they come.
#[derive(Clone, Default)]
pub(super) struct Conditions {
    clauses: Vec<String>,
    parameters: Vec<Parameter>,
}

#[derive(Clone)]
enum Parameter {
    Number(i64),
    Text(String),
}

impl Conditions {
    /// `compared` is a column and an operator.
    pub(super) fn number(&mut self, compared: &str, number: i64) {
        self.parameters.push(Parameter::Number(number));
        self.clauses
            .push(format!("{compared} ${}", self.parameters.len()));
    }

    /// What comes before a row in an order by two columns.
    pub(super) fn before(&mut self, first: (&str, i64), second: (&str, i64)) {
        self.parameters.push(Parameter::Number(first.1));
        self.parameters.push(Parameter::Number(second.1));
        let last = self.parameters.len();
        let columns = (first.0, second.0);
        self.clauses.push(format!(
            "({}, {}) < (${}, ${last})",
            columns.0,
            columns.1,
            last - 1
        ));
    }

    pub(super) fn text(&mut self, compared: &str, text: impl Into<String>) {
        self.parameters.push(Parameter::Text(text.into()));
        self.clauses
            .push(format!("{compared} ${}", self.parameters.len()));
    }

    pub(super) fn numbers(&mut self, column: &str, numbers: &[i64]) {
        self.list(
            column,
            numbers.iter().copied().map(Parameter::Number).collect(),
        );
    }

    pub(super) fn texts(&mut self, column: &str, texts: Vec<String>) {
        self.list(column, texts.into_iter().map(Parameter::Text).collect());
    }

    fn list(&mut self, column: &str, list: Vec<Parameter>) {
        let parameters = list_of(self.parameters.len() + 1, list.len());
        self.clauses.push(format!("{column} IN ({parameters})"));
        self.parameters.extend(list);
    }

    pub(super) fn clause(&self) -> String {
        match self.clauses.is_empty() {
            true => String::new(),
            false => format!("WHERE {}", self.clauses.join(" AND ")),
        }
    }

    /// `sql` holds the [clause](Self::clause).
    pub(super) fn bound(self, sql: String) -> sqlx::query::Query<'static, Any, AnyArguments> {
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for parameter in self.parameters {
            query = match parameter {
                Parameter::Number(number) => query.bind(number),
                Parameter::Text(text) => query.bind(text),
            };
        }
        query
    }
}
