//! What the record, or the status, says of a kit that is rendered again, and why it is another thing.

use crate::history::KitOf;
use crate::kit::{GivenValues, KitStatus};
use crate::pipeline::{Rendered, Reproduced};
use crate::source::Revision;

use super::asked::{View, first_error};
use super::host::Shared;
use super::verify::Again;

/// What a kit was rendered to, and with which values.
pub(super) struct Recorded {
    pub digest: Option<String>,
    /// Nothing if that is not known.
    pub values: Option<Vec<GivenValues>>,
}

/// What was recorded when a kit was applied at a revision: by its status, where that is live, else
/// by the history, else by the status again, which knows the last healthy ones.
pub(super) async fn recorded(
    shared: &Shared,
    view: &View,
    again: &Again,
    revision: &Revision,
) -> Result<Recorded, String> {
    let status = &again.status;
    let live = status.applied.as_ref().map(|it| it.revision.as_str());
    if live == Some(revision.as_str()) {
        return Ok(Recorded {
            digest: status.digest.clone(),
            values: Some(status.values.clone()),
        });
    }
    let (namespace, repository) = (view.namespace(), view.name());
    if let Some(store) = shared.recorder.as_ref().and_then(|it| it.writer().store()) {
        let kit = KitOf {
            namespace: &namespace,
            repository: &repository,
            kit: again.path.as_str(),
        };
        let found = store.last_applied(kit, revision.as_str()).await;
        let found = found.map_err(|error| format!("the history cannot be read: {error}"))?;
        if let Some(entry) = found.map(|it| it.entry).filter(|it| it.digest.is_some()) {
            let values = entry.values.into_iter().map(|it| GivenValues {
                name: it.name,
                digest: it.digest,
            });
            // Of what is too old, only what a rollback needs was kept.
            return Ok(Recorded {
                digest: entry.digest,
                values: Some(values.collect()),
            });
        }
    }
    let mut healthy = status.history.iter();
    let known = healthy.find(|it| it.revision.revision == revision.as_str());
    Ok(Recorded {
        digest: known.map(|it| it.digest.clone()),
        values: None,
    })
}

/// Says which of the platform team's values are others than they were then.
pub(super) fn others(then: Option<&[GivenValues]>, reproduced: &Reproduced) -> Option<String> {
    let now = &reproduced.kit.given.values;
    let named = |all: &[GivenValues], one: &GivenValues| all.iter().any(|it| it == one);
    let then = then?;
    let changed = now.iter().filter(|it| !named(then, it));
    let gone = then
        .iter()
        .filter(|it| !now.iter().any(|other| other.name == it.name));
    let names: Vec<&str> = changed.chain(gone).map(|it| it.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("the platform team's values {names} are others now than when it was applied")
    })
}

/// Why a rendering may be another than the one that was applied.
pub(super) fn why(status: &KitStatus, reproduced: &Reproduced, rendered: &Rendered) -> String {
    if rendered.findings.iter().any(|it| it.is_error()) {
        return first_error(&rendered.findings);
    }
    let live = status.applied.as_ref().map(|it| &it.revision);
    let tried = status.attempted.as_ref().map(|it| &it.revision);
    let inputs = reproduced.kit.inputs.to_string();
    match live == tried && status.inputs.as_ref() != Some(&inputs) {
        true => "the Repository gives the kit other grants, guardrails, values or settings now than when it was applied".into(),
        false => "from the same commit, rules and settings: what is recorded, or what renders, was tampered with".into(),
    }
}
