//! What is kept of an object that the API server tells of: its metadata and its health.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::Event;
use serde_json::{Value, json};

use crate::health::{Health, assess, ended, is_statusless};

use super::health_rules::HealthRules;
use super::inventory::kind_of;
use super::noted::is_run;

/// An object, without what is in it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub metadata: ObjectMeta,
    pub health: Health,
}

/// Whether only the metadata of a kind is asked for. What is in a Secret stays where it is.
pub(super) fn metadata_is_enough(resource: &ApiResource) -> bool {
    is_statusless(&resource.group, &resource.kind)
}

impl Seen {
    pub(super) fn of_metadata(object: PartialObjectMeta<DynamicObject>) -> Self {
        let health = match object.metadata.deletion_timestamp {
            Some(_) => Health::Terminating,
            None => Health::Current,
        };
        Self {
            metadata: object.metadata,
            health,
        }
    }

    pub(super) fn of_object(
        object: DynamicObject,
        resource: &ApiResource,
        rules: &HealthRules,
    ) -> Self {
        let mut whole = match object.data {
            Value::Object(fields) => fields,
            _ => Default::default(),
        };
        // Items of a list say neither.
        whole.insert("apiVersion".into(), resource.api_version.as_str().into());
        whole.insert("kind".into(), resource.kind.as_str().into());
        let rules = rules.for_object(&object.metadata);
        let mut metadata = json!({
            "generation": object.metadata.generation,
            "deletionTimestamp": object.metadata.deletion_timestamp,
        });
        if !rules.is_empty() {
            metadata["name"] = json!(object.metadata.name);
            metadata["namespace"] = json!(object.metadata.namespace);
            metadata["labels"] = json!(object.metadata.labels);
            metadata["annotations"] = json!(object.metadata.annotations);
        }
        whole.insert("metadata".into(), metadata);
        let whole = Value::Object(whole);
        let health = match is_run(&kind_of(resource), &object.metadata) {
            true => ended(&whole),
            false => assess(&whole, &rules),
        };
        Self {
            metadata: object.metadata,
            health,
        }
    }
}

pub(super) fn event_of<K>(event: Event<K>, seen: impl Fn(K) -> Seen) -> Event<Seen> {
    match event {
        Event::Apply(object) => Event::Apply(seen(object)),
        Event::InitApply(object) => Event::InitApply(seen(object)),
        Event::Delete(object) => Event::Delete(seen(object)),
        Event::Init => Event::Init,
        Event::InitDone => Event::InitDone,
    }
}
