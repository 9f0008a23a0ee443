//! References that carry a namespace. They follow what they refer to, and nothing else: what is
//! another kit's stays where it is.

use serde_json::Value;
use trimtab_plugin::Object;

use crate::moves::Moves;
use crate::{Settings, set};

/// Kinds, the place of an object with `name` and `namespace`, and the kind that it refers to if
/// its own `kind` does not say.
const REFERENCES: &[(&[&str], &str, &str)] = &[
    (&["RoleBinding", "ClusterRoleBinding"], "/subjects/*", ""),
    (
        &[
            "ValidatingWebhookConfiguration",
            "MutatingWebhookConfiguration",
        ],
        "/webhooks/*/clientConfig/service",
        "Service",
    ),
    (&["APIService"], "/spec/service", "Service"),
    (
        &["CustomResourceDefinition"],
        "/spec/conversion/webhook/clientConfig/service",
        "Service",
    ),
    (
        &["PersistentVolume"],
        "/spec/claimRef",
        "PersistentVolumeClaim",
    ),
    (
        &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"],
        "/spec/parentRefs/*",
        "Gateway",
    ),
    (
        &["HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute"],
        "/spec/rules/*/backendRefs/*",
        "Service",
    ),
    (
        &["HTTPRoute", "GRPCRoute"],
        "/spec/rules/*/filters/*/requestMirror/backendRef",
        "Service",
    ),
    (
        &["Gateway"],
        "/spec/listeners/*/tls/certificateRefs/*",
        "Secret",
    ),
];

/// Kinds (`*` is any), the place of a text `namespace/name`, and the kind that it refers to.
const NAMES: &[(&str, &str, &str)] = &[
    (
        "*",
        "/metadata/annotations/cert-manager.io~1inject-ca-from",
        "Certificate",
    ),
    (
        "*",
        "/metadata/annotations/cert-manager.io~1inject-ca-from-secret",
        "Secret",
    ),
    ("VirtualService", "/spec/gateways/*", "Gateway"),
];

pub fn follow(settings: &Settings, moves: &Moves<'_>, object: &mut Object) {
    for (kinds, path, kind) in REFERENCES {
        if kinds.contains(&object.kind()) {
            for pointer in object.places(path) {
                reference(moves, object, &pointer, kind);
            }
        }
    }
    for (of, path, kind) in NAMES {
        if *of == "*" || object.kind() == *of {
            replace(object, path, |text| {
                let (namespace, name) = text.split_once('/')?;
                let went = moves.went(kind, namespace, name);
                went.then(|| format!("{}/{name}", moves.target))
            });
        }
    }
    for field in &settings.fields {
        if field.kinds.iter().any(|kind| object.is_kind(kind)) {
            for path in &field.paths {
                replace(object, path, |text| {
                    moves.is_left(text).then(|| moves.target.to_owned())
                });
            }
        }
    }
    let has_hosts = settings
        .hosts
        .iter()
        .any(|kind| kind == "*" || object.is_kind(kind));
    if has_hosts {
        hosts(moves, &mut object.value);
    }
}

fn reference(moves: &Moves<'_>, object: &mut Object, pointer: &str, kind: &str) {
    let at = object.at(pointer);
    let text = |field: &str| at[field].as_str();
    let name = text("name").unwrap_or_default();
    let of = text("kind").unwrap_or(kind);
    let follows = match text("namespace") {
        Some(namespace) => moves.went(of, namespace, name),
        // A subject without one is refused by the API server; only a ServiceAccount has one.
        None => kind.is_empty() && of == "ServiceAccount",
    };
    if follows {
        set(&mut object.value, pointer, moves.target);
    }
}

fn replace(object: &mut Object, path: &str, with: impl Fn(&str) -> Option<String>) {
    for pointer in object.places(path) {
        let Some(value) = object.value.pointer_mut(&pointer) else {
            continue;
        };
        if let Some(text) = value.as_str().and_then(&with) {
            *value = text.into();
        }
    }
}

fn hosts(moves: &Moves<'_>, value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(new) = with_hosts(moves, text) {
                *text = new;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| hosts(moves, it)),
        Value::Object(fields) => fields.values_mut().for_each(|it| hosts(moves, it)),
        _ => {}
    }
}

/// A text with `web.shop.svc` in it as `web.NEW.svc`, if the Service went; none if there is none.
pub fn with_hosts(moves: &Moves<'_>, text: &str) -> Option<String> {
    if !text.contains(".svc") {
        return None;
    }
    let of_host = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '.';
    let mut made = String::with_capacity(text.len());
    let mut changed = false;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|it| !of_host(it)).unwrap_or(rest.len());
        let (host, after) = rest.split_at(end);
        let mut labels: Vec<&str> = host.split('.').collect();
        let svc = labels
            .iter()
            .position(|it| *it == "svc")
            .filter(|it| *it >= 2);
        if let Some(svc) = svc
            && moves.went("Service", labels[svc - 1], labels[svc - 2])
        {
            labels[svc - 1] = moves.target;
            changed = true;
        }
        made.push_str(&labels.join("."));
        let next = after.find(of_host).unwrap_or(after.len());
        made.push_str(&after[..next]);
        rest = &after[next..];
    }
    changed.then_some(made)
}
