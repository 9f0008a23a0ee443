//! Places that name another namespace.

use serde_json::Value;
use trimtab_plugin::Object;

const ROUTES: &[&str] = &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"];
const HOOKS: &[&str] = &[
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
];

/// Kinds, the place of a namespace's name, and what it does, to be followed by "the namespace x".
const NAMES: &[(&[&str], &str, &str)] = &[
    (
        &["RoleBinding", "ClusterRoleBinding"],
        "/subjects/*/namespace",
        "it gives rights to a subject of",
    ),
    (
        ROUTES,
        "/spec/parentRefs/*/namespace",
        "it is a route of a Gateway of",
    ),
    (
        ROUTES,
        "/spec/rules/*/backendRefs/*/namespace",
        "it leads into",
    ),
    (
        ROUTES,
        "/spec/rules/*/filters/*/requestMirror/backendRef/namespace",
        "it mirrors requests into",
    ),
    (
        &["Gateway"],
        "/spec/listeners/*/tls/certificateRefs/*/namespace",
        "it takes a certificate from",
    ),
    (
        &["ReferenceGrant"],
        "/spec/from/*/namespace",
        "it opens the kit's namespace to",
    ),
    (
        &["ServiceMonitor", "PodMonitor"],
        "/spec/namespaceSelector/matchNames/*",
        "it looks into",
    ),
    (
        HOOKS,
        "/webhooks/*/clientConfig/service/namespace",
        "the API server calls a Service of",
    ),
    (
        &["APIService"],
        "/spec/service/namespace",
        "the API server calls a Service of",
    ),
];

/// The same of texts with a namespace in them.
const TEXTS: &[(&str, &str, Text, &str)] = &[
    (
        "VirtualService",
        "/spec/gateways/*",
        Text::Slash,
        "it is of a Gateway of",
    ),
    (
        "VirtualService",
        "/spec/http/*/route/*/destination/host",
        Text::Host,
        "it leads into",
    ),
    (
        "VirtualService",
        "/spec/http/*/mirror/host",
        Text::Host,
        "it mirrors requests into",
    ),
    (
        "VirtualService",
        "/spec/http/*/mirrors/*/destination/host",
        Text::Host,
        "it mirrors requests into",
    ),
    (
        "VirtualService",
        "/spec/tcp/*/route/*/destination/host",
        Text::Host,
        "it leads into",
    ),
    (
        "VirtualService",
        "/spec/tls/*/route/*/destination/host",
        Text::Host,
        "it leads into",
    ),
    (
        "VirtualService",
        "/spec/hosts/*",
        Text::Host,
        "it routes for a Service of",
    ),
    (
        "DestinationRule",
        "/spec/host",
        Text::Host,
        "it says how to reach a Service of",
    ),
    ("Service", "/spec/externalName", Text::Host, "it leads into"),
];

#[derive(Clone, Copy)]
enum Text {
    /// `namespace/name`.
    Slash,
    /// `name.namespace.svc`.
    Host,
}

impl Text {
    fn namespace(self, text: &str) -> Option<&str> {
        match self {
            Self::Slash => text.split_once('/').map(|(namespace, _)| namespace),
            Self::Host => {
                let labels: Vec<&str> = text.split('.').collect();
                let svc = labels.iter().position(|it| *it == "svc")?;
                labels.get(svc.checked_sub(1)?).copied()
            }
        }
        .filter(|it| !matches!(*it, "" | "." | "*"))
    }
}

pub struct Reach<'o> {
    /// RFC 6901 pointer.
    pub field: String,
    pub what: &'static str,
    /// None: more namespaces than can be told.
    pub namespace: Option<&'o str>,
}

/// Every place of an object that may name another namespace.
pub fn reaches(object: &Object) -> Vec<Reach<'_>> {
    let mut found = Vec::new();
    for (kinds, path, what) in NAMES {
        for field in object
            .places(path)
            .into_iter()
            .filter(|_| kinds.contains(&object.kind()))
        {
            let namespace = object.at(&field).as_str().filter(|it| !it.is_empty());
            found.extend(namespace.map(|it| Reach {
                field,
                what,
                namespace: Some(it),
            }));
        }
    }
    for (kind, path, text, what) in TEXTS {
        for field in object
            .places(path)
            .into_iter()
            .filter(|_| object.kind() == *kind)
        {
            let namespace = object.at(&field).as_str().and_then(|it| text.namespace(it));
            found.extend(namespace.map(|it| Reach {
                field,
                what,
                namespace: Some(it),
            }));
        }
    }
    if object.kind() == "NetworkPolicy" {
        for path in ["/spec/ingress/*/from/*", "/spec/egress/*/to/*"] {
            for pointer in object.places(path) {
                peers(object, &pointer, &mut found);
            }
        }
    }
    let monitors = matches!(object.kind(), "ServiceMonitor" | "PodMonitor");
    if monitors && object.at("/spec/namespaceSelector/any") == true {
        found.push(Reach {
            field: "/spec/namespaceSelector/any".into(),
            what: "it looks into",
            namespace: None,
        });
    }
    found
}

/// A selector that does not name namespaces one by one may be any of them.
fn peers<'o>(object: &'o Object, pointer: &str, found: &mut Vec<Reach<'o>>) {
    let field = format!("{pointer}/namespaceSelector");
    let selector = object.at(&field);
    if !selector.is_object() {
        return;
    }
    const NAME: &str = "kubernetes.io/metadata.name";
    let what = "it lets through what is in";
    if let Some(name) = selector["matchLabels"][NAME].as_str() {
        found.push(Reach {
            field: format!("{field}/matchLabels/kubernetes.io~1metadata.name"),
            what,
            namespace: Some(name),
        });
        return;
    }
    let conditions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten();
    let named = conditions
        .filter(|it| it["key"] == NAME && it["operator"] == "In")
        .find_map(|it| it["values"].as_array());
    match named {
        Some(names) => found.extend(names.iter().filter_map(Value::as_str).map(|name| Reach {
            field: field.clone(),
            what,
            namespace: Some(name),
        })),
        None => found.push(Reach {
            field,
            what,
            namespace: None,
        }),
    }
}
