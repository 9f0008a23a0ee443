//! MutatingAdmissionPolicy objects of the repository, carried out on a kit's objects before they
//! are applied.

use std::collections::BTreeSet;

use cel_admission::patch::{Schema, apply, carry, patched};
use cel_admission::policy::{
    Admission, Binding, Found, Mutation, Policy, RULES, Reading, Request, Settings, Telling, What,
    World, conditions, fill, in_expression, is_built_in, policies, tagged, worded,
};
use cel_admission::{Fault, Value, evaluate};
use serde_json::Value as Json;
use trimtab_plugin::{Context, Object, Report, Rule, Transformer};

const KIND: &str = "MutatingAdmissionPolicy";

pub struct CelMutate;

impl Rule for CelMutate {
    type Settings = Settings;
    const NAME: &'static str = "cel-mutate";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str =
        "Changes objects by the repository's MutatingAdmissionPolicies, as the API server would.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "mutation",
            "What a MutatingAdmissionPolicy makes of an object can be made of it",
        ),
        RULES[0],
        RULES[1],
        RULES[2],
        RULES[3],
        RULES[4],
        RULES[5],
    ];
}

impl Transformer for CelMutate {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, report: &mut Report) {
        let before = objects.clone();
        let Reading { policies, faults } = policies(KIND, &before, &context.data);
        let namespace = &context.namespace;
        let world = World::new(
            &before,
            &context.data,
            namespace,
            Admission::Mutating,
            context.settings.user.as_ref(),
        );
        let mut telling = Telling::new(report, &before, &context.settings);
        telling.faults(faults);
        telling.policies(&policies, &world);
        for object in objects {
            let found = world.found(&policies, object);
            if found.is_empty() {
                continue;
            }
            let mut mutated = Mutated::new(object, &world, &mut telling);
            let again = mutated.by_all(found);
            if !again.is_empty() {
                // Selectors are asked anew, of what the object has become.
                let found = world.found(&policies, &mutated.value);
                mutated.once_more(found, &again);
            }
            let value = carry(&object.value, &mutated.filled, &mutated.value.value);
            object.value = value;
        }
    }
}

trimtab_plugin::export_transformer!(CelMutate);

struct Mutated<'m, 'r> {
    /// As it was handed over.
    object: Object,
    namespace: String,
    schema: Schema<'m>,
    /// The schema of its CustomResourceDefinition.
    defined: Option<&'m Json>,
    /// As it was before any mutation, with what the API server fills in.
    filled: Json,
    /// As it is by now.
    value: Object,
    /// The same, as expressions see it.
    seen: Value,
    telling: &'m mut Telling<'r>,
}

/// A policy, a binding and a param, by their names.
type Key = (String, String, String);

fn key((policy, binding): (&Policy, &Binding), param: String) -> Key {
    (policy.name.clone(), binding.name.clone(), param)
}

impl<'m, 'r> Mutated<'m, 'r> {
    fn new(object: &Object, world: &'m World<'_>, telling: &'m mut Telling<'r>) -> Self {
        let resource = world.kinds.resource(object);
        let namespace = world.namespace(&resource, object).to_owned();
        let defined = world.repository.schema(object);
        let mut value = object.clone();
        fill(object, &mut value.value, defined, &namespace);
        Self {
            object: object.clone(),
            schema: match is_built_in(object) {
                true => Schema::BuiltIn,
                false => defined.map_or(Schema::Unknown, Schema::Defined),
            },
            defined,
            namespace,
            filled: value.value.clone(),
            seen: Value::from_json(&value.value),
            value,
            telling,
        }
    }

    /// Gives those that are to be carried out once more: if anything was, all whose
    /// reinvocationPolicy says so.
    fn by_all(&mut self, found: Vec<Found<'_>>) -> BTreeSet<Key> {
        let (mut again, mut any) = (BTreeSet::new(), false);
        for found in found {
            let by = (found.policy, found.binding);
            match found.what {
                What::Invocation(param, mut request) => {
                    let Some(applied) = self.by_one(by, &mut request) else {
                        continue;
                    };
                    any |= applied;
                    if by.0.again {
                        again.insert(key(by, param));
                    }
                }
                other => {
                    if let Some(words) = self.telling.not_invoked(&self.object, by, other) {
                        self.refused(by, &words);
                    }
                }
            }
        }
        if any { again } else { BTreeSet::new() }
    }

    fn once_more(&mut self, found: Vec<Found<'_>>, again: &BTreeSet<Key>) {
        for found in found {
            let by = (found.policy, found.binding);
            if let What::Invocation(param, mut request) = found.what
                && again.contains(&key(by, param))
            {
                self.by_one(by, &mut request);
            }
        }
    }

    /// Whether a mutation was applied; none if its conditions do not hold.
    fn by_one(&mut self, by: (&Policy, &Binding), request: &mut Request<'_>) -> Option<bool> {
        request.with_object(self.seen.clone());
        match conditions(by.0, request) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(fault) => {
                self.fault(by, fault);
                return None;
            }
        }
        let mut applied = false;
        for mutation in &by.0.mutations {
            match self.mutated(mutation, request) {
                Ok(made) => {
                    applied = true;
                    if let Some(value) = made {
                        self.value.value = value;
                        let value = &mut self.value.value;
                        fill(&self.object, value, self.defined, &self.namespace);
                        self.seen = Value::from_json(value);
                    }
                    request.with_object(self.seen.clone());
                }
                Err(fault) => self.fault(by, fault),
            }
        }
        Some(applied)
    }

    fn mutated(&self, mutation: &Mutation, request: &Request<'_>) -> Result<Option<Json>, Fault> {
        let (Mutation::Apply(expression) | Mutation::Patch(expression)) = mutation;
        let made = evaluate(&expression.node, request)
            .map_err(|fault| in_expression(&expression.text, fault))?;
        let made = match mutation {
            Mutation::Apply(_) => apply(&self.value.value, &made, &self.schema).map(Some),
            Mutation::Patch(_) => patched(&self.value.value, &made),
        };
        made.map_err(|fault| match fault.unknown {
            true => in_expression(&expression.text, fault),
            false => fault,
        })
    }

    fn fault(&mut self, by: (&Policy, &Binding), fault: Fault) {
        if let Some(words) = self.telling.fault(&self.object, by, fault) {
            self.refused(by, &words);
        }
    }

    fn refused(&mut self, (policy, binding): (&Policy, &Binding), words: &str) {
        let message = worded(words, policy, binding);
        let told = self
            .telling
            .report
            .error("mutation", message, &self.object, "");
        tagged(told, policy, binding);
    }
}

#[cfg(test)]
mod tests;
