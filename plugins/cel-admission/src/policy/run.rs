//! Which policies are for an object, by which binding and with which parameter.

use std::cell::RefCell;
use std::collections::BTreeMap;

use trimtab_plugin::Object;

use super::bindings::{Condition, Request, Target, User, request};
use super::defaults::{Admission, as_admitted};
use super::kinds::{Kinds, Resource};
use super::matching::{Candidate, Constraints, Verdict};
use super::names::Repository;
use super::params::Params;
use super::{Binding, Policy};
use crate::evaluate::evaluate;
use crate::value::{Fault, Key, Value};

/// Kinds of the group that no policy is asked about.
const EXEMPT: &str = "admissionregistration.k8s.io";

/// A policy that is for an object, or may be.
pub struct Found<'p> {
    pub policy: &'p Policy,
    pub binding: &'p Binding,
    pub what: What<'p>,
}

pub enum What<'p> {
    /// It is to be evaluated, with the parameter of this name.
    Invocation(String, Box<Request<'p>>),
    /// Whether it is for the object is not known here.
    Unknown(String),
    /// The API server would refuse, whatever the expressions.
    Refused(String),
    /// There are no params here, which the API server might let pass.
    Missing(String),
}

/// All that policies are matched against.
pub struct World<'o> {
    pub repository: Repository<'o>,
    pub kinds: Kinds,
    pub admission: Admission,
    pub user: Option<&'o User>,
    /// What was made of namespaces and of params already, which many objects ask for; params by
    /// their place in memory.
    namespaces: RefCell<BTreeMap<String, Value>>,
    pub(super) params: RefCell<BTreeMap<usize, Value>>,
}

impl<'o> World<'o> {
    pub fn new(
        objects: &'o [Object],
        data: &'o [Object],
        namespace: &'o str,
        admission: Admission,
        user: Option<&'o User>,
    ) -> Self {
        let repository = Repository::new(objects, data, namespace);
        Self {
            kinds: Kinds::of(repository.all(), !namespace.is_empty()),
            repository,
            admission,
            user,
            namespaces: RefCell::default(),
            params: RefCell::default(),
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
        let mut seen = Seen::default();
        for policy in policies {
            self.of_policy(policy, &subject, &mut seen, &mut found);
        }
        found
    }

    fn of_policy<'p>(
        &self,
        policy: &'p Policy,
        subject: &Subject<'_>,
        seen: &mut Seen,
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
                    binding,
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
            let value = seen.object.get_or_insert_with(|| {
                if self.admission == Admission::Mutating {
                    // Each mutation is handed what those before it made.
                    return Value::Null;
                }
                let schema = self.repository.schema(subject.object);
                as_admitted(subject.object, schema, subject.namespace, self.admission)
            });
            let as_it_is = self.admission == Admission::Mutating && version != candidate.version;
            let converted = match as_it_is {
                // What is made of another version would have to be converted back.
                true => None,
                false => converted(value, candidate, version),
            };
            let Some(object) = converted else {
                tell(What::Unknown(format!(
                    "it is for version {version}, and the API server would convert the object from {}",
                    candidate.version
                )));
                continue;
            };
            match self.params(policy, binding, subject.request_namespace()) {
                Params::Refused(words) => tell(What::Refused(words)),
                Params::Missing(words) => tell(What::Missing(words)),
                Params::Each(params) => {
                    let request = seen.request(subject, version, self.user);
                    let namespace = self.namespace_object(subject.namespace);
                    for (name, params) in params {
                        let values = [&object, &params, &request, &namespace].map(Value::clone);
                        let request = Request::new(policy, values);
                        tell(What::Invocation(name, Box::new(request)));
                    }
                }
            }
        }
    }

    fn namespace_object(&self, name: &str) -> Value {
        if name.is_empty() {
            return Value::Null;
        }
        let mut namespaces = self.namespaces.borrow_mut();
        if let Some(known) = namespaces.get(name) {
            return known.clone();
        }
        let object = self.repository.namespace_object(name);
        namespaces.insert(name.to_owned(), object.clone());
        object
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

    /// Kinds of which it is a guess whether they are in a namespace, where a policy or a binding
    /// hangs on that: each with the first object of it.
    pub fn of_open_scope<'a>(&self, policies: &[Policy], objects: &'a [Object]) -> Vec<&'a Object> {
        let has_namespace = !self.repository.namespace.is_empty();
        let mut open: Vec<&Object> = Vec::new();
        for object in objects {
            let (group, kind) = (object.group(), object.kind());
            let new = !open
                .iter()
                .any(|it| it.group() == group && it.kind() == kind);
            if kind.is_empty() || !object.namespace().is_empty() || !new {
                continue;
            }
            let resource = self.kinds.resource(object);
            let hangs = |it: &Constraints| it.hangs_on_scope(&resource, has_namespace);
            let asked = |policy: &Policy| {
                let of_bindings = policy.bindings.iter();
                let mut of_bindings = of_bindings.filter_map(|it| it.constraints.as_ref());
                hangs(&policy.constraints) || of_bindings.any(hangs)
            };
            if resource.guessed && policies.iter().any(asked) {
                open.push(object);
            }
        }
        open
    }
}

struct Subject<'o> {
    object: &'o Object,
    namespace: &'o str,
    candidate: Candidate<'o>,
}

/// What several policies ask of one object.
#[derive(Default)]
struct Seen {
    object: Option<Value>,
    /// By version.
    requests: Vec<(String, Value)>,
}

impl Seen {
    fn request(&mut self, subject: &Subject<'_>, version: &str, user: Option<&User>) -> Value {
        if let Some((_, known)) = self.requests.iter().find(|(it, _)| it == version) {
            return known.clone();
        }
        let made = request(&Target {
            user,
            resource: subject.candidate.resource,
            kind: subject.object.kind(),
            versions: (subject.candidate.version, version),
            name: subject.object.name(),
            namespace: subject.request_namespace(),
        });
        self.requests.push((version.to_owned(), made.clone()));
        made
    }
}

impl<'o> Subject<'o> {
    /// A request for a Namespace is in it.
    fn request_namespace(&self) -> &'o str {
        match self.candidate.resource.is("", "namespaces") {
            true => self.object.name(),
            false => self.namespace,
        }
    }
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
        match evaluate(&condition.node, &Condition(request)) {
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
