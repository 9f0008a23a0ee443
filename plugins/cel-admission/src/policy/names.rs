//! What of the cluster is in the repository: namespaces and their labels.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use trimtab_plugin::{LabelSelector, Object};

use crate::value::Value;

/// The label that the API server puts on every Namespace.
const NAME: &str = "kubernetes.io/metadata.name";

/// The kit's objects, and the data beside them.
pub struct Repository<'o> {
    pub objects: &'o [Object],
    pub data: &'o [Object],
    /// Where the kit's objects without a namespace go.
    pub namespace: &'o str,
    /// By apiVersion and kind: a kit may have thousands of objects, and each is asked about.
    by_kind: BTreeMap<(&'o str, &'o str), OfKind<'o>>,
}

/// The kit's own first, of which there are so many.
#[derive(Default)]
struct OfKind<'o> {
    all: Vec<&'o Object>,
    own: usize,
}

impl<'o> Repository<'o> {
    pub fn new(objects: &'o [Object], data: &'o [Object], namespace: &'o str) -> Self {
        let mut this = Self {
            objects,
            data,
            namespace,
            by_kind: BTreeMap::new(),
        };
        for object in objects.iter().chain(data) {
            let kind = (object.api_version(), object.kind());
            this.by_kind.entry(kind).or_default().all.push(object);
        }
        for object in objects {
            let kind = (object.api_version(), object.kind());
            this.by_kind.entry(kind).or_default().own += 1;
        }
        this
    }

    /// The kit's own first.
    fn of_kind(&self, api_version: &str, kind: &str) -> &[&'o Object] {
        self.by_kind(api_version, kind).map_or(&[], |it| &it.all)
    }

    fn by_kind(&self, api_version: &str, kind: &str) -> Option<&OfKind<'o>> {
        let mut kinds = self.by_kind.iter();
        let found = kinds.find(|(it, _)| **it == (api_version, kind));
        found.map(|(_, objects)| objects)
    }

    /// What may be params. Those of the data are the guardrail's and come first: a kit cannot put
    /// its own in the place of them.
    pub fn params(&self, api_version: &str, kind: &str) -> impl Iterator<Item = &'o Object> {
        let found = self.by_kind(api_version, kind);
        let (own, data) = found.map_or((&[][..], &[][..]), |it| it.all.split_at(it.own));
        data.iter().chain(own).copied()
    }

    /// The kit's own first.
    pub fn all(&self) -> impl Iterator<Item = &'o Object> {
        self.objects.iter().chain(self.data)
    }

    /// The namespace of an object of a namespaced kind.
    pub fn of_object(&self, object: &'o Object) -> &'o str {
        match object.namespace() {
            "" if self.namespace.is_empty() => "default",
            "" => self.namespace,
            own => own,
        }
    }

    /// The schema of its CustomResourceDefinition, in its version.
    pub fn schema(&self, object: &Object) -> Option<&'o Json> {
        let definitions = self.of_kind("apiextensions.k8s.io/v1", "CustomResourceDefinition");
        let definition = definitions.iter().find(|it| {
            it.at("/spec/group") == object.group() && it.at("/spec/names/kind") == object.kind()
        })?;
        let version = object.api_version().rsplit('/').next().unwrap_or_default();
        let mut versions = definition.at("/spec/versions").as_array()?.iter();
        let found = versions.find(|it| it["name"] == version)?;
        Some(&found["schema"]["openAPIV3Schema"])
    }

    fn namespace(&self, name: &str) -> Option<&'o Object> {
        self.of_kind("v1", "Namespace")
            .iter()
            .copied()
            .find(|it| it.name() == name)
    }

    pub fn with_its_name(&self, labels: &Json, name: &str) -> Json {
        let mut labels = labels.clone();
        if !labels.is_object() {
            labels = json!({});
        }
        labels[NAME] = name.into();
        labels
    }

    /// Whether a selector selects a namespace.
    ///
    /// # Errors
    /// Its labels are not known, and the selector asks for others than its name.
    pub fn selects(&self, selector: &LabelSelector, name: &str) -> Result<bool, String> {
        if let Some(namespace) = self.namespace(name) {
            let labels = self.with_its_name(namespace.at("/metadata/labels"), name);
            return Ok(selector.matches(&labels));
        }
        let labels = selector
            .match_labels
            .iter()
            .flatten()
            .map(|(label, _)| label);
        let conditions = selector.match_expressions.iter().flatten();
        let mut asked = labels.chain(conditions.map(|it| &it.key));
        match asked.find(|it| *it != NAME) {
            None => Ok(selector.matches(&json!({NAME: name}))),
            Some(label) => Err(format!(
                "it asks for the label {label} of the namespace {name}, which is not among the objects and the data"
            )),
        }
    }

    /// `namespaceObject`.
    pub fn namespace_object(&self, name: &str) -> Value {
        let Some(object) = self.namespace(name) else {
            let what = |field: &str| {
                Value::Unknown(
                    format!("namespaceObject{field}: the namespace {name} is not among the objects and the data").into(),
                )
            };
            let metadata = Value::map([
                ("name", Value::text(name)),
                ("labels", what(".metadata.labels")),
                ("annotations", what(".metadata.annotations")),
            ]);
            return Value::map([
                ("metadata", metadata),
                ("spec", what(".spec")),
                ("status", what(".status")),
            ]);
        };
        let metadata = object.at("/metadata");
        let labels = self.with_its_name(&metadata["labels"], name);
        let mut fields = vec![
            ("name", Value::text(name)),
            ("labels", Value::from_json(&labels)),
        ];
        for name in ["uid", "resourceVersion", "creationTimestamp"] {
            let what =
                format!("namespaceObject.metadata.{name}, which the API server gives an object");
            fields.push((name, Value::Unknown(what.into())));
        }
        if metadata["annotations"].is_object() {
            fields.push(("annotations", Value::from_json(&metadata["annotations"])));
        }
        let spec = json!({"finalizers": ["kubernetes"]});
        Value::map([
            ("metadata", Value::map(fields)),
            ("spec", Value::from_json(&spec)),
            ("status", Value::from_json(&json!({"phase": "Active"}))),
        ])
    }
}
