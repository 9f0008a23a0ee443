use serde_json::{Value, json};

use super::super::planner::tests::{Rival, carried_out, kind, ours, planned, planned_by, service};
use super::super::{Inventory, Reason, Writer};
use super::*;
use crate::expression::Expression;
use crate::kit::IGNORE_VARIABLES;

/// Somebody else has taken this field over.
fn taken(inventory: &mut Inventory, key: &ObjectKey, map: &str, field: &str) {
    let mut object = inventory.get(key).expect("it is live").clone();
    let mut set: Value =
        serde_json::from_str(object.fields.as_deref().expect("fields")).expect("JSON");
    let fields = set[map].as_object_mut().expect("a map");
    fields.remove(field);
    if fields.is_empty() {
        set.as_object_mut().expect("a map").remove(map);
    }
    object.fields = Some(set.to_string().into());
    object.by = Some(Writer {
        manager: "kubectl-edit".into(),
        at: "2026-01-05T09:00:00Z".into(),
    });
    inventory.insert(key.clone(), object);
}

fn scalable(replicas: u32) -> Manifest {
    let mut it = kind("apps/v1", "Deployment", "web");
    it.object["spec"] = json!({"replicas": replicas, "paused": false});
    it
}

#[test]
fn a_field_that_somebody_took_is_put_right_and_told() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[service("a", 80)], &inventory), &mut inventory);
    taken(&mut inventory, &service("a", 80).key(), "f:spec", "f:ports");
    let plan = planned(&[service("a", 80)], &inventory);
    let [step] = &plan.steps[..] else {
        panic!("{plan:?}")
    };
    let fields = vec!["/spec".to_owned()];
    assert_eq!(
        step.reason,
        Reason::Drifted {
            fields: fields.clone()
        }
    );
    assert_eq!(plan.drift[0].fields, fields);
    let by = plan.drift[0].by.as_ref().map(|by| &*by.manager);
    assert_eq!(by, Some("kubectl-edit"));
    let told = planned_by(
        &[service("a", 80)],
        &inventory,
        &Rival::default(),
        |desired| {
            desired.drift = DriftPolicy::Report;
        },
    );
    assert!(told.steps.is_empty() && told.drift.len() == 1, "{told:?}");
    let ignored = planned_by(
        &[service("a", 80)],
        &inventory,
        &Rival::default(),
        |desired| {
            desired.drift = DriftPolicy::Ignore;
        },
    );
    assert!(
        ignored.is_empty() && ignored.drift.is_empty(),
        "{ignored:?}"
    );
}

#[test]
fn what_the_server_never_let_the_kit_own_is_no_drift() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[service("a", 80)], &inventory), &mut inventory);
    let key = service("a", 80).key();
    taken(&mut inventory, &key, "f:spec", "f:ports");
    let mut object = inventory.get(&key).expect("it is live").clone();
    object.never = Some(["/spec".to_owned()].into());
    inventory.insert(key, object);
    assert!(planned(&[service("a", 80)], &inventory).is_empty());
}

#[test]
fn what_is_ignored_or_an_autoscaler_s_is_left_to_who_took_it_also_when_the_rest_changes() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[scalable(1)], &inventory), &mut inventory);
    let key = scalable(1).key();
    taken(&mut inventory, &key, "f:spec", "f:replicas");
    static RULES: std::sync::LazyLock<[IgnoreRule; 1]> = std::sync::LazyLock::new(|| {
        [IgnoreRule {
            kind: Some("Deployment.apps".into()),
            name: None,
            fields: vec!["/spec/replicas".into()],
            when: None,
            origin: Origin::new("kit.yaml", 1),
        }]
    });
    let ignoring = |manifest: Manifest, inventory: &Inventory| {
        planned_by(&[manifest], inventory, &Rival::default(), |desired| {
            desired.ignore = &*RULES;
        })
    };
    assert!(ignoring(scalable(1), &inventory).is_empty());
    let mut other = scalable(1);
    other.object["spec"]["paused"] = json!(true);
    let plan = ignoring(other, &inventory);
    assert_eq!(plan.steps[0].body["spec"], json!({"paused": true}));
    assert!(!planned(&[scalable(1)], &inventory).is_empty());
    let mut scaled = inventory.get(&key).expect("it is live").clone();
    scaled.scaled = true;
    inventory.insert(key, scaled);
    assert!(planned(&[scalable(1)], &inventory).is_empty());
}

#[test]
fn an_expression_says_which_field_of_which_item_is_left() {
    let manifest = || {
        let mut it = kind("apps/v1", "Deployment", "web");
        it.object["spec"] = json!({"template": {"spec": {"containers": [
            {"name": "web", "image": "a:1"}, {"name": "proxy", "image": "b:1"},
        ]}}});
        it
    };
    let mut inventory = Inventory::default();
    carried_out(&planned(&[manifest()], &inventory), &mut inventory);
    let key = manifest().key();
    taken(&mut inventory, &key, "f:spec", "f:template");
    let mut object = inventory.get(&key).expect("it is live").clone();
    let item = |name: &str| format!("k:{{\"name\":\"{name}\"}}");
    let mut set: Value =
        serde_json::from_str(object.fields.as_deref().expect("fields")).expect("JSON");
    set["f:spec"] = json!({"f:template": {"f:spec": {"f:containers": {
        item("web"): {".": {}, "f:name": {}}, item("proxy"): {".": {}, "f:name": {}},
    }}}});
    object.fields = Some(set.to_string().into());
    inventory.insert(key, object);
    let planned_when = |when: &str| {
        let when = Expression::parse(when, &IGNORE_VARIABLES).expect("it parses");
        let rules = vec![IgnoreRule {
            kind: None,
            name: None,
            fields: Vec::new(),
            when: Some(when),
            origin: Origin::new("kit.yaml", 7),
        }];
        let rules: &'static [IgnoreRule] = rules.leak();
        planned_by(&[manifest()], &inventory, &Rival::default(), |desired| {
            desired.ignore = rules;
        })
    };
    let (web, proxy) = (
        "/spec/template/spec/containers/0/image",
        "/spec/template/spec/containers/1/image",
    );
    for (when, left) in [
        ("within.exists(it, it.name == 'proxy')", &[web][..]),
        ("field.endsWith('/image') && manager == 'kubectl-edit'", &[]),
        ("manager == 'another'", &[web, proxy]),
        ("value == 'a:1' && object.metadata.name == 'web'", &[proxy]),
        ("within.nothing.here", &[web, proxy]),
    ] {
        let plan = planned_when(when);
        let fields: Vec<&str> = plan
            .drift
            .iter()
            .flat_map(|it| &it.fields)
            .map(String::as_str)
            .collect();
        assert_eq!(fields, left, "{when}");
    }
    // What cannot be told is put right, and said.
    let plan = planned_when("size(value) > manager");
    assert_eq!(plan.drift[0].fields, [web, proxy]);
    let warning = plan.warnings[0].to_string();
    assert!(
        warning.contains("kit.yaml:7") && warning.contains("cannot be told"),
        "{warning}"
    );
}

#[test]
fn what_was_scaled_is_left_as_long_as_some_autoscaler_of_it_is_there_or_may_be() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[scalable(1)], &inventory), &mut inventory);
    let key = scalable(1).key();
    taken(&mut inventory, &key, "f:spec", "f:replicas");
    let mut scaled = inventory.get(&key).expect("it is live").clone();
    scaled.scaled = true;
    inventory.insert(key.clone(), scaled);
    let put_right = |inventory: &Inventory| {
        let plan = planned(&[scalable(1)], inventory);
        plan.steps
            .first()
            .map(|step| step.body["spec"]["replicas"].clone())
    };
    assert_eq!(put_right(&inventory), None, "none was listed yet");
    let autoscaler = kind("autoscaling/v2", "HorizontalPodAutoscaler", "of-keda").key();
    let all = [(autoscaler.clone(), key.clone())].into();
    assert_eq!(inventory.list_autoscalers(all), [ours()]);
    assert_eq!(put_right(&inventory), None);
    let told = inventory.put_autoscaler(autoscaler.clone(), Some(key.clone()));
    assert_eq!(told, [], "nothing that matters changed");
    assert_eq!(inventory.put_autoscaler(autoscaler, None), [ours()]);
    assert_eq!(put_right(&inventory), Some(json!(1)));
    let other = kind("autoscaling/v2", "HorizontalPodAutoscaler", "other").key();
    let elsewhere = kind("apps/v1", "StatefulSet", "web").key();
    assert_eq!(inventory.put_autoscaler(other, Some(elsewhere)), []);
    assert_eq!(put_right(&inventory), Some(json!(1)));
    // One that somebody deleted, and that the kit is about to make anew.
    let mut own = kind("autoscaling/v2", "HorizontalPodAutoscaler", "own");
    let target = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"});
    own.object["spec"] = json!({"scaleTargetRef": target});
    let both = planned(&[scalable(1), own.clone()], &inventory);
    let [step] = &both.steps[..] else {
        panic!("{both:?}")
    };
    assert_eq!(step.key, own.key());
}
