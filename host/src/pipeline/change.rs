//! Rules over what a revision changes of a kit, against the revision that is live.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::enforcement::weighed;
use super::plugins::Loaded;
use super::rendered::{as_they_were, call_object, context, finding, reads, unevaluated};
use super::secrets::Secrets;
use super::{Evaluation, Evaluator, PluginStore, Rendered, Verdict};
use crate::kit::{KitPath, KitSource, RepositorySpec, Supplied};
use crate::manifest::{Finding, GroupKind, Manifest, ObjectKey, Scopes};
use crate::render::Sights;
use crate::sandbox::{CallChange, CallContext};
use crate::source::{Revision, Snapshot, SourceError};

/// A change of one object; one of the two is there.
type Change<'m> = (Option<&'m Manifest>, Option<&'m Manifest>);

impl Evaluator {
    /// Asks the change validators about each kit that has one and is live at another revision
    /// than this: `live` names it, `at` gives its files. A kit that is not live anywhere changes
    /// nothing. What was found before for the same two renderings is not asked again.
    pub fn judge_changes(
        &mut self,
        snapshot: &Snapshot,
        spec: &RepositorySpec,
        evaluation: &mut Evaluation,
        live: &BTreeMap<KitPath, Revision>,
        at: impl Fn(&Revision) -> Result<Snapshot, SourceError>,
    ) -> Result<(), SourceError> {
        let mut asked: BTreeMap<&Revision, Vec<usize>> = BTreeMap::new();
        for (index, verdict) in evaluation.verdicts.iter_mut().enumerate() {
            // What was good once is to stay in reach.
            let files = self.files_of(snapshot, verdict);
            if verdict.pinned.is_some() || !self.judges_changes(files, &verdict.kit) {
                continue;
            }
            verdict.compared = true;
            let Some(revision) = live.get(&verdict.kit.path) else {
                continue;
            };
            verdict.changed_from = Some(revision.clone());
            match self
                .known
                .get(&verdict.kit.path)
                .and_then(|it| it.changes.as_ref())
            {
                Some((from, to, found))
                    if from == revision && Arc::ptr_eq(to, &verdict.rendered) =>
                {
                    verdict.changes.clone_from(found);
                }
                _ => asked.entry(revision).or_default().push(index),
            }
        }
        let mut scopes = Scopes::default();
        for (kind, (scope, _)) in &evaluation.defined {
            scopes.learn(kind.clone(), *scope);
        }
        for (revision, indices) in asked {
            let before = self.as_they_are(spec, &evaluation.supplied, revision, &at);
            for index in indices {
                let verdict = &mut evaluation.verdicts[index];
                verdict.changes = match &before {
                    Ok((live, kits)) => {
                        let files = self.files_of(snapshot, verdict);
                        self.changes(files, verdict, (live, kits), &scopes)
                    }
                    Err(reason) => vec![not_comparable(revision, reason)],
                };
                if let Some(known) = self.known.get_mut(&verdict.kit.path) {
                    let found = verdict.changes.clone();
                    known.changes = Some((revision.clone(), verdict.rendered.clone(), found));
                }
            }
        }
        let known = self.known.values().map(|known| &known.files);
        let damage = known.chain([snapshot]).find_map(Snapshot::damage);
        match damage.cloned() {
            Some(damage) => {
                self.forget();
                Err(damage)
            }
            None => Ok(()),
        }
    }

    /// A kit that is late is as an earlier revision has it.
    fn files_of<'s>(&'s self, newest: &'s Snapshot, verdict: &Verdict) -> &'s Snapshot {
        let known = self.known.get(&verdict.kit.path);
        let own = known.filter(|_| verdict.late.is_some());
        own.map_or(newest, |known| &known.files)
    }

    fn judges_changes(&self, snapshot: &Snapshot, kit: &KitSource) -> bool {
        let mut plugins = kit.plugins.iter();
        plugins.any(|used| self.plugins.judges_changes(snapshot, used))
    }

    /// The kits of a revision that is live.
    fn as_they_are(
        &mut self,
        spec: &RepositorySpec,
        supplied: &Supplied,
        revision: &Revision,
        at: &impl Fn(&Revision) -> Result<Snapshot, SourceError>,
    ) -> Result<(Snapshot, Vec<Arc<KitSource>>), String> {
        let live = at(revision).map_err(|error| error.to_string())?;
        let discovery = self
            .live
            .discover(&live, spec, supplied)
            .map_err(|error| error.to_string())?;
        Ok((live, discovery.kits))
    }

    fn changes(
        &self,
        snapshot: &Snapshot,
        verdict: &Verdict,
        (live, kits): (&Snapshot, &[Arc<KitSource>]),
        scopes: &Scopes,
    ) -> Vec<Finding> {
        let Ok(found) = kits.binary_search_by(|kit| kit.path.cmp(&verdict.kit.path)) else {
            return Vec::new();
        };
        let kit = &kits[found];
        let reads = &verdict.rendered.reads;
        let same = kit.own_inputs == verdict.kit.own_inputs;
        let elsewhere = self.plugins.elsewhere();
        let mut sights = Sights::new(live, &kit.sources, elsewhere);
        if same && reads.still_hold(&mut sights) {
            return Vec::new();
        }
        match as_they_were(live, kit, &self.plugins, scopes) {
            Ok((before, given)) => between(
                snapshot,
                &verdict.kit,
                (&before, &given),
                &verdict.rendered,
                &self.plugins,
            ),
            Err(error) => vec![not_comparable(&live.revision(), &error.message)],
        }
    }
}

/// What a kit's change validators say of two renderings.
fn between(
    snapshot: &Snapshot,
    kit: &KitSource,
    (before, given): (&[Manifest], &Secrets),
    after: &Rendered,
    plugins: &PluginStore,
) -> Vec<Finding> {
    let mut secrets = Secrets::of(before);
    secrets.add(&after.manifests);
    secrets.join(given);
    secrets.join(&after.given);
    let changes = compared(before, &after.manifests);
    let mut findings = Vec::new();
    for used in &kit.plugins {
        // One that cannot be loaded has stopped the kit before this.
        let Ok(ready) = plugins.ready(snapshot, used) else {
            continue;
        };
        if !ready.plugin.kinds().validate_change {
            continue;
        }
        let context = context(kit.path.as_str(), &kit.grants, &ready.platform);
        let (found, _) = judge(&context, &ready, &changes, &secrets);
        let weighed = |finding| weighed(&kit.rules, finding);
        findings.extend(found.into_iter().filter_map(weighed));
    }
    findings
}

/// Objects that are not the same before and after, by their keys.
pub(super) fn compared<'m>(before: &'m [Manifest], after: &'m [Manifest]) -> Vec<Change<'m>> {
    let mut pairs: BTreeMap<ObjectKey, Change<'m>> = BTreeMap::new();
    for manifest in before {
        pairs.entry(manifest.key()).or_default().0 = Some(manifest);
    }
    for manifest in after {
        pairs.entry(manifest.key()).or_default().1 = Some(manifest);
    }
    let differs = |(before, after): &Change<'_>| match (before, after) {
        (Some(before), Some(after)) => before.object != after.object,
        _ => true,
    };
    pairs.into_values().filter(differs).collect()
}

/// What a change validator says, and the fuel that it took. It is not asked about nothing.
pub(super) fn judge(
    context: &CallContext,
    Loaded { used, plugin, .. }: &Loaded<'_>,
    changes: &[Change<'_>],
    secrets: &Secrets,
) -> (Vec<Finding>, u64) {
    let kinds: &[GroupKind] = &plugin.description().kinds;
    let read: Vec<&Change<'_>> = changes
        .iter()
        .filter(|(before, after)| after.or(*before).is_some_and(|it| reads(kinds, it)))
        .collect();
    if read.is_empty() {
        return (Vec::new(), 0);
    }
    let handed: Vec<CallChange> = read
        .iter()
        .map(|(before, after)| CallChange {
            before: before.map(call_object),
            after: after.map(call_object),
        })
        .collect();
    match plugin.validate_change(context, &handed) {
        Ok((found, fuel)) => {
            let object = |index: usize| {
                read.get(index)
                    .and_then(|(before, after)| after.or(*before))
            };
            let told = found
                .into_iter()
                .map(|raw| finding(used, plugin, raw, object, secrets))
                .collect();
            (told, fuel)
        }
        Err(error) => (vec![unevaluated(used, &error, secrets)], 0),
    }
}

fn not_comparable(revision: &Revision, reason: &str) -> Finding {
    let message = format!(
        "the revision {} that is live cannot be compared with: {reason}",
        revision.short()
    );
    Finding::host_error("change-not-comparable", message).hint(
        "if what changes is meant: trimtab reconcile KIT --allow-changes REV, with this revision",
    )
}
