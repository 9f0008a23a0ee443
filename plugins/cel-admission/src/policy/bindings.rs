//! What the names in a policy's expressions stand for.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Policy;
use super::kinds::Resource;
use crate::evaluate::{Bindings, evaluate};
use crate::value::{Fault, Key, Outcome, Value};

/// One object that is to be created, under one policy with one parameter.
pub struct Request<'p> {
    policy: &'p Policy,
    object: Value,
    params: Value,
    request: Value,
    namespace_object: Value,
    /// What was evaluated already; none while it is being evaluated.
    variables: RefCell<BTreeMap<String, Outcome>>,
    nesting: Cell<u16>,
}

/// Who will ask.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct User {
    /// As `system:serviceaccount:trimtab-system:trimtab`.
    pub username: String,
    /// All of them, as the API server would tell: with `system:authenticated`.
    pub groups: Vec<String>,
}

/// What the request is for.
pub struct Target<'o> {
    /// Who will ask, where that is known.
    pub user: Option<&'o User>,
    pub resource: &'o Resource,
    pub kind: &'o str,
    /// The version that the object has, and the one that the policy wants.
    pub versions: (&'o str, &'o str),
    pub name: &'o str,
    pub namespace: &'o str,
}

impl<'p> Request<'p> {
    /// With the object, params, the request and its namespace.
    pub fn new(policy: &'p Policy, values: [Value; 4]) -> Self {
        let [object, params, request, namespace_object] = values;
        Self {
            policy,
            object,
            params,
            request,
            namespace_object,
            variables: RefCell::default(),
            nesting: Cell::default(),
        }
    }

    /// As the object has become; variables are evaluated anew.
    pub fn with_object(&mut self, object: Value) {
        self.object = object;
        self.variables.take();
    }
}

/// `request`.
pub fn request(target: &Target<'_>) -> Value {
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
    let user_info = match target.user {
        None => unknown("userInfo: who will ask"),
        Some(user) => Value::map([
            ("username", Value::text(&user.username)),
            (
                "groups",
                Value::list(user.groups.iter().map(Value::text).collect()),
            ),
            ("uid", unknown("userInfo.uid")),
            ("extra", unknown("userInfo.extra")),
        ]),
    };
    let mut fields = vec![
        ("kind", kind(wanted)),
        ("resource", plural(wanted)),
        ("requestKind", kind(own)),
        ("requestResource", plural(own)),
        ("operation", Value::text("CREATE")),
        ("userInfo", user_info),
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

/// As match conditions see it: before the API server has fetched the namespace, and before it has
/// looked for another version of the resource.
pub struct Condition<'r, 'p>(pub &'r Request<'p>);

impl Bindings for Condition<'_, '_> {
    fn name(&self, name: &str) -> Outcome {
        match (name, &self.0.request) {
            ("namespaceObject", _) => Ok(Value::Null),
            ("request", Value::Map(fields)) => {
                let mut fields = (**fields).clone();
                let own = fields.get(&Key::String("requestResource".into())).cloned();
                if let Some(own) = own {
                    fields.insert(Key::String("resource".into()), own);
                }
                Ok(Value::Map(fields.into()))
            }
            _ => self.0.name(name),
        }
    }

    fn variable(&self, name: &str) -> Outcome {
        self.0.variable(name)
    }

    fn nesting(&self) -> &Cell<u16> {
        self.0.nesting()
    }
}

impl Bindings for Request<'_> {
    fn nesting(&self) -> &Cell<u16> {
        &self.nesting
    }

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
