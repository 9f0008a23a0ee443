//! What the names in a policy's expressions stand for.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::Policy;
use super::kinds::Resource;
use crate::evaluate::{Bindings, evaluate};
use crate::value::{Fault, Outcome, Value};

/// One object that is to be created, under one policy with one parameter.
pub struct Request<'p> {
    policy: &'p Policy,
    object: Value,
    params: Value,
    request: Value,
    namespace_object: Value,
    /// What was evaluated already; none while it is being evaluated.
    variables: RefCell<BTreeMap<String, Outcome>>,
}

/// What the request is for.
pub struct Target<'o> {
    pub resource: &'o Resource,
    pub kind: &'o str,
    /// The version that the object has, and the one that the policy wants.
    pub versions: (&'o str, &'o str),
    pub name: &'o str,
    pub namespace: &'o str,
}

impl<'p> Request<'p> {
    pub fn new(
        policy: &'p Policy,
        object: Value,
        params: Value,
        target: &Target<'_>,
        namespace_object: Value,
    ) -> Self {
        Self {
            policy,
            object,
            params,
            request: request(target),
            namespace_object,
            variables: RefCell::default(),
        }
    }

    /// As the object has become; variables are evaluated anew.
    pub fn with_object(&mut self, object: Value) {
        self.object = object;
        self.variables.take();
    }
}

fn request(target: &Target<'_>) -> Value {
    let resource = target.resource;
    let kind = |version: &str| {
        Value::map([
            ("group", Value::text(&resource.group)),
            ("version", Value::text(version)),
            ("kind", Value::text(target.kind)),
        ])
    };
    let plural = |version: &str| {
        Value::map([
            ("group", Value::text(&resource.group)),
            ("version", Value::text(version)),
            ("resource", Value::text(&resource.plural)),
        ])
    };
    let (own, wanted) = target.versions;
    let unknown = |what: &str| Value::Unknown(format!("request.{what}").into());
    let mut fields = vec![
        ("kind", kind(wanted)),
        ("resource", plural(wanted)),
        ("requestKind", kind(own)),
        ("requestResource", plural(own)),
        ("operation", Value::text("CREATE")),
        ("userInfo", unknown("userInfo: who will ask")),
        ("options", unknown("options: how it will be asked")),
        ("dryRun", Value::Bool(false)),
    ];
    if !target.name.is_empty() {
        fields.push(("name", Value::text(target.name)));
    }
    if !target.namespace.is_empty() {
        fields.push(("namespace", Value::text(target.namespace)));
    }
    Value::map(fields)
}

impl Bindings for Request<'_> {
    fn name(&self, name: &str) -> Outcome {
        match name {
            "object" => Ok(self.object.clone()),
            "oldObject" => Ok(Value::Null),
            "params" => Ok(self.params.clone()),
            "request" => Ok(self.request.clone()),
            "namespaceObject" => Ok(self.namespace_object.clone()),
            "authorizer" => Err(Fault::unknown("authorizer: what who asks may do")),
            _ => Err(Fault::new(format!("no such attribute(s): {name}"))),
        }
    }

    fn variable(&self, name: &str) -> Outcome {
        if let Some(known) = self.variables.borrow().get(name) {
            return known.clone();
        }
        let found = self.policy.variables.iter().find(|(it, _)| it == name);
        let Some((_, expression)) = found else {
            return Err(Fault::new(format!("no such key: {name}")));
        };
        let outcome = evaluate(&expression.node, self).map_err(|fault| Fault {
            message: match fault.unknown {
                true => fault.message,
                false => format!(
                    "composited variable {name:?} fails to evaluate: {}",
                    fault.message
                ),
            },
            ..fault
        });
        self.variables
            .borrow_mut()
            .insert(name.to_owned(), outcome.clone());
        outcome
    }
}
