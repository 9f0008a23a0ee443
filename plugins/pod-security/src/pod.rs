//! A Pod as the checks look at it, and what they find.

use serde_json::Value;
use trimtab_plugin::{Container, Object, PodSpec};

pub struct Pod<'o> {
    spec: PodSpec<'o>,
    containers: Vec<Container<'o>>,
    /// RFC 6901 pointer to its annotations.
    annotations: String,
    annotated: &'o Value,
}

/// A securityContext, of a container or of the Pod; null if there is none.
#[derive(Clone)]
pub struct SecurityContext<'p> {
    pub container: Option<&'p Container<'p>>,
    pub value: &'p Value,
    /// RFC 6901 pointer to what it is of.
    of: &'p str,
}

/// A place that a check forbids.
pub struct Violation<'p> {
    /// Whose it is; nobody's: the whole Pod's.
    pub containers: Vec<&'p Container<'p>>,
    pub fault: String,
    /// What the standard allows, after its name.
    pub law: &'static str,
    /// RFC 6901.
    pub field: String,
    pub proposed: Option<String>,
}

/// What Go reads a missing text, or null, as.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

pub fn items(value: &Value) -> impl Iterator<Item = (usize, &Value)> {
    value.as_array().into_iter().flatten().enumerate()
}

impl<'o> Pod<'o> {
    pub fn of(object: &'o Object, spec: PodSpec<'o>) -> Self {
        let around = spec.pointer.strip_suffix("/spec").unwrap_or_default();
        let annotations = format!("{around}/metadata/annotations");
        Self {
            containers: spec.sorted_containers(),
            annotated: object.at(&annotations),
            annotations,
            spec,
        }
    }

    pub fn at(&self, field: &str) -> &Value {
        &self.spec.spec[field]
    }

    pub fn pointer(&self, field: &str) -> String {
        format!("{}/{field}", self.spec.pointer)
    }

    pub fn containers(&self) -> &[Container<'_>] {
        &self.containers
    }

    pub fn context(&self) -> SecurityContext<'_> {
        SecurityContext {
            container: None,
            value: self.at("securityContext"),
            of: self.spec.pointer,
        }
    }

    /// Those of the containers.
    pub fn container_contexts(&self) -> impl Iterator<Item = SecurityContext<'_>> {
        self.containers.iter().map(|container| SecurityContext {
            container: Some(container),
            value: &container.value["securityContext"],
            of: &container.pointer,
        })
    }

    /// That of the Pod, and those of the containers.
    pub fn contexts(&self) -> impl Iterator<Item = SecurityContext<'_>> {
        [self.context()]
            .into_iter()
            .chain(self.container_contexts())
    }

    pub fn annotations(&self) -> impl Iterator<Item = (&String, &str)> {
        let annotations = self.annotated.as_object().into_iter().flatten();
        annotations.map(|(key, value)| (key, text(value)))
    }

    /// About an annotation, which may be of one container.
    pub fn annotation(&self, key: &str, container: &str, fault: String) -> Violation<'_> {
        let escaped = key.replace('~', "~0").replace('/', "~1");
        let named = |it: &&Container<'_>| it.name() == container;
        Violation {
            containers: self.containers.iter().find(named).into_iter().collect(),
            fault,
            law: "",
            field: format!("{}/{escaped}", self.annotations),
            proposed: None,
        }
    }

    pub fn is_for_windows(&self) -> bool {
        self.at("os")["name"] == "windows"
    }

    /// Whether root in its containers is somebody else on the node (KEP-127).
    pub fn has_user_namespace(&self) -> bool {
        *self.at("hostUsers") == false
    }

    pub fn uses_host_network(&self) -> bool {
        *self.at("hostNetwork") == true
    }
}

impl<'p> SecurityContext<'p> {
    /// About a field of it, named by a pointer from it on.
    pub fn violation(&self, field: &str, fault: String) -> Violation<'p> {
        Violation {
            containers: self.container.into_iter().collect(),
            fault,
            law: "",
            field: format!("{}/securityContext/{field}", self.of),
            proposed: None,
        }
    }
}

impl Violation<'_> {
    /// After the standard's name: `allows only safe ones`.
    pub fn by(self, law: &'static str) -> Self {
        Self { law, ..self }
    }

    /// What to write in place of the field's value, where one value is right.
    pub fn propose(self, value: impl Into<Option<String>>) -> Self {
        Self {
            proposed: value.into(),
            ..self
        }
    }
}
