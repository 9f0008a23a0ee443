//! What a Repository's newest evaluated revision says of a single object.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::kit::{
    AdmissionPolicy, DoorEnforcement, KitPath, KitSource, RepositorySpec, RulePolicy, is_dns_label,
};
use crate::manifest::{Finding, GroupKind, ObjectKey};
use crate::pipeline::{Evaluation, Standing, Verdict};

use super::review::{Request, Verdict as Answer};

/// A Repository's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryId {
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[derive(Debug)]
pub(super) struct Law {
    pub policy: AdmissionPolicy,
    evaluation: Arc<Evaluation>,
    /// Of kits that the revision does not have, and whose objects are live all the same.
    left: Vec<Verdict>,
    /// Which kits, as indices into the verdicts and those left, may have objects in a namespace.
    by_namespace: BTreeMap<Arc<str>, Vec<usize>>,
}

/// Where kits have objects in the cluster.
pub type LiveNamespaces = BTreeMap<KitPath, BTreeSet<Arc<str>>>;

impl Law {
    /// What a revision says of a kit does not take it out of the law, and neither does one that
    /// leaves the kit out: as long as the kit has objects, they are guarded. `before` knows it, or
    /// else the Repository.
    pub(super) fn new(
        policy: AdmissionPolicy,
        spec: &RepositorySpec,
        evaluation: Arc<Evaluation>,
        live: &LiveNamespaces,
        before: Option<&Self>,
    ) -> Self {
        let left = live
            .keys()
            .filter(|path| evaluation.verdict(path).is_none());
        let left = left.map(|path| {
            let known = before.and_then(|before| before.verdicts().find(|it| it.kit.path == *path));
            known
                .cloned()
                .unwrap_or_else(|| Verdict::nothing_of(KitSource::left_out(path, spec)))
        });
        let left: Vec<Verdict> = left.collect();
        let mut by_namespace: BTreeMap<Arc<str>, Vec<usize>> = BTreeMap::new();
        for (index, verdict) in evaluation.verdicts.iter().chain(&left).enumerate() {
            let grants = &verdict.kit.grants;
            let granted = grants.namespace.iter().chain(&grants.granted_namespaces);
            let mut names: BTreeSet<&str> = granted.map(String::as_str).collect();
            let live = live.get(&verdict.kit.path);
            names.extend(live.into_iter().flatten().map(|name| &**name));
            // What it changes may be let through for this revision, by a person.
            let mut errors = verdict.findings().filter(|it| it.is_error());
            let refused = errors.any(|error| !verdict.changes.contains(error));
            if grants.granted_namespaces.is_empty() && !refused {
                // One that may be anywhere is where its objects are to be.
                let objects = verdict.rendered.manifests.iter();
                names.extend(objects.filter_map(|it| it.object["metadata"]["namespace"].as_str()));
            }
            // The API server takes the list as a whole or not at all.
            for name in names.into_iter().filter(|name| is_dns_label(name)) {
                match by_namespace.get_mut(name) {
                    Some(kits) => kits.push(index),
                    None => drop(by_namespace.insert(name.into(), vec![index])),
                }
            }
        }
        Self {
            policy,
            evaluation,
            left,
            by_namespace,
        }
    }

    fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.evaluation.verdicts.iter().chain(&self.left)
    }

    /// By its index.
    fn of(&self, kit: usize) -> &Verdict {
        let verdicts = &self.evaluation.verdicts;
        verdicts
            .get(kit)
            .unwrap_or_else(|| &self.left[kit - verdicts.len()])
    }

    pub(super) fn namespaces(&self) -> impl Iterator<Item = &Arc<str>> {
        self.by_namespace.keys()
    }

    /// Whether there is anything to judge by.
    pub(super) fn has_rules(&self) -> bool {
        !self.evaluation.guardrails.is_empty()
    }

    /// The kinds that its guardrails read; `None`: all.
    pub(super) fn kinds(&self) -> Option<BTreeSet<GroupKind>> {
        self.evaluation.guardrails.kinds()
    }

    /// Blocking and CPU-bound. The error says why there is no verdict.
    pub(super) fn judge(&self, request: Request) -> Result<Answer, Finding> {
        let key = request.key();
        let Some((index, has)) = self.kit_of(&key) else {
            // A kit of it has gone since the webhook was registered.
            return Ok(Answer::default());
        };
        let verdict = self.of(index);
        let of_no_kit;
        let rules: &RulePolicy = if has {
            &verdict.kit.rules
        } else {
            of_no_kit = verdict.kit.rules.of_no_kit();
            &of_no_kit
        };
        let standing = Standing {
            kit: &verdict.kit.path,
            grants: &verdict.kit.grants,
            rules,
        };
        let source = has.then(|| self.origin(index, &key)).flatten();
        let (before, object) = request.into_manifests();
        let guardrails = &self.evaluation.guardrails;
        let findings = guardrails.judge(standing, before, object)?;
        let warn = self.policy.enforce == DoorEnforcement::Warn;
        Ok(Answer::of(&findings, warn, source.as_deref()))
    }

    /// The kit that has an object, or else the first, by path, whose namespace it is in; true if
    /// it has it.
    fn kit_of(&self, key: &ObjectKey) -> Option<(usize, bool)> {
        let kits = self.by_namespace.get(key.namespace.as_deref()?)?;
        let having = kits.iter().find(|kit| self.of(**kit).has(key));
        let own = |kit: &&usize| {
            self.of(**kit).kit.grants.namespace.as_deref() == key.namespace.as_deref()
        };
        match having {
            Some(kit) => Some((*kit, true)),
            None => {
                let at_home = kits.iter().find(own);
                Some((*at_home.or_else(|| kits.first())?, false))
            }
        }
    }

    fn origin(&self, kit: usize, key: &ObjectKey) -> Option<String> {
        let manifests = &self.of(kit).rendered.manifests;
        let same = |found: ObjectKey| {
            found.group_kind == key.group_kind
                && found.name == key.name
                && (found.namespace.is_none() || found.namespace == key.namespace)
        };
        let found = manifests.iter().find(|it| same(it.key()))?;
        Some(found.origin.to_string())
    }
}

#[cfg(test)]
#[path = "law_tests.rs"]
mod tests;
