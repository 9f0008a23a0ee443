//! Selectors that select nothing, and ports that nothing declares.

use std::collections::BTreeSet;

use serde_json::Value;
use trimtab_plugin::{LabelSelector, Object};

use crate::judge::Judge;
use crate::labelled::{ANYWHERE, Labelled, of_templates, written};

pub fn judge(judge: &mut Judge<'_, '_>, labelled: &Labelled<'_>, object: &Object, home: &str) {
    match (object.group(), object.kind()) {
        ("", "Service") => service(judge, labelled, object, home),
        ("networking.k8s.io", "NetworkPolicy") => policy(judge, labelled, object, home),
        ("policy", "PodDisruptionBudget") => {
            let rule = "budget-selector";
            pods(judge, labelled, object, home, rule, "/spec/selector");
        }
        ("monitoring.coreos.com", "ServiceMonitor" | "PodMonitor") => {
            monitor(judge, labelled, object, home);
        }
        _ => {}
    }
}

/// An empty selector selects all there is, and one of controllers' labels alone cannot be judged.
fn read(value: &Value) -> Option<LabelSelector> {
    let selector = of_templates(LabelSelector::read(value)?);
    (!selector.is_empty()).then_some(selector)
}

fn nothing(selector: &LabelSelector, home: &str, what: &str) -> String {
    format!(
        "the selector {} selects no {what} that a kit has in {}",
        written(selector),
        if home.is_empty() { "the cluster" } else { home }
    )
}

fn pods(
    judge: &mut Judge<'_, '_>,
    labelled: &Labelled<'_>,
    object: &Object,
    home: &str,
    rule: &'static str,
    pointer: &str,
) {
    let Some(selector) = read(object.at(pointer)) else {
        return;
    };
    let mut external = judge.settings.external_pods.iter();
    if labelled.pods.select(home, &selector).next().is_none()
        && !external.any(|it| it.fit(home, &selector))
    {
        let message = nothing(&selector, home, "Pods");
        judge.tell(rule, object, pointer, message, None);
    }
}

fn policy(judge: &mut Judge<'_, '_>, labelled: &Labelled<'_>, object: &Object, home: &str) {
    let rule = "policy-selector";
    pods(judge, labelled, object, home, rule, "/spec/podSelector");
    for (rules, peers) in [("/spec/ingress", "from"), ("/spec/egress", "to")] {
        for (pointer, _) in object.items(rules) {
            for (pointer, peer) in object.items(&format!("{pointer}/{peers}")) {
                if peer["namespaceSelector"].is_null() {
                    let pointer = format!("{pointer}/podSelector");
                    pods(judge, labelled, object, home, rule, &pointer);
                }
            }
        }
    }
}

/// Ports of the containers that are selected.
#[derive(Default)]
struct Declared<'p> {
    some: bool,
    names: BTreeSet<&'p str>,
    numbers: BTreeSet<u64>,
}

fn declared<'p>(
    labelled: &'p Labelled<'_>,
    home: &'p str,
    selector: &'p LabelSelector,
) -> Declared<'p> {
    let mut declared = Declared::default();
    for pods in labelled.pods.select(home, selector) {
        declared.some = true;
        for (_, container) in pods.containers() {
            for port in container["ports"].as_array().into_iter().flatten() {
                declared.names.extend(port["name"].as_str());
                declared.numbers.extend(port["containerPort"].as_u64());
            }
        }
    }
    declared
}

fn service(judge: &mut Judge<'_, '_>, labelled: &Labelled<'_>, object: &Object, home: &str) {
    let labels = object.at("/spec/selector");
    if object.at("/spec/type") == "ExternalName" || !labels.is_object() {
        return;
    }
    let Some(selector) = read(&serde_json::json!({"matchLabels": labels})) else {
        return;
    };
    let declared = declared(labelled, home, &selector);
    if !declared.some {
        let mut external = judge.settings.external_pods.iter();
        if !external.any(|it| it.fit(home, &selector)) {
            let message = nothing(&selector, home, "Pods");
            judge.tell("service-selector", object, "/spec/selector", message, None);
        }
        return;
    }
    let names = || {
        let names: Vec<&str> = declared.names.iter().copied().collect();
        match names.is_empty() {
            true => "none has a name".to_owned(),
            false => format!("declared are {}", names.join(", ")),
        }
    };
    let only = match (declared.names.len(), declared.names.first()) {
        (1, Some(name)) => Some(*name),
        _ => None,
    };
    for (pointer, port) in object.items("/spec/ports") {
        let (target, field) = match &port["targetPort"] {
            Value::Null => (&port["port"], format!("{pointer}/port")),
            target => (target, format!("{pointer}/targetPort")),
        };
        match target {
            Value::String(name) if !declared.names.contains(name.as_str()) => {
                let message = format!(
                    "no container behind the Service declares a port of the name {name}; {}",
                    names()
                );
                judge.tell("target-port", object, &field, message, only);
            }
            Value::Number(number) => {
                let known = number
                    .as_u64()
                    .is_some_and(|it| declared.numbers.contains(&it));
                if !known {
                    let numbers: Vec<String> =
                        declared.numbers.iter().map(u64::to_string).collect();
                    let message = format!(
                        "no container behind the Service declares the port {number}; {}",
                        match numbers.is_empty() {
                            true => "they declare none".to_owned(),
                            false => format!("declared are {}", numbers.join(", ")),
                        }
                    );
                    judge.tell("target-port-number", object, &field, message, None);
                }
            }
            _ => {}
        }
    }
}

fn monitor(judge: &mut Judge<'_, '_>, labelled: &Labelled<'_>, object: &Object, home: &str) {
    let of_pods = object.kind() == "PodMonitor";
    let selector = match of_pods {
        true => read(object.at("/spec/selector")),
        false => LabelSelector::read(object.at("/spec/selector")).filter(|it| !it.is_empty()),
    };
    let Some(selector) = selector else { return };
    let among = object.at("/spec/namespaceSelector");
    let listed = among["matchNames"].as_array();
    let namespaces: Vec<&str> = match listed {
        _ if among["any"] == true => vec![ANYWHERE],
        Some(names) if !names.is_empty() => names.iter().filter_map(Value::as_str).collect(),
        _ => vec![home],
    };
    let (mut some, mut names) = (false, BTreeSet::new());
    for namespace in &namespaces {
        if of_pods {
            let found = declared(labelled, namespace, &selector);
            some |= found.some;
            names.extend(found.names.iter().map(|it| (*it).to_owned()));
            continue;
        }
        for service in labelled.services.select(namespace, &selector) {
            some = true;
            let ports = service.at("/spec/ports").as_array().into_iter().flatten();
            names.extend(ports.filter_map(|it| it["name"].as_str().map(str::to_owned)));
        }
    }
    if !some {
        let mut external = judge.settings.external_pods.iter();
        if !(of_pods
            && namespaces
                .iter()
                .any(|it| external.any(|pods| pods.fit(it, &selector))))
        {
            let what = if of_pods { "Pods" } else { "Services" };
            let message = match namespaces.contains(&ANYWHERE) {
                true => nothing(&selector, "any namespace", what),
                false => nothing(&selector, &namespaces.join(", "), what),
            };
            judge.tell("monitor-selector", object, "/spec/selector", message, None);
        }
        return;
    }
    let list = if of_pods {
        "/spec/podMetricsEndpoints"
    } else {
        "/spec/endpoints"
    };
    for (pointer, endpoint) in object.items(list) {
        let Some(port) = endpoint["port"].as_str().filter(|it| !names.contains(*it)) else {
            continue;
        };
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let message = format!(
            "nothing that it selects has a port of the name {port}; {}",
            match known.is_empty() {
                true => "none has a name".to_owned(),
                false => format!("there are {}", known.join(", ")),
            }
        );
        let only = if let [only] = known[..] {
            Some(only)
        } else {
            None
        };
        judge.tell(
            "monitor-port",
            object,
            &format!("{pointer}/port"),
            message,
            only,
        );
    }
}
