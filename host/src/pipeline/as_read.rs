//! What a rendering has read outside of its kit's directory: known only when it is done.

use std::sync::Arc;

use super::{Rendered, Verdict};
use crate::kit::KitSource;
use crate::render::Sights;
use crate::source::Snapshot;

/// A renderer that was not there is no matter of the kit's.
const MISSING: &str = "trimtab/renderer-missing";

/// The kit with all that its rendering depends on.
pub(super) fn as_read(kit: &Arc<KitSource>, rendered: &Rendered) -> Arc<KitSource> {
    match rendered.reads.is_empty() {
        true => kit.clone(),
        false => Arc::new(KitSource {
            inputs: kit.inputs.and(&rendered.reads.told()),
            ..(**kit).clone()
        }),
    }
}

/// Whether a kit of the same inputs is to be rendered again. `own`: the files of one that is held.
pub(super) fn is_stale(known: &Rendered, own: Option<&Snapshot>, now: &mut Sights<'_>) -> bool {
    let holds = match own {
        Some(own) => known.reads.still_hold(&mut now.at(own)),
        None => known.reads.still_hold(now),
    };
    !holds || lacks_renderer(known)
}

fn lacks_renderer(rendered: &Rendered) -> bool {
    rendered.findings.iter().any(|it| it.rule == MISSING)
}

impl Verdict {
    /// Whether another try may do better, though nothing in the repository has changed.
    pub fn lacks_renderer(&self) -> bool {
        lacks_renderer(&self.rendered)
    }
}
