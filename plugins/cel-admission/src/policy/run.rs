//! Which policies are for an object, by which binding and with which parameter.

use serde_json::Value as Json;
use trimtab_plugin::Object;

use super::bindings::{Request, Target};
use super::defaults::{Admission, as_admitted};
use super::kinds::{Kinds, Resource};
use super::matching::{Candidate, Verdict};
use super::names::Repository;
use super::params::{Params, params};
use super::{Binding, Policy};
use crate::evaluate::evaluate;
use crate::value::{Fault, Key, Value};

/// Kinds of the group that no policy is asked about.
const EXEMPT: &str = "admissionregistration.k8s.io";

/// A policy that is for an object, or may be.
pub struct Found<'p> {
    pub policy: &'p Policy,
    pub binding: Option<&'p Binding>,
    pub what: What<'p>,
}

pub enum What<'p> {
    /// It is to be evaluated, with the parameter of this name.
    Invocation(String, Box<Request<'p>>),
    /// Whether it is for the object is not known here.
    Unknown(String),
    /// The API server would refuse, whatever the expressions.
    Refused(String),
    /// There are no params, which passes.
    Missing(String),
}

/// All that policies are matched against.
pub struct World<'o> {
    pub repository: Repository<'o>,
    pub kinds: Kinds,
    pub admission: Admission,
}

impl<'o> World<'o> {
    pub fn new(
        objects: &'o [Object],
        data: &'o [Object],
        namespace: &'o str,
        admission: Admission,
    ) -> Self {
        let repository = Repository {
            objects,
            data,
            namespace,
        };
        Self {
            kinds: Kinds::of(repository.all()),
            repository,
            admission,
        }
    }

    /// An object's namespace; empty if its kind has none.
    pub fn namespace<'a>(&self, resource: &Resource, object: &'a Object) -> &'a str
    where
        'o: 'a,
    {
        match resource.namespaced {
            true => self.repository.of_object(object),
            false => "",
        }
    }

    /// What is for an object, in the order of the policies.
    pub fn found<'p>(&self, policies: &'p [Policy], object: &Object) -> Vec<Found<'p>> {
        let mut found = Vec::new();
        if object.group() == EXEMPT || object.kind().is_empty() {
            return found;
        }
        let resource = self.kinds.resource(object);
        let namespace = self.namespace(&resource, object);
        let version = object.api_version().rsplit('/').next().unwrap_or_default();
        let subject = Subject {
            object,
            namespace,
            candidate: Candidate {
                resource: &resource,
                version,
                name: object.name(),
                namespace,
                labels: object.at("/metadata/labels"),
            },
        };
        let mut value = None;
        for policy in policies {
            self.of_policy(policy, &subject, &mut value, &mut found);
        }
        found
    }

    fn of_policy<'p>(
        &self,
        policy: &'p Policy,
        subject: &Subject<'_>,
        value: &mut Option<Value>,
        found: &mut Vec<Found<'p>>,
    ) {
        let candidate = &subject.candidate;
        let whole = policy.constraints.matches(candidate, &self.repository);
        if whole == Verdict::Not {
            return;
        }
        for binding in &policy.bindings {
            let of_binding = match &binding.constraints {
                Some(constraints) => constraints.matches(candidate, &self.repository),
                None => Verdict::Matches(String::new()),
            };
            let mut tell = |what| {
                found.push(Found {
                    policy,
                    binding: Some(binding),
                    what,
                });
            };
            let version = match (&whole, of_binding) {
                (_, Verdict::Not) | (Verdict::Not, _) => continue,
                (Verdict::Unknown(what), _) => {
                    tell(What::Unknown(what.clone()));
                    continue;
                }
                (_, Verdict::Unknown(what)) => {
                    tell(What::Unknown(what));
                    continue;
                }
                (Verdict::Matches(version), _) => version.as_str(),
            };
            let value = value.get_or_insert_with(|| {
                as_admitted(subject.object, subject.namespace, self.admission)
            });
            let Some(object) = converted(value, candidate, version) else {
                tell(What::Unknown(format!(
                    "it is for version {version}, and the API server would convert the object from {}",
                    candidate.version
                )));
                continue;
            };
            match params(
                policy,
                binding,
                subject.namespace,
                &self.repository,
                &self.kinds,
            ) {
                Params::Refused(words) => tell(What::Refused(words)),
                Params::Missing(words) => tell(What::Missing(words)),
                Params::Each(params) => {
                    for (name, params) in params {
                        let request =
                            self.request(policy, subject, version, (object.clone(), params));
                        tell(What::Invocation(name, Box::new(request)));
                    }
                }
            }
        }
    }

    fn request<'p>(
        &self,
        policy: &'p Policy,
        subject: &Subject<'_>,
        version: &str,
        (object, params): (Value, Value),
    ) -> Request<'p> {
        let resource = subject.candidate.resource;
        let namespaces = resource.is("", "namespaces");
        let target = Target {
            resource,
            kind: subject.object.kind(),
            versions: (subject.candidate.version, version),
            name: subject.object.name(),
            // A request for a Namespace is in it.
            namespace: match namespaces {
                true => subject.object.name(),
                false => subject.namespace,
            },
        };
        let namespace_object = match subject.namespace {
            "" => Value::Null,
            name => self.repository.namespace_object(name),
        };
        Request::new(policy, object, params, &target, namespace_object)
    }

    /// Kinds whose resource is a guess, where a policy asks for it by name: each with the first
    /// object of it.
    pub fn guesses<'a>(
        &self,
        policies: &[Policy],
        objects: &'a [Object],
    ) -> Vec<(&'a Object, String)> {
        let mut guesses: Vec<(&Object, String)> = Vec::new();
        for object in objects {
            let resource = self.kinds.resource(object);
            let group = object.group();
            let same = |it: &Object| it.group() == group && it.kind() == object.kind();
            let asked = || {
                policies
                    .iter()
                    .any(|it| it.constraints.names_resources_of(group))
            };
            let new = !guesses.iter().any(|(it, _)| same(it));
            if resource.guessed && new && !object.kind().is_empty() && asked() {
                guesses.push((object, resource.plural));
            }
        }
        guesses
    }
}

struct Subject<'o> {
    object: &'o Object,
    namespace: &'o str,
    candidate: Candidate<'o>,
}

/// As of another version, where that is a matter of its name alone.
fn converted(value: &Value, candidate: &Candidate<'_>, version: &str) -> Option<Value> {
    if version == candidate.version {
        return Some(value.clone());
    }
    let Value::Map(fields) = value else {
        return None;
    };
    candidate.resource.same_in_all_versions.then(|| {
        let mut fields = (**fields).clone();
        let api_version = format!("{}/{version}", candidate.resource.group);
        fields.insert(Key::String("apiVersion".into()), Value::text(api_version));
        Value::Map(fields.into())
    })
}

/// Whether all match conditions hold. One that does not outweighs one that fails.
///
/// # Errors
/// None does not, and one fails.
pub fn conditions(policy: &Policy, request: &Request<'_>) -> Result<bool, Fault> {
    let mut fault = None;
    for (name, condition) in &policy.conditions {
        match evaluate(&condition.node, request) {
            Ok(Value::Bool(false)) => return Ok(false),
            Ok(Value::Bool(true)) => {}
            Ok(_) => {
                let words = format!("the match condition {name} is neither true nor false");
                fault = crate::evaluate::worse(fault, Fault::unknown(words));
            }
            Err(found) => {
                fault = crate::evaluate::worse(fault, in_expression(&condition.text, found));
            }
        }
    }
    fault.map_or(Ok(true), Err)
}

/// A fault in the words of the API server.
pub fn in_expression(text: &str, fault: Fault) -> Fault {
    let message = match fault.unknown {
        true => format!(
            "expression '{}' cannot be evaluated before there is a request: {}",
            text.trim(),
            fault.message
        ),
        false => format!("expression '{text}' resulted in error: {}", fault.message),
    };
    Fault { message, ..fault }
}

/// An object's JSON with what a policy sees of it.
pub fn admitted_json(object: &Object, namespace: &str) -> Json {
    let mut value = object.value.clone();
    super::fill(object, &mut value, namespace);
    value
}
