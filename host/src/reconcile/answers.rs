//! What the host tells of itself to whoever asks it.

use std::sync::Arc;

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::history::Anchor;
use crate::web::{Answers, Ask, Refusal};

use super::blame::blame;
use super::diff::diff;
use super::host::Shared;
use super::record_answers;
use super::verify::verify;

pub(super) struct HostAnswers {
    shared: Arc<Shared>,
    since: Timestamp,
}

impl HostAnswers {
    /// Of a host that leads from now on.
    pub(super) fn new(shared: Arc<Shared>, now: Timestamp) -> Self {
        Self { shared, since: now }
    }

    /// Which host this is, and what it is responsible for.
    fn host(&self) -> Value {
        let followed = self.shared.repositories.all();
        let repositories: Vec<String> = followed
            .iter()
            .map(|(namespace, name)| format!("{namespace}/{name}"))
            .collect();
        let options = &self.shared.options;
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "identity": options.candidate.identity,
            "namespace": options.candidate.namespace,
            "leadsSince": self.since,
            "onlyNamespace": options.namespace,
            "admission": self.shared.door.is_some(),
            "repositories": repositories,
        })
    }
}

impl HostAnswers {
    /// Where the record must have got to, as Repositories' statuses say.
    fn anchors(&self) -> Vec<Anchor> {
        self.shared.repositories.anchors()
    }
}

impl Answers for HostAnswers {
    fn answer(&self, ask: Ask) -> BoxFuture<'_, Result<Value, Refusal>> {
        Box::pin(async move {
            let recorder = self.shared.recorder.as_ref();
            if let Some(answered) = record_answers::answer(recorder, &ask, self.anchors()).await {
                return answered;
            }
            match ask.path.as_str() {
                "/v1/host" => Ok(self.host()),
                "/v1/blame" => blame(&self.shared, &ask).await,
                "/v1/diff" => diff(&self.shared, &ask).await,
                "/v1/verify" => verify(&self.shared, &ask).await,
                path => Err(
                    Refusal::missing(format!("this host has no answer to {path}")).hint(
                        "it may be older than this command line; `trimtab host` shows its version",
                    ),
                ),
            }
        })
    }
}
