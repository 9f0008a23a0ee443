//! Kits as an earlier revision has them, beside the others as they are: what a rollback brings
//! back was never heard together with what came since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kit::{Discoverer, KitPath, PluginUse, RepositorySpec, Supplied};
use crate::manifest::{Finding, GroupKind, Scope, Scopes};
use crate::source::{Snapshot, SourceError};

use super::as_read::as_read;
use super::referential::Candidate;
use super::referential::{over_all, over_its_own};
use super::{Evaluator, Verdict, render_kit};

impl Evaluator {
    /// Kits of another revision, judged by the rules of their own that they had there, and
    /// without those over several kits; those that the revision has. What this evaluator
    /// remembers of the newest revision stays.
    pub fn evaluate_kits(
        &self,
        snapshot: &Snapshot,
        newest: &Snapshot,
        (spec, supplied): (&RepositorySpec, &Supplied),
        paths: &BTreeSet<KitPath>,
        defined: &BTreeMap<GroupKind, (Scope, KitPath)>,
    ) -> Result<Vec<Verdict>, SourceError> {
        let settings = (spec, supplied);
        let discovery = Discoverer::default().discover_earlier(snapshot, Some(newest), settings)?;
        let mut scopes = Scopes::default();
        for (kind, (scope, _)) in defined {
            scopes.learn(kind.clone(), *scope);
        }
        let kits = discovery.kits.into_iter();
        let verdicts = kits.filter(|kit| paths.contains(&kit.path)).map(|kit| {
            let rendered = Arc::new(render_kit(snapshot, &kit, &self.plugins, &scopes));
            Verdict {
                kit: as_read(&kit, &rendered),
                rendered,
                cross: Vec::new(),
                changes: Vec::new(),
                compared: false,
                changed_from: None,
                pinned: None,
                looked_at: true,
                late: None,
            }
        });
        let verdicts = verdicts.collect();
        match snapshot.damage() {
            Some(damage) => Err(damage.clone()),
            None => Ok(verdicts),
        }
    }

    /// Errors of rules over several kits, whichever kit they are told of, that come about when a
    /// kit is as it was earlier, and are not there as it is now. `snapshot` is the earlier one.
    pub fn clashes(
        &self,
        snapshot: &Snapshot,
        earlier: &Verdict,
        now: Option<&Verdict>,
        others: &[Verdict],
    ) -> Vec<Finding> {
        let guardrails = earlier.kit.plugins.iter().filter(|used| used.guardrail);
        let guardrails: Vec<PluginUse> = guardrails.cloned().collect();
        let errors = |with: &Verdict| {
            let all: Vec<Candidate> = [with].into_iter().chain(others).map(candidate).collect();
            let mut findings = over_all(snapshot, &guardrails, &all, &self.plugins);
            findings.retain(|(_, finding)| finding.is_error());
            findings
        };
        let before = now.map(errors).unwrap_or_default();
        let mut clashes = errors(earlier);
        clashes.retain(|told| !before.contains(told));
        let own = over_its_own(snapshot, &candidate(earlier), &self.plugins);
        clashes.extend(own.into_iter().filter(|(_, finding)| finding.is_error()));
        clashes.into_iter().map(|(_, finding)| finding).collect()
    }
}

fn candidate(verdict: &Verdict) -> Candidate {
    Candidate {
        kit: verdict.kit.clone(),
        rendered: verdict.rendered.clone(),
    }
}
