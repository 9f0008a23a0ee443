//! `trimtab install`.

use clap::Args;
use serde_json::{Value, json};

use super::{Failure, Outcome, admission, api};
use crate::kit::custom_resource_definitions;
use crate::manifest::write_yaml;
use crate::web;

/// Print what a host in the cluster needs, as YAML
///
///   trimtab install | kubectl apply --server-side -f -
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub struct Install {
    /// Only the CustomResourceDefinitions
    #[arg(long)]
    crds_only: bool,
    /// Where the host runs
    #[arg(long, default_value = "trimtab-system", value_name = "NAME")]
    namespace: String,
    /// The host's container image; its entry point is `trimtab`
    #[arg(long, value_name = "IMAGE", required_unless_present = "crds_only")]
    image: Option<String>,
    /// A Secret in that namespace whose entry `url` says where the history is kept:
    /// postgres://user:password@host/database. Left out, it goes with the Pod
    #[arg(long, value_name = "NAME", requires = "image")]
    history_secret: Option<String>,
    /// Also what the admission webhook needs: a Service, and `run --admission`
    #[arg(long, requires = "image")]
    admission: bool,
}

impl Install {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let mut objects: Vec<Value> = custom_resource_definitions()
            .iter()
            .map(serde_json::to_value)
            .collect::<Result<_, _>>()?;
        if let (false, Some(image)) = (self.crds_only, &self.image) {
            objects.extend(roles());
            objects.extend(host(&self.namespace, image));
            objects.push(service(web::SERVICE, &self.namespace, api::PORT));
            if self.admission {
                with_admission(&mut objects, &self.namespace);
            }
            if let Some(secret) = &self.history_secret {
                with_history(&mut objects, secret);
            }
        }
        super::print(&write_yaml(&objects))?;
        Ok(Outcome::Fine)
    }
}

/// The host applies whatever kits hold, and so may do anything; kits are bounded by its grants.
fn host(namespace: &str, image: &str) -> Vec<Value> {
    let labels = json!({"app.kubernetes.io/name": "trimtab"});
    let metadata = json!({"name": "trimtab", "namespace": namespace, "labels": labels});
    vec![
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": {"name": "trimtab", "labels": labels},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "trimtab", "namespace": namespace}],
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata,
            "spec": {
                // A lease lets one of them act; the other takes over when it is gone.
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": "trimtab",
                        "securityContext": {
                            "runAsNonRoot": true, "runAsUser": 65532, "fsGroup": 65532,
                            // A volume that outlives its Pod is not made the group's to write again.
                            "fsGroupChangePolicy": "OnRootMismatch",
                            "seccompProfile": {"type": "RuntimeDefault"},
                        },
                        "containers": [{
                            "name": "trimtab", "image": image,
                            // The volume itself is its group's to write, and not the host's own.
                            "args": ["run", "--log-format=json", "--cache-dir=/cache/trimtab", "--api"],
                            "env": [
                                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                                {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
                                // So that `kubectl exec` needs to say nothing.
                                {"name": "TRIMTAB_SOCKET", "value": "/cache/trimtab/host.sock"},
                            ],
                            "ports": [{"name": "api", "containerPort": api::PORT}],
                            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
                            "securityContext": {
                                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "volumeMounts": [{"name": "cache", "mountPath": "/cache"}, {"name": "tmp", "mountPath": "/tmp"}],
                        }],
                        "volumes": [{"name": "cache", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
                    },
                },
            },
        }),
    ]
}

/// The URL may have a password, so that it is in no argument.
fn with_history(objects: &mut [Value], secret: &str) {
    for host in objects.iter_mut().filter(|it| it["kind"] == "Deployment") {
        let container = &mut host["spec"]["template"]["spec"]["containers"][0];
        if let Some(variables) = container["env"].as_array_mut() {
            let from = json!({"secretKeyRef": {"name": secret, "key": "url"}});
            variables.push(json!({"name": "TRIMTAB_HISTORY", "valueFrom": from}));
        }
    }
}

/// The Service has no selector: the host that acts writes its EndpointSlice, so that nothing is
/// asked of one that only waits.
fn service(name: &str, namespace: &str, port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app.kubernetes.io/name": "trimtab"}},
        "spec": {"ports": [{"name": "https", "port": 443, "targetPort": port}]},
    })
}

/// What people need who ask the host, and those who tell it what to do; to be bound to them.
fn roles() -> Vec<Value> {
    let reads = [
        json!({"apiGroups": ["trimtab.io"], "resources": ["repositories", "kits"], "verbs": ["get", "list", "watch"]}),
        json!({"apiGroups": [""], "resources": ["services/proxy"], "resourceNames": [web::PROXIED], "verbs": ["get"]}),
        json!({"apiGroups": [""], "resources": ["secrets"], "resourceNames": [web::SECRET], "verbs": ["get"]}),
    ];
    let writes = json!({"apiGroups": ["trimtab.io"], "resources": ["repositories", "kits"], "verbs": ["patch"]});
    let role = |name: &str, rules: Vec<&Value>| {
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "trimtab"}},
            "rules": rules,
        })
    };
    vec![
        role("trimtab-reader", reads.iter().collect()),
        role("trimtab-operator", reads.iter().chain([&writes]).collect()),
    ]
}

fn with_admission(objects: &mut Vec<Value>, namespace: &str) {
    for host in objects.iter_mut().filter(|it| it["kind"] == "Deployment") {
        let container = &mut host["spec"]["template"]["spec"]["containers"][0];
        if let Some(arguments) = container["args"].as_array_mut() {
            arguments.push("--admission".into());
        }
        if let Some(ports) = container["ports"].as_array_mut() {
            ports.push(json!({"name": "admission", "containerPort": admission::PORT}));
        }
    }
    objects.push(service(admission::NAME, namespace, admission::PORT));
}
