//! The guardrails of a revision over one object that comes from elsewhere than a commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::Evaluator;
use super::change::{self, compared};
use super::enforcement::weighed;
use super::plugins::Loaded;
use super::rendered::{context, reads, validate};
use super::secrets::Secrets;
use crate::kit::{Grants, KitPath, PluginUse, RepositorySpec, RulePolicy};
use crate::manifest::{Finding, GroupKind, Manifest, Origin, Spans};
use crate::sandbox::{CallPlatform, Plugin};
use crate::source::Snapshot;

/// The validators and change validators among a Repository's guardrails, loaded and checked against their pins.
#[derive(Clone, Debug, Default)]
pub struct Guardrails {
    loaded: Vec<Guardrail>,
    /// Why one of them is missing: then nothing can be judged.
    faults: Vec<Finding>,
}

#[derive(Clone, Debug)]
struct Guardrail {
    used: PluginUse,
    plugin: Arc<Plugin>,
    platform: CallPlatform,
}

/// Whose object it is taken for.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'k> {
    pub kit: &'k KitPath,
    pub grants: &'k Grants,
    pub rules: &'k RulePolicy,
}

impl Evaluator {
    /// Those of a revision that was just evaluated: their components are loaded already.
    pub(super) fn guardrails(
        &self,
        snapshot: &Snapshot,
        spec: &RepositorySpec,
        resolved: &[PluginUse],
    ) -> Guardrails {
        let mut guardrails = Guardrails::default();
        let mut used = Vec::new();
        for (index, wanted) in spec.guardrails.iter().enumerate() {
            if !wanted.admission {
                continue;
            }
            let pointer = format!("/spec/guardrails/{index}");
            if let Some(found) = resolved.iter().find(|used| used.pointer == pointer) {
                used.push(found);
            } else {
                let message = format!("the guardrail {} is not in the revision", wanted.path);
                let finding = Finding::host_error("plugin-missing", message);
                guardrails.faults.push(finding);
            }
        }
        for used in used {
            match self.plugins.ready(snapshot, used) {
                Ok(ready) if judges(&ready.plugin) => guardrails.loaded.push(Guardrail {
                    used: used.clone(),
                    plugin: ready.plugin,
                    platform: ready.platform,
                }),
                // Transformers change what is rendered, and rules over several kits see all of them.
                Ok(_) => {}
                Err(findings) => guardrails.faults.extend(findings),
            }
        }
        guardrails
    }
}

impl Guardrails {
    /// Whether there is nothing to judge by.
    pub fn is_empty(&self) -> bool {
        self.loaded.is_empty() && self.faults.is_empty()
    }

    /// The kinds that they read; `None`: all.
    pub fn kinds(&self) -> Option<BTreeSet<GroupKind>> {
        let described = || self.loaded.iter().map(|it| it.plugin.description());
        if !self.faults.is_empty() || described().any(|it| it.kinds.is_empty()) {
            return None;
        }
        Some(described().flat_map(|it| it.kinds.clone()).collect())
    }

    /// Blocking and CPU-bound. `object` is what a manifest would be, `before` what it replaces; the
    /// error says why there is no verdict.
    pub fn judge(
        &self,
        standing: Standing<'_>,
        before: Option<Value>,
        object: Value,
    ) -> Result<Vec<Finding>, Finding> {
        if let Some(fault) = self.faults.first() {
            return Err(fault.clone());
        }
        let before = before.map(manifest);
        let manifest = manifest(object);
        let mut secrets = Secrets::of([&manifest]);
        secrets.add(&before);
        let changes = compared(before.as_slice(), std::slice::from_ref(&manifest));
        let mut findings = Vec::new();
        for guardrail in &self.loaded {
            if !reads(&guardrail.plugin.description().kinds, &manifest) {
                continue;
            }
            let ready = Loaded {
                used: &guardrail.used,
                plugin: guardrail.plugin.clone(),
                platform: guardrail.platform.clone(),
            };
            let context = context(standing.kit.as_str(), standing.grants, &ready.platform);
            let objects = std::slice::from_ref(&manifest);
            let kinds = ready.plugin.kinds();
            let mut found = Vec::new();
            if kinds.validate {
                found.extend(validate(&context, &ready, objects, &secrets).0);
            }
            if kinds.validate_change {
                found.extend(change::judge(&context, &ready, &changes, &secrets).0);
            }
            for finding in found {
                // The host's own words about a plugin are no verdict.
                if finding.rule.starts_with("trimtab/") {
                    return Err(finding);
                }
                findings.extend(weighed(standing.rules, finding));
            }
        }
        findings
            .sort_by(|a, b| (a.severity, &a.rule, &a.field).cmp(&(b.severity, &b.rule, &b.field)));
        Ok(findings)
    }
}

fn judges(plugin: &Plugin) -> bool {
    let kinds = plugin.kinds();
    kinds.validate || kinds.validate_change
}

/// An object of no file.
fn manifest(object: Value) -> Manifest {
    Manifest {
        object,
        origin: Origin::new("", 0),
        spans: Arc::new(Spans::of_line(0)),
        elsewhere: None,
    }
}
