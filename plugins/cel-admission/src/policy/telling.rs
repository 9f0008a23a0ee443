//! What both plugins have to say of policies: what they cannot evaluate, and what does nothing.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use trimtab_plugin::{Finished, Object, Report};

use super::bindings::User;
use super::run::{What, World};
use super::{Binding, Policy};
use crate::value::Fault;

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Weight {
    #[default]
    Error,
    Warning,
    Info,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// How a policy weighs that cannot be evaluated before there is a request, or that the API
    /// server would not take.
    pub unevaluated: Weight,
    /// Who will ask: the account by which objects are applied. Without it, `request.userInfo` is
    /// not known.
    pub user: Option<User>,
}

/// The rules of a plugin that are about policies, and not about objects.
pub const RULES: [(&str, &str); 6] = [
    (
        "unevaluated",
        "Every policy can be evaluated before there is a request",
    ),
    (
        "unbound",
        "Every policy has a binding: without one it does nothing",
    ),
    (
        "updates",
        "A policy is for new objects as well: changes and deletions are not judged here",
    ),
    (
        "ignored",
        "No expression fails where failurePolicy is Ignore",
    ),
    (
        "params",
        "The params of a binding are among the objects and the data",
    ),
    (
        "resource",
        "How a kind is called in a request is known, and no guess",
    ),
];

pub struct Telling<'r> {
    pub report: &'r mut Report,
    objects: &'r [Object],
    unevaluated: Weight,
    /// What was said of params already.
    missing: Vec<String>,
}

impl<'r> Telling<'r> {
    pub fn new(report: &'r mut Report, objects: &'r [Object], settings: &Settings) -> Self {
        Self {
            report,
            objects,
            unevaluated: settings.unevaluated,
            missing: Vec::new(),
        }
    }

    /// One of the kit's objects, or none of them.
    fn place(&self, index: Option<usize>) -> Object {
        match index.and_then(|index| self.objects.get(index)) {
            Some(object) => object.clone(),
            None => Object::new(Json::Null),
        }
    }

    fn not_evaluated(&mut self, object: &Object, words: &str) -> Finished<'_> {
        self.not_known("unevaluated", object, words)
    }

    fn not_known(&mut self, rule: &str, object: &Object, words: &str) -> Finished<'_> {
        match self.unevaluated {
            Weight::Error => self.report.error(rule, words, object, ""),
            Weight::Warning => self.report.warning(rule, words, object, ""),
            Weight::Info => self.report.info(rule, words, object, ""),
        }
    }

    /// Of policies that the API server would refuse.
    pub fn faults(&mut self, faults: Vec<(Option<usize>, String)>) {
        for (index, words) in faults {
            let place = self.place(index);
            self.not_evaluated(&place, &words);
        }
    }

    /// Of what is true whatever the objects are.
    pub fn policies(&mut self, policies: &[Policy], world: &World<'_>) {
        for policy in policies {
            let place = self.place(policy.index);
            let named = policy.title();
            if policy.bindings.is_empty() {
                let message = format!("{named} has no binding: it does nothing");
                let told = self.report.warning("unbound", message, &place, "");
                told.tag("policy", &policy.name);
            } else if policy.never_for_creation() {
                let message =
                    format!("{named} is for changes and deletions only: it is not judged here");
                let told = self.report.info("updates", message, &place, "");
                told.tag("policy", &policy.name);
            }
        }
        for (object, plural) in world.guesses(policies, self.objects) {
            let (group, kind) = (object.group(), object.kind());
            let message = format!(
                "{kind} of {group} is taken to be the resource {plural}; give its CustomResourceDefinition by data"
            );
            self.not_known("resource", object, &message);
        }
        for object in world.of_open_scope(policies, self.objects) {
            let (group, kind) = (object.group(), object.kind());
            let message = format!(
                "whether {kind} of {group} is in a namespace is not known; give its CustomResourceDefinition by data"
            );
            self.not_known("resource", object, &message);
        }
    }

    /// Of a policy that is not to be evaluated for an object. Gives the words in which the API
    /// server would refuse, if it would.
    pub fn not_invoked(
        &mut self,
        object: &Object,
        (policy, binding): (&Policy, &Binding),
        what: What<'_>,
    ) -> Option<String> {
        match what {
            What::Unknown(words) => self.unknown(object, (policy, binding), &words),
            What::Missing(words) => {
                let message = format!("{}, binding {}: {words}", policy.title(), binding.name);
                if !self.missing.contains(&message) {
                    let place = self.place(policy.index);
                    let told = self.not_known("params", &place, &message);
                    tagged(told, policy, binding);
                    self.missing.push(message);
                }
            }
            What::Refused(words) if policy.lenient => {
                self.ignored(object, (policy, binding), &words);
            }
            What::Refused(words) => return Some(words),
            What::Invocation(..) => {}
        }
        None
    }

    /// Of a fault. Gives the words in which the API server would refuse, if it would.
    pub fn fault(
        &mut self,
        object: &Object,
        by: (&Policy, &Binding),
        fault: Fault,
    ) -> Option<String> {
        if fault.unknown {
            self.unknown(object, by, &fault.message);
        } else if by.0.lenient {
            self.ignored(object, by, &fault.message);
        } else {
            return Some(fault.message);
        }
        None
    }

    fn unknown(&mut self, object: &Object, (policy, binding): (&Policy, &Binding), words: &str) {
        let words = format!("{}: {words}", policy.title());
        tagged(self.not_evaluated(object, &words), policy, binding);
    }

    pub fn ignored(
        &mut self,
        object: &Object,
        (policy, binding): (&Policy, &Binding),
        words: &str,
    ) {
        let message = worded(words, policy, binding);
        let told = self.report.info("ignored", message, object, "");
        tagged(told, policy, binding);
    }
}

pub fn worded(words: &str, policy: &Policy, binding: &Binding) -> String {
    format!(
        "{words} ({} {}, binding {})",
        policy.kind, policy.name, binding.name
    )
}

pub fn tagged<'f>(told: Finished<'f>, policy: &Policy, binding: &Binding) -> Finished<'f> {
    told.tag("policy", &policy.name)
        .tag("binding", &binding.name)
}
