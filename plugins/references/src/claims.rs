//! Hosts and paths that two objects claim: which of them gets the requests is a matter of luck.

use std::collections::BTreeMap;

use serde_json::Value;
use trimtab_plugin::Object;

use crate::judge::Judge;

struct Claim<'o> {
    object: &'o Object,
    field: String,
}

/// Who claims what; the key says who decides, and what is claimed.
#[derive(Default)]
pub struct Claims<'o> {
    all: BTreeMap<(String, String), Vec<Claim<'o>>>,
}

impl<'o> Claims<'o> {
    pub fn take(&mut self, object: &'o Object, home: &str) {
        match (object.group(), object.kind()) {
            ("networking.k8s.io", "Ingress") => self.ingress(object),
            ("gateway.networking.k8s.io", "HTTPRoute" | "GRPCRoute") => self.route(object, home),
            ("gateway.networking.k8s.io", "Gateway") => self.listeners(object, home),
            ("networking.istio.io", "VirtualService") => self.virtual_service(object, home),
            _ => {}
        }
    }

    fn add(&mut self, by: &str, what: String, object: &'o Object, field: String) {
        let claims = self.all.entry((by.to_owned(), what)).or_default();
        claims.push(Claim { object, field });
    }

    fn ingress(&mut self, object: &'o Object) {
        let annotations = object.at("/metadata/annotations");
        // A canary shares its host and path by intent.
        if annotations["nginx.ingress.kubernetes.io/canary"] == "true" {
            return;
        }
        let class = object.at("/spec/ingressClassName").as_str();
        let class = class.or(annotations["kubernetes.io/ingress.class"].as_str());
        let by = format!("Ingresses of class {}", class.unwrap_or("(default)"));
        for (pointer, rule) in object.items("/spec/rules") {
            let host = rule["host"].as_str().unwrap_or("*");
            for (pointer, path) in object.items(&format!("{pointer}/http/paths")) {
                let text = path["path"].as_str().unwrap_or("/");
                let kind = path["pathType"].as_str().unwrap_or_default();
                let text = match (kind, text.trim_end_matches('/')) {
                    ("Prefix", "") => "/",
                    ("Prefix", trimmed) => trimmed,
                    _ => text,
                };
                let what = format!("{host}{text} ({kind})");
                self.add(&by, what, object, format!("{pointer}/path"));
            }
        }
    }

    fn listeners(&mut self, object: &'o Object, home: &str) {
        let by = format!("listeners of the Gateway {home}/{}", object.name());
        for (pointer, listener) in object.items("/spec/listeners") {
            let host = listener["hostname"].as_str().unwrap_or("*");
            let udp = if listener["protocol"] == "UDP" {
                " UDP"
            } else {
                ""
            };
            if let Some(port) = listener["port"].as_u64() {
                self.add(&by, format!("{host}:{port}{udp}"), object, pointer);
            }
        }
    }

    fn route(&mut self, object: &'o Object, home: &str) {
        let hosts: Vec<&str> = texts(object.at("/spec/hostnames"));
        let hosts = if hosts.is_empty() { vec!["*"] } else { hosts };
        for (_, parent) in object.items("/spec/parentRefs") {
            let text = |field: &str| parent[field].as_str().unwrap_or_default();
            let namespace = parent["namespace"].as_str().unwrap_or(home);
            let (slash, section) = match text("sectionName") {
                "" => ("", ""),
                section => ("/", section),
            };
            let kind = parent["kind"].as_str().unwrap_or("Gateway");
            let by = format!(
                "{}s of the {kind} {namespace}/{}{slash}{section}{}",
                object.kind(),
                text("name"),
                match &parent["port"] {
                    Value::Null => String::new(),
                    port => format!(":{port}"),
                }
            );
            for (pointer, rule) in object.items("/spec/rules") {
                let matches = rule["matches"].as_array();
                let matches = matches.filter(|it| !it.is_empty());
                let asked: Vec<(String, String)> = match matches {
                    Some(matches) => (0..)
                        .zip(matches)
                        .map(|(index, it): (usize, _)| {
                            (route_match(it), format!("{pointer}/matches/{index}"))
                        })
                        .collect(),
                    None => vec![(route_match(&Value::Null), pointer)],
                };
                for host in &hosts {
                    for (asked, field) in &asked {
                        self.add(&by, format!("{host}{asked}"), object, field.clone());
                    }
                }
            }
        }
    }

    fn virtual_service(&mut self, object: &'o Object, home: &str) {
        let gateways = texts(object.at("/spec/gateways"));
        let gateways = if gateways.is_empty() {
            vec!["mesh"]
        } else {
            gateways
        };
        let seen_by_its_own = texts(object.at("/spec/exportTo")) == ["."];
        for gateway in gateways {
            let by = match gateway {
                // In the mesh one VirtualService has the whole host (IST0109).
                "mesh" if seen_by_its_own => format!("VirtualServices of the mesh within {home}"),
                "mesh" => "VirtualServices of the mesh".to_owned(),
                name if name.contains('/') => format!("VirtualServices of the Gateway {name}"),
                name => format!("VirtualServices of the Gateway {home}/{name}"),
            };
            for (pointer, host) in object.items("/spec/hosts") {
                let Some(host) = host.as_str() else { continue };
                // A short name is one of the namespace.
                let host = match host.contains(['.', '*']) {
                    true => host.to_owned(),
                    false => format!("{host}.{home}.svc.cluster.local"),
                };
                if gateway == "mesh" {
                    self.add(&by, host, object, pointer);
                    continue;
                }
                for list in ["/spec/http", "/spec/tls", "/spec/tcp"] {
                    for (pointer, route) in object.items(list) {
                        let matches = route["match"].as_array().map(Vec::as_slice);
                        let every = [Value::Null];
                        for one in matches.filter(|it| !it.is_empty()).unwrap_or(&every) {
                            let asked = canonical(one);
                            let what = format!("{host} {} {asked}", &list["/spec/".len()..]);
                            self.add(&by, what, object, pointer.clone());
                        }
                    }
                }
            }
        }
    }

    /// Each side of a clash is told of another one.
    pub fn judge(self, judge: &mut Judge<'_, '_>) {
        for ((by, what), claims) in &self.all {
            for (index, claim) in claims.iter().enumerate().filter(|_| claims.len() > 1) {
                let other = &claims[usize::from(index == 0)];
                let who = match std::ptr::eq(other.object, claim.object) {
                    true => format!("this object, at {}", other.field),
                    false => format!(
                        "{} {}/{} of {} ({})",
                        other.object.kind(),
                        other.object.namespace(),
                        other.object.name(),
                        other.object.kit,
                        other.object.origin()
                    ),
                };
                let message = format!("among {by}, {what} is claimed by {who} as well");
                judge.tell("host", claim.object, &claim.field, message, None);
            }
        }
    }
}

fn texts(value: &Value) -> Vec<&str> {
    let items = value.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).collect()
}

/// What a route asks of a request, with what the API server fills in.
fn route_match(value: &Value) -> String {
    let path = &value["path"];
    let prefix = match path["type"].as_str().unwrap_or("PathPrefix") {
        "PathPrefix" => "",
        "Exact" => "=",
        _ => "~",
    };
    let text = path["value"].as_str().unwrap_or("/");
    let mut rest = value.clone();
    if let Some(rest) = rest.as_object_mut() {
        rest.remove("path");
    }
    match rest.as_object().is_none_or(serde_json::Map::is_empty) {
        true => format!("{prefix}{text}"),
        false => format!("{prefix}{text} {}", canonical(&rest)),
    }
}

/// JSON with its fields in order; nothing for nothing.
fn canonical(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(name, _)| *name);
            let fields = fields
                .iter()
                .map(|(name, value)| format!("{name}: {}", canonical(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
