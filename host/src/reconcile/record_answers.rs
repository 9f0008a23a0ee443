//! What the host answers of the record.

use serde_json::Value;

use crate::history::{Anchor, HistoryError, Query, Store};
use crate::web::{Ask, Refusal};

use super::recording::Recorder;

/// `None`: it is no question about the record. `anchors` are those that Repositories' statuses have.
pub(super) async fn answer(
    recorder: Option<&Recorder>,
    ask: &Ask,
    anchors: Vec<Anchor>,
) -> Option<Result<Value, Refusal>> {
    let path = ask.path.strip_prefix("/v1/history")?;
    let store = match store(recorder) {
        Ok(store) => store,
        Err(refusal) => return Some(Err(refusal)),
    };
    let answered = match path {
        "" => page(&store, ask).await,
        "/lines" => lines(&store, ask).await,
        "/verify" => verify(&store, ask, anchors).await,
        path => match path.strip_prefix('/').and_then(|it| it.parse().ok()) {
            Some(sequence) => record(&store, sequence).await,
            None => return None,
        },
    };
    Some(answered)
}

fn store(recorder: Option<&Recorder>) -> Result<Store, Refusal> {
    let Some(recorder) = recorder else {
        return Err(Refusal::missing("this host records nothing")
            .hint("it was started with --history none"));
    };
    let writer = recorder.writer();
    writer.store().ok_or_else(|| {
        let trouble = writer
            .trouble()
            .unwrap_or_else(|| "it is being opened".into());
        Refusal::unavailable(format!("the history cannot be read now: {trouble}"))
    })
}

fn query(ask: &Ask) -> Result<Query, Refusal> {
    let Some(text) = ask.get("query") else {
        return Ok(Query::default());
    };
    serde_json::from_str(text).map_err(|error| Refusal::unclear(format!("query: {error}")))
}

fn failed(error: HistoryError) -> Refusal {
    Refusal::unavailable(format!("the history cannot be read: {error}"))
}

fn json(value: &impl serde::Serialize) -> Result<Value, Refusal> {
    serde_json::to_value(value).map_err(|error| Refusal::failed(error.to_string()))
}

async fn page(store: &Store, ask: &Ask) -> Result<Value, Refusal> {
    let page = store.page(&query(ask)?).await.map_err(failed)?;
    json(&page)
}

async fn record(store: &Store, sequence: u64) -> Result<Value, Refusal> {
    match store.get(sequence).await.map_err(failed)? {
        Some(record) => json(&record),
        None => Ok(Value::Null),
    }
}

async fn lines(store: &Store, ask: &Ask) -> Result<Value, Refusal> {
    let after = ask.parsed("after")?.unwrap_or_default();
    let limit = ask.parsed("limit")?.unwrap_or(100);
    let lines = store.lines(&query(ask)?, after, limit).await;
    json(&lines.map_err(failed)?)
}

async fn verify(store: &Store, ask: &Ask, mut anchors: Vec<Anchor>) -> Result<Value, Refusal> {
    if let Some(text) = ask.get("anchors") {
        let more: Vec<Anchor> = serde_json::from_str(text)
            .map_err(|error| Refusal::unclear(format!("anchors: {error}")))?;
        anchors.extend(more);
    }
    json(&store.verify(&anchors).await.map_err(failed)?)
}
