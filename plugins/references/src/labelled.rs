//! Pods and Services by their labels: a selector looks at those that have its rarest label.

use std::collections::BTreeMap;

use serde_json::Value;
use trimtab_plugin::{LabelSelector, Object, Operator, PodSpec, pod_spec};

use crate::inventory::Inventory;

/// In place of a namespace: all of them. No namespace is called so.
pub const ANYWHERE: &str = "*";

/// Labels that controllers put on Pods, which no template has.
const OF_CONTROLLERS: &[&str] = &[
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
];

struct Entry<'o, T> {
    labels: &'o Value,
    value: T,
}

/// Things with labels.
pub struct Index<'o, T> {
    entries: Vec<Entry<'o, T>>,
    by_namespace: BTreeMap<&'o str, Vec<usize>>,
    by_key: BTreeMap<(&'o str, &'o str), Vec<usize>>,
    by_label: BTreeMap<(&'o str, &'o str, &'o str), Vec<usize>>,
}

impl<'o, T> Index<'o, T> {
    fn new() -> Self {
        Self {
            entries: Vec::new(),
            by_namespace: BTreeMap::new(),
            by_key: BTreeMap::new(),
            by_label: BTreeMap::new(),
        }
    }

    fn add(&mut self, namespaces: &[&'o str], labels: &'o Value, value: T) {
        let index = self.entries.len();
        self.entries.push(Entry { labels, value });
        for namespace in namespaces {
            self.by_namespace.entry(namespace).or_default().push(index);
            for (key, value) in labels.as_object().into_iter().flatten() {
                let keyed = self.by_key.entry((namespace, key));
                keyed.or_default().push(index);
                if let Some(value) = value.as_str() {
                    let labelled = self.by_label.entry((namespace, key, value));
                    labelled.or_default().push(index);
                }
            }
        }
    }

    /// What a selector selects in a namespace.
    pub fn select<'i>(
        &'i self,
        namespace: &'i str,
        selector: &'i LabelSelector,
    ) -> impl Iterator<Item = &'i T> {
        let mut candidates = list(self.by_namespace.get(namespace));
        let mut narrow = |found: &'i [usize]| {
            if found.len() < candidates.len() {
                candidates = found;
            }
        };
        for (key, value) in selector.match_labels.iter().flatten() {
            let label: (&str, &str, &str) = (namespace, key, value);
            narrow(list(self.by_label.get(&label)));
        }
        for condition in selector.match_expressions.iter().flatten() {
            if matches!(condition.operator, Operator::In | Operator::Exists) {
                let key: (&str, &str) = (namespace, &condition.key);
                narrow(list(self.by_key.get(&key)));
            }
        }
        let selected = candidates.iter().map(|index| &self.entries[*index]);
        selected
            .filter(|entry| selector.matches(entry.labels))
            .map(|entry| &entry.value)
    }
}

fn list(found: Option<&Vec<usize>>) -> &[usize] {
    found.map(Vec::as_slice).unwrap_or_default()
}

pub struct Labelled<'o> {
    pub pods: Index<'o, PodSpec<'o>>,
    pub services: Index<'o, &'o Object>,
}

impl<'o> Labelled<'o> {
    pub fn of(objects: &'o [Object], inventory: &Inventory<'o>) -> Self {
        let mut labelled = Self {
            pods: Index::new(),
            services: Index::new(),
        };
        for object in objects {
            let service = object.is_kind("Service") && object.group().is_empty();
            let pods = pod_spec(object);
            if !service && pods.is_none() {
                continue;
            }
            let mut namespaces = inventory.namespaces(object);
            namespaces.push(ANYWHERE);
            if service {
                let labels = object.at("/metadata/labels");
                labelled.services.add(&namespaces, labels, object);
            }
            if let Some(pods) = pods {
                let labels = pods.labels;
                labelled.pods.add(&namespaces, labels, pods);
            }
        }
        labelled
    }
}

/// A selector without what only controllers put on Pods.
pub fn of_templates(mut selector: LabelSelector) -> LabelSelector {
    let own = |key: &str| !OF_CONTROLLERS.contains(&key);
    if let Some(labels) = &mut selector.match_labels {
        labels.retain(|key, _| own(key));
    }
    if let Some(conditions) = &mut selector.match_expressions {
        conditions.retain(|it| own(&it.key));
    }
    selector
}

/// `app=web,tier in (a, b)`, as kubectl writes a selector.
pub fn written(selector: &LabelSelector) -> String {
    let equal = selector.match_labels.iter().flatten();
    let equal = equal.map(|(key, value)| format!("{key}={value}"));
    let conditions = selector.match_expressions.iter().flatten().map(|it| {
        let values = it.values.as_deref().unwrap_or_default().join(", ");
        match it.operator {
            Operator::In => format!("{} in ({values})", it.key),
            Operator::NotIn => format!("{} notin ({values})", it.key),
            Operator::Exists => it.key.clone(),
            Operator::DoesNotExist => format!("!{}", it.key),
        }
    });
    equal.chain(conditions).collect::<Vec<_>>().join(",")
}
