//! What the pipeline says of a kit, and of a revision.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::late::Unfinished;
use super::pins::Pinned;
use super::{Guardrails, Rendered};
use crate::kit::{KitPath, KitSource, Supplied};
use crate::manifest::{Finding, GroupKind, ObjectKey, Scope};
use crate::source::{Commit, Revision};

/// What the pipeline says of one kit.
#[derive(Clone, Debug)]
pub struct Verdict {
    pub kit: Arc<KitSource>,
    pub rendered: Arc<Rendered>,
    /// Of the rules over several kits.
    pub cross: Vec<Finding>,
    /// Of the rules over what changes against the live revision.
    pub changes: Vec<Finding>,
    /// Whether it has such rules.
    pub compared: bool,
    /// The revision that was live when they were asked.
    pub changed_from: Option<Revision>,
    /// The revision that a person holds it at, in place of the one that was evaluated.
    pub pinned: Option<Pinned>,
    /// Whether it had to be rendered: its inputs are not those of the evaluation before.
    pub looked_at: bool,
    /// Where it stands while what the revision makes of it, which takes long, is being rendered: the
    /// commit that this is the verdict of.
    pub late: Option<Arc<Commit>>,
}

impl Verdict {
    /// Of a kit that the revision does not have.
    pub fn nothing_of(kit: KitSource) -> Self {
        Self {
            kit: Arc::new(kit),
            rendered: Arc::new(Rendered::empty()),
            cross: Vec::new(),
            changes: Vec::new(),
            compared: false,
            changed_from: None,
            pinned: None,
            looked_at: false,
            late: None,
        }
    }

    /// All findings, the kit's own first.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.kit
            .findings
            .iter()
            .chain(&self.rendered.findings)
            .chain(&self.cross)
            .chain(&self.changes)
    }

    pub fn has_errors(&self) -> bool {
        self.findings().any(Finding::is_error)
    }

    /// Whether it has this object. Where a file says no namespace and the scope of its kind is not
    /// known yet, the kit's own is meant.
    pub fn has(&self, key: &ObjectKey) -> bool {
        let own = self.kit.grants.namespace.as_deref();
        self.rendered.manifests.iter().any(|manifest| {
            // Compared field by field: a key costs more to make.
            manifest.object["metadata"]["name"].as_str() == Some(&key.name) && {
                let found = manifest.key();
                found.group_kind == key.group_kind
                    && (found.namespace == key.namespace
                        || found.namespace.is_none() && own == key.namespace.as_deref())
            }
        })
    }
}

/// What the pipeline says of a revision: a function of the commit and the Repository's spec.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// Sorted by path.
    pub verdicts: Vec<Verdict>,
    /// Of the repository rather than of one kit.
    pub findings: Vec<Finding>,
    /// Kinds that CRDs of this revision define.
    pub defined: BTreeMap<GroupKind, (Scope, KitPath)>,
    pub looked_at: usize,
    /// Kits of which this is not the last word: they take long to render, and stand as they were, or
    /// are not there yet.
    pub late: Vec<Unfinished>,
    /// Of the platform team, for what comes past the repository.
    pub guardrails: Arc<Guardrails>,
    /// The platform team's values that it was made with.
    pub supplied: Supplied,
}

impl Evaluation {
    /// Whether the revision makes of a kit what is not known yet.
    pub fn is_late(&self, kit: &KitPath) -> bool {
        self.late.iter().any(|it| it.kit.path == *kit)
    }

    pub fn verdict(&self, kit: &KitPath) -> Option<&Verdict> {
        let found = self
            .verdicts
            .binary_search_by(|verdict| verdict.kit.path.cmp(kit));
        Some(&self.verdicts[found.ok()?])
    }
}
