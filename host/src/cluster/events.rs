//! Kubernetes Events that a person would want.

use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};

use super::Cluster;

/// The API server's limit for an Event's note.
const NOTE_LIMIT: usize = 1024;

/// One Event about a Repository or a Kit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub warning: bool,
    /// CamelCase.
    pub reason: &'static str,
    pub message: String,
}

impl Cluster {
    pub(super) fn recorder(&self) -> Recorder {
        let reporter = Reporter {
            controller: "trimtab".into(),
            instance: None,
        };
        Recorder::new(self.client.clone(), reporter)
    }

    /// Publishes an Event; a failure is logged, for an Event is not worth stopping for.
    pub async fn publish(&self, about: &ObjectReference, note: &Note) {
        let mut message = note.message.clone();
        if message.len() > NOTE_LIMIT {
            let mut end = NOTE_LIMIT - 4;
            while !message.is_char_boundary(end) {
                end -= 1;
            }
            message.truncate(end);
            message.push('…');
        }
        let event = Event {
            type_: if note.warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: note.reason.to_owned(),
            note: Some(message),
            action: "Reconcile".into(),
            secondary: None,
        };
        if let Err(error) = self.recorder().publish(&event, about).await {
            tracing::warn!(object = ?about.name, %error, "the Event was not taken");
        }
    }
}
