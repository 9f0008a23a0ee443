//! The ValidatingWebhookConfiguration: one entry a Repository, for the namespaces of its kits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::kit::AdmissionPolicy;
use crate::manifest::GroupKind;

use super::RepositoryId;
use super::law::Law;

/// Where nothing is judged: a cluster must be able to heal without this webhook.
const SYSTEM: [&str; 3] = ["kube-system", "kube-public", "kube-node-lease"];
/// The API server's limit for a webhook's name.
const NAME_LIMIT: usize = 253;

/// All, and the subresources that carry a whole Pod: `kubectl debug` adds a container by one.
const RESOURCES: [&str; 3] = ["*", "pods/ephemeralcontainers", "pods/resize"];

/// Where the API server finds this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `https://127.0.0.1:9443`
    Url(String),
    Service {
        namespace: String,
        name: String,
    },
}

/// What all entries have in common.
#[derive(Clone, Debug)]
pub(super) struct Route {
    pub address: Address,
    /// PEM.
    pub bundle: String,
    /// Who the host is to the API server.
    pub own_user: String,
}

/// Of a Repository's entry, what its law says. `None` if nothing is to be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    policy: AdmissionPolicy,
    namespaces: BTreeSet<Arc<str>>,
    kinds: Option<BTreeSet<GroupKind>>,
}

impl Entry {
    /// `own`: the host's namespaces, in which its lease is and its Service.
    pub(super) fn of(law: &Law, own: &[&str]) -> Option<Self> {
        let judged = |name: &&Arc<str>| !SYSTEM.contains(&&***name) && !own.contains(&&***name);
        let namespaces: BTreeSet<Arc<str>> = law.namespaces().filter(judged).cloned().collect();
        let kinds = law.kinds();
        let nothing = namespaces.is_empty() || kinds.as_ref().is_some_and(BTreeSet::is_empty);
        (law.has_rules() && !nothing).then_some(Self {
            policy: law.policy,
            namespaces,
            kinds,
        })
    }

    pub(super) fn webhook(&self, id: &RepositoryId, route: &Route) -> Value {
        let mut webhook = json!({
            "name": webhook_name(id),
            "admissionReviewVersions": ["v1"],
            // Dry runs are judged, too: judging changes nothing.
            "sideEffects": "None",
            "failurePolicy": self.policy.failure_policy,
            "timeoutSeconds": self.policy.timeout_seconds,
            "matchPolicy": "Equivalent",
            "rules": [{
                "apiGroups": ["*"], "apiVersions": ["*"], "resources": RESOURCES,
                "operations": ["CREATE", "UPDATE"], "scope": "Namespaced",
            }],
            "namespaceSelector": {"matchExpressions": [{
                "key": "kubernetes.io/metadata.name", "operator": "In", "values": self.namespaces,
            }]},
            "matchConditions": self.conditions(&route.own_user),
        });
        webhook["clientConfig"] = client_config(id, route);
        webhook
    }

    /// What the API server need not ask for, in CEL.
    fn conditions(&self, own_user: &str) -> Vec<Value> {
        let user = Value::from(own_user);
        let condition =
            |name: &str, expression: String| json!({"name": name, "expression": expression});
        let mut conditions = vec![
            // It was judged at the gate, and must go on if nobody answers.
            condition(
                "not-the-host",
                format!(
                    "!(request.userInfo.username == {user} && has(request.options) && has(request.options.fieldManager) && request.options.fieldManager.startsWith('trimtab'))"
                ),
            ),
            // They carry out what was judged: a ReplicaSet's Pods, a Deployment's ReplicaSet.
            condition(
                "not-the-control-plane",
                "!(has(request.userInfo.groups) && request.userInfo.groups.exists(g, g in ['system:nodes', 'system:serviceaccounts:kube-system'])) && !(request.userInfo.username in ['system:kube-controller-manager', 'system:kube-scheduler'])".into(),
            ),
        ];
        match &self.kinds {
            Some(kinds) => {
                let kinds: Vec<String> = kinds.iter().map(ToString::to_string).collect();
                let named =
                    "request.kind.group == '' ? request.kind.kind : request.kind.kind + '.' + request.kind.group";
                conditions.push(condition(
                    "a-kind-that-a-rule-reads",
                    format!("({named}) in {}", json!(kinds)),
                ));
            }
            // Leases and Events come by the second, and say nothing of the platform.
            None => conditions.push(condition(
                "no-lease-and-no-event",
                "!(request.resource.group in ['coordination.k8s.io', 'events.k8s.io', 'trimtab.io']) && !(request.resource.group == '' && request.resource.resource in ['events', 'bindings'])".into(),
            )),
        }
        conditions
    }
}

fn client_config(id: &RepositoryId, route: &Route) -> Value {
    let bundle = base64::engine::general_purpose::STANDARD.encode(&route.bundle);
    let path = path(id);
    match &route.address {
        Address::Url(url) => {
            json!({"caBundle": bundle, "url": format!("{}{path}", url.trim_end_matches('/'))})
        }
        Address::Service { namespace, name } => json!({
            "caBundle": bundle,
            "service": {"namespace": namespace, "name": name, "path": path, "port": 443},
        }),
    }
}

pub(super) fn path(id: &RepositoryId) -> String {
    format!("/admit/{}/{}", id.namespace, id.name)
}

/// Names and namespaces have no `/`.
pub(super) fn id_of_path(path: &str) -> Option<RepositoryId> {
    let (namespace, name) = path.strip_prefix("/admit/")?.split_once('/')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains('/')).then(|| RepositoryId {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

fn webhook_name(id: &RepositoryId) -> String {
    let name = format!("{}.{}.trimtab.io", id.name, id.namespace);
    if name.len() <= NAME_LIMIT {
        return name;
    }
    let hash: String = Sha256::digest(&name)
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("{hash}.{}.trimtab.io", id.namespace)
}

/// What a host before this one registered, by Repository: it holds until the Repository is read
/// anew, but is asked for here from now on.
pub(super) fn inherited(configuration: &Value) -> BTreeMap<RepositoryId, Value> {
    let webhooks = configuration["webhooks"].as_array();
    let id = |webhook: &Value| {
        let config = &webhook["clientConfig"];
        let url = config["url"].as_str();
        let by_url = url.and_then(|url| url.find("/admit/").map(|at| &url[at..]));
        id_of_path(by_url.or_else(|| config["service"]["path"].as_str())?)
    };
    let mut found = BTreeMap::new();
    for webhook in webhooks.into_iter().flatten() {
        if let Some(id) = id(webhook) {
            found.insert(id, webhook.clone());
        }
    }
    found
}

/// An inherited entry with another address and bundle.
pub(super) fn readdressed(webhook: &Value, id: &RepositoryId, route: &Route) -> Value {
    let mut webhook = webhook.clone();
    webhook["clientConfig"] = client_config(id, route);
    webhook
}

pub(super) fn configuration(name: &str, webhooks: Vec<Value>) -> Value {
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "trimtab"}},
        "webhooks": webhooks,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RepositoryId {
        RepositoryId {
            namespace: "trimtab-system".into(),
            name: "platform".into(),
        }
    }

    fn route(address: Address) -> Route {
        Route {
            address,
            bundle: "PEM".into(),
            own_user: "it's \"me\"".into(),
        }
    }

    fn entry(kinds: Option<&[&str]>) -> Entry {
        let kind = |kind: &&str| GroupKind {
            group: "".into(),
            kind: (*kind).into(),
        };
        Entry {
            policy: AdmissionPolicy::default(),
            namespaces: BTreeSet::from(["acme".into()]),
            kinds: kinds.map(|all| all.iter().map(kind).collect()),
        }
    }

    #[test]
    fn an_entry_is_for_the_namespaces_of_kits_and_the_kinds_that_rules_read() {
        let by_url = route(Address::Url("https://127.0.0.1:9443/".into()));
        let webhook = entry(Some(&["Service"])).webhook(&id(), &by_url);
        assert_eq!(webhook["name"], "platform.trimtab-system.trimtab.io");
        assert_eq!(webhook["failurePolicy"], "Fail");
        assert_eq!(
            webhook["clientConfig"]["url"],
            "https://127.0.0.1:9443/admit/trimtab-system/platform"
        );
        let selector = &webhook["namespaceSelector"]["matchExpressions"][0];
        assert_eq!(selector["values"], json!(["acme"]));
        let conditions = webhook["matchConditions"].to_string();
        assert!(conditions.contains(r#"in [\"Service\"]"#), "{conditions}");
        // A user's name cannot end the text that it stands in.
        assert!(
            conditions.contains(r#"\"it's \\\"me\\\"\""#),
            "{conditions}"
        );
        assert!(
            entry(None).webhook(&id(), &by_url)["matchConditions"]
                .to_string()
                .contains("coordination.k8s.io")
        );
    }

    #[test]
    fn what_another_host_registered_is_asked_for_here_from_now_on() {
        let service = Address::Service {
            namespace: "trimtab-system".into(),
            name: "trimtab-admission".into(),
        };
        for address in [service, Address::Url("https://10.0.0.1:9443".into())] {
            let before = entry(None).webhook(&id(), &route(address));
            let found = inherited(&configuration("trimtab", vec![before.clone()]));
            let here = route(Address::Url("https://10.0.0.2:9443".into()));
            let now = readdressed(&found[&id()], &id(), &here);
            assert_eq!(
                now["clientConfig"]["url"],
                "https://10.0.0.2:9443/admit/trimtab-system/platform"
            );
            assert_eq!(now["namespaceSelector"], before["namespaceSelector"]);
        }
    }

    #[test]
    fn a_name_that_is_too_long_is_told_by_its_hash() {
        let long = RepositoryId {
            namespace: "n".repeat(63),
            name: "r".repeat(200),
        };
        let name = webhook_name(&long);
        assert!(
            name.len() <= NAME_LIMIT && name.ends_with(".trimtab.io"),
            "{name}"
        );
    }
}
