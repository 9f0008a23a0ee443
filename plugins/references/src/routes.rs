//! Services behind Ingresses, routes, webhooks and APIServices, and the Gateways of routes.

use serde_json::Value;
use trimtab_plugin::Object;

use crate::inventory::Key;
use crate::judge::{Found, Judge, Place};

const GATEWAY_API: &str = "gateway.networking.k8s.io";
const ISTIO: &str = "networking.istio.io";

pub fn judge(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    match (object.group(), object.kind()) {
        ("networking.k8s.io", "Ingress") => ingress(judge, object, home),
        (GATEWAY_API, "Gateway") => certificates(judge, object, home),
        (GATEWAY_API, kind) if kind.ends_with("Route") => route(judge, object, home),
        (ISTIO, "VirtualService") => virtual_service(judge, object, home),
        ("admissionregistration.k8s.io", _) => {
            for (pointer, _) in object.items("/webhooks") {
                called(judge, object, &format!("{pointer}/clientConfig/service"));
            }
        }
        ("apiregistration.k8s.io", "APIService") => called(judge, object, "/spec/service"),
        _ => {}
    }
}

/// A Service that is named, with pointers to its name and to its port.
struct Backend<'b> {
    object: &'b Object,
    namespace: &'b str,
    name: &'b str,
    port: &'b Value,
    field: String,
    port_field: String,
    why: &'static str,
}

fn backend(judge: &mut Judge<'_, '_>, backend: Backend<'_>) {
    if backend.name.is_empty() {
        return;
    }
    let key = Key::core("Service", backend.namespace, backend.name);
    let place = Place {
        rule: "backend",
        object: backend.object,
        field: backend.field,
        why: backend.why.into(),
    };
    let Some(Found::Here(service)) = judge.require(&place, key) else {
        return;
    };
    let ports: Vec<&Value> = service
        .object
        .items("/spec/ports")
        .map(|(_, it)| it)
        .collect();
    let known = |port: &&Value| match backend.port {
        Value::String(name) => port["name"] == name.as_str(),
        number => port["port"] == *number,
    };
    let told = backend.port.is_string() || backend.port.is_number();
    if !told || ports.is_empty() || ports.iter().any(known) {
        return;
    }
    let field = if backend.port.is_string() {
        "name"
    } else {
        "port"
    };
    let have: Vec<String> = ports
        .iter()
        .map(|it| &it[field])
        .filter(|it| !it.is_null())
        .map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned))
        .collect();
    let only = if let [only] = &have[..] {
        Some(only.as_str())
    } else {
        None
    };
    let port = backend
        .port
        .as_str()
        .map_or_else(|| backend.port.to_string(), str::to_owned);
    let message = format!(
        "the Service {}/{} ({}) has no port {port}; it has {}",
        backend.namespace,
        backend.name,
        service.object.origin(),
        match have.is_empty() {
            true => format!("none with a {field}"),
            false => have.join(", "),
        }
    );
    judge.tell(
        "backend-port",
        backend.object,
        &backend.port_field,
        message,
        only,
    );
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn ingress(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    let mut places = vec!["/spec/defaultBackend".to_owned()];
    for (pointer, _) in object.items("/spec/rules") {
        let paths = object.items(&format!("{pointer}/http/paths"));
        places.extend(paths.map(|(pointer, _)| format!("{pointer}/backend")));
    }
    for pointer in places {
        let service = &object.at(&pointer)["service"];
        let field = match service["port"]["number"].is_null() {
            true => "name",
            false => "number",
        };
        let pointer = format!("{pointer}/service");
        let named = Backend {
            object,
            namespace: home,
            name: text(service, "name"),
            port: &service["port"][field],
            port_field: format!("{pointer}/port/{field}"),
            field: format!("{pointer}/name"),
            why: "it leads to",
        };
        backend(judge, named);
    }
    for (pointer, tls) in object.items("/spec/tls") {
        let field = format!("{pointer}/secretName");
        certificate(judge, object, field, home, text(tls, "secretName"));
    }
}

fn certificates(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    for (pointer, _) in object.items("/spec/listeners") {
        for (pointer, reference) in object.items(&format!("{pointer}/tls/certificateRefs")) {
            let kind = reference["kind"].as_str().unwrap_or("Secret");
            if kind == "Secret" && text(reference, "group").is_empty() {
                let namespace = reference["namespace"].as_str().unwrap_or(home);
                let field = format!("{pointer}/name");
                certificate(judge, object, field, namespace, text(reference, "name"));
            }
        }
    }
}

fn certificate(
    judge: &mut Judge<'_, '_>,
    object: &Object,
    field: String,
    namespace: &str,
    name: &str,
) {
    if name.is_empty() {
        return;
    }
    let place = Place {
        rule: "secret",
        object,
        field,
        why: "it takes its certificate from".into(),
    };
    judge.require(&place, Key::core("Secret", namespace, name));
}

/// A webhook or an APIService, which name the namespace as well.
fn called(judge: &mut Judge<'_, '_>, object: &Object, pointer: &str) {
    let service = object.at(pointer);
    // What the API server calls if no port is named.
    let https = Value::from(443);
    let (port, field) = match &service["port"] {
        Value::Null => (&https, "name"),
        port => (port, "port"),
    };
    let named = Backend {
        object,
        namespace: text(service, "namespace"),
        name: text(service, "name"),
        port,
        port_field: format!("{pointer}/{field}"),
        field: format!("{pointer}/name"),
        why: "the API server calls",
    };
    backend(judge, named);
}

fn route(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    for (pointer, parent) in object.items("/spec/parentRefs") {
        let group = parent["group"].as_str().unwrap_or(GATEWAY_API);
        let kind = parent["kind"].as_str().unwrap_or("Gateway");
        if (group, kind) == (GATEWAY_API, "Gateway") {
            let namespace = parent["namespace"].as_str().unwrap_or(home);
            listener(judge, object, &pointer, parent, namespace);
        }
    }
    for (pointer, _) in object.items("/spec/rules") {
        let mut places: Vec<String> = object
            .items(&format!("{pointer}/backendRefs"))
            .map(|(pointer, _)| pointer)
            .collect();
        let filters = object.items(&format!("{pointer}/filters"));
        places.extend(filters.map(|(pointer, _)| format!("{pointer}/requestMirror/backendRef")));
        for pointer in places {
            let reference = object.at(&pointer);
            let kind = reference["kind"].as_str().unwrap_or("Service");
            if kind != "Service" || !text(reference, "group").is_empty() {
                continue;
            }
            let namespace = reference["namespace"].as_str().unwrap_or(home);
            granted(judge, object, &pointer, home, namespace);
            let named = Backend {
                object,
                namespace,
                name: text(reference, "name"),
                port: &reference["port"],
                port_field: format!("{pointer}/port"),
                field: format!("{pointer}/name"),
                why: "it leads to",
            };
            backend(judge, named);
        }
    }
}

fn listener(
    judge: &mut Judge<'_, '_>,
    object: &Object,
    pointer: &str,
    parent: &Value,
    namespace: &str,
) {
    let name = text(parent, "name");
    if name.is_empty() {
        return;
    }
    let place = Place {
        rule: "gateway",
        object,
        field: format!("{pointer}/name"),
        why: "it is a route of".into(),
    };
    let key = Key {
        group: GATEWAY_API,
        kind: "Gateway",
        namespace,
        name,
    };
    let Some(Found::Here(gateway)) = judge.require(&place, key) else {
        return;
    };
    let section = text(parent, "sectionName");
    let listeners = gateway.object.items("/spec/listeners");
    let names: Vec<&str> = listeners.map(|(_, it)| text(it, "name")).collect();
    if section.is_empty() || names.contains(&section) {
        return;
    }
    let message = format!(
        "the Gateway {namespace}/{name} ({}) has no listener {section}; it has {}",
        gateway.object.origin(),
        names.join(", ")
    );
    let only = if let [only] = names[..] {
        Some(only)
    } else {
        None
    };
    let field = format!("{pointer}/sectionName");
    judge.tell("gateway", object, &field, message, only);
}

/// Into another namespace a route leads only if a ReferenceGrant there lets it (GEP-709).
fn granted(judge: &mut Judge<'_, '_>, object: &Object, pointer: &str, home: &str, to: &str) {
    if to == home || home.is_empty() {
        return;
    }
    let name = text(object.at(pointer), "name");
    let grants = judge.inventory.grants.get(to).into_iter().flatten();
    let lets = |grant: &&Object| {
        let from = grant.items("/spec/from").any(|(_, it)| {
            it["group"] == object.group() && it["kind"] == object.kind() && it["namespace"] == home
        });
        let into = grant.items("/spec/to").any(|(_, it)| {
            text(it, "group").is_empty()
                && it["kind"] == "Service"
                && it["name"].as_str().is_none_or(|it| it == name)
        });
        from && into
    };
    if grants.copied().any(|it| lets(&it)) {
        return;
    }
    let message = format!(
        "no ReferenceGrant in {to} lets a {} of {home} lead to the Service {name} there; the Gateway will refuse it",
        object.kind()
    );
    judge.tell(
        "reference-grant",
        object,
        &format!("{pointer}/namespace"),
        message,
        None,
    );
}

fn virtual_service(judge: &mut Judge<'_, '_>, object: &Object, home: &str) {
    for (pointer, gateway) in object.items("/spec/gateways") {
        let name = gateway.as_str().unwrap_or_default();
        if name.is_empty() || name == "mesh" {
            continue;
        }
        let (namespace, name) = name.split_once('/').unwrap_or((home, name));
        let namespace = if namespace == "." { home } else { namespace };
        let place = Place {
            rule: "gateway",
            object,
            field: pointer,
            why: "it is of".into(),
        };
        let key = Key {
            group: ISTIO,
            kind: "Gateway",
            namespace,
            name,
        };
        judge.require(&place, key);
    }
    let mut places = Vec::new();
    for list in ["/spec/http", "/spec/tcp", "/spec/tls"] {
        for (pointer, _) in object.items(list) {
            places.push(format!("{pointer}/mirror"));
            for list in ["route", "mirrors"] {
                let routes = object.items(&format!("{pointer}/{list}"));
                places.extend(routes.map(|(pointer, _)| format!("{pointer}/destination")));
            }
        }
    }
    for pointer in places {
        let destination = object.at(&pointer);
        let host = text(destination, "host");
        if judge.inventory.hosts.contains(host) {
            continue;
        }
        let Some((namespace, name)) = service_of(host, home) else {
            continue;
        };
        let named = Backend {
            object,
            namespace,
            name,
            port: &destination["port"]["number"],
            port_field: format!("{pointer}/port/number"),
            field: format!("{pointer}/host"),
            why: "it leads to",
        };
        backend(judge, named);
    }
}

/// `web` and `web.shop.svc.cluster.local`; other hosts with dots are none of the cluster's.
fn service_of<'h>(host: &'h str, home: &'h str) -> Option<(&'h str, &'h str)> {
    let mut labels = host.split('.');
    match (labels.next(), labels.next(), labels.next()) {
        (Some(name), None, None) if name != "*" => Some((home, name)),
        (Some(name), Some(namespace), Some("svc")) if name != "*" => Some((namespace, name)),
        _ => None,
    }
}
