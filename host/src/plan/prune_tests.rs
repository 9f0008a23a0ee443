use super::super::planner::tests::{
    Rival, have, kind, live, names, ours, planned, planned_by, planned_with, service, theirs,
};
use super::super::{LiveNamespace, Reason};
use super::*;
use crate::manifest::Manifest;

#[test]
fn deletion_goes_from_what_uses_to_what_is_used_one_stage_at_a_time() {
    let mut inventory = Inventory::default();
    have(&mut inventory, "v1", "ConfigMap", "settings");
    have(&mut inventory, "apps/v1", "Deployment", "web");
    have(
        &mut inventory,
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "routes",
    );
    have(&mut inventory, "mesh.example.org/v1", "Route", "route");
    let mut order = Vec::new();
    loop {
        let plan = planned_by(&[], &inventory, &Rival::default(), |desired| {
            desired.deletions_allowed = true;
        });
        let now = names(&plan.pruning.now).join(" ");
        if now.is_empty() {
            break;
        }
        for prune in &plan.pruning.now {
            inventory.remove(&prune.key);
        }
        order.push(now);
    }
    assert_eq!(order, ["route", "web", "settings", "routes"]);
}

#[test]
fn a_stage_waits_until_the_one_before_is_gone() {
    let mut inventory = Inventory::default();
    have(&mut inventory, "v1", "ConfigMap", "settings");
    let web = have(&mut inventory, "apps/v1", "Deployment", "web");
    let mut going = live(ours(), None);
    going.terminating = true;
    inventory.insert(web.clone(), going);
    let plan = planned(&[service("a", 80)], &inventory);
    assert_eq!(plan.pruning.now, []);
    assert_eq!(plan.pruning.going, [web]);
    assert_eq!(plan.pruning.later.len(), 1);
}

#[test]
fn what_is_marked_and_what_holds_data_is_let_go_and_not_deleted() {
    let mut inventory = Inventory::default();
    let marked = have(&mut inventory, "v1", "ConfigMap", "marked");
    let mut kept = live(ours(), None);
    kept.keep = true;
    inventory.insert(marked, kept);
    have(&mut inventory, "v1", "PersistentVolumeClaim", "data");
    have(&mut inventory, "v1", "Namespace", "shop");
    let plan = planned(&[service("a", 80)], &inventory);
    assert_eq!(plan.pruning.now, []);
    assert_eq!(names(&plan.pruning.released), ["marked", "shop", "data"]);
    let mut made = live(ours(), None);
    made.created = true;
    inventory.insert(kind("v1", "Namespace", "shop").key(), made);
    let policy = PrunePolicy {
        delete_volume_claims: true,
        delete_namespaces: true,
        ..PrunePolicy::default()
    };
    let plan = planned_with(
        &[service("a", 80)],
        &inventory,
        &Rival::default(),
        &policy,
        |_| {},
    );
    assert_eq!(names(&plan.pruning.released), ["marked"]);
    assert_eq!(names(&plan.pruning.now), ["data"]);
    assert_eq!(&*plan.pruning.later[0].name, "shop");
}

#[test]
fn more_than_the_budget_stops_the_revision_and_names_what_would_have_gone() {
    let mut inventory = Inventory::default();
    for number in 0..8 {
        have(&mut inventory, "v1", "ConfigMap", &format!("c{number}"));
    }
    let keep: Vec<Manifest> = (0..3)
        .map(|it| kind("v1", "ConfigMap", &format!("c{it}")))
        .collect();
    let plan = planned(&keep, &inventory);
    let [finding] = &plan.refused[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(finding.rule, "trimtab/deletion-budget");
    assert!(finding.message.contains("5 of 8"), "{finding}");
    assert!(finding.message.contains("ConfigMap c7"), "{finding}");
    let hint = finding.hint.as_deref().unwrap_or_default();
    assert!(
        hint.contains("reconcile kits/shop --allow-deletions 0123456"),
        "{hint}"
    );
    assert!(plan.pruning.is_empty());
    let allowed = planned_by(&keep, &inventory, &Rival::default(), |desired| {
        desired.deletions_allowed = true;
    });
    assert_eq!(allowed.pruning.now.len(), 5);
}

#[test]
fn a_kit_that_comes_out_empty_stops_even_within_the_budget() {
    let mut inventory = Inventory::default();
    have(&mut inventory, "v1", "ConfigMap", "only");
    let plan = planned(&[], &inventory);
    assert_eq!(plan.refused[0].rule, "trimtab/empty-kit");
    let gone = planned_by(&[], &inventory, &Rival::default(), |desired| {
        desired.emptied = false;
    });
    assert_eq!(names(&gone.pruning.now), ["only"]);
}

#[test]
fn an_object_that_moves_to_another_kit_is_handed_over() {
    let mut inventory = Inventory::default();
    let key = have(&mut inventory, "v1", "ConfigMap", "moving");
    let wants = Rival {
        wants: vec![key.clone()],
        ..Rival::default()
    };
    let before = planned_by(&[service("a", 80)], &inventory, &wants, |_| {});
    assert!(before.pruning.is_empty());
    assert_eq!(before.pruning.handed_over[0].0, key);
    // As the kit that takes it over sees it.
    inventory.insert(key.clone(), live(theirs(), Some("sha256:00")));
    let gives = Rival {
        gives_up: true,
        ..Rival::default()
    };
    let taken = planned_by(
        &[kind("v1", "ConfigMap", "moving")],
        &inventory,
        &gives,
        |desired| {
            desired.namespace = None;
        },
    );
    let [step] = &taken.steps[..] else {
        panic!("{taken:?}")
    };
    assert_eq!(step.reason, Reason::HandedOver { from: theirs() });
    assert_eq!(
        step.takes_from.as_deref(),
        Some("trimtab/trimtab-system/kits.rival")
    );
}

#[test]
fn a_label_alone_makes_no_object_the_kit_s_to_delete() {
    let mut inventory = Inventory::default();
    let key = have(&mut inventory, "v1", "Secret", "labelled-by-somebody");
    let mut labelled = live(ours(), None);
    labelled.applied = false;
    inventory.insert(key.clone(), labelled);
    let plan = planned(&[service("a", 80)], &inventory);
    assert!(plan.pruning.is_empty());
    assert_eq!(plan.pruning.foreign, [key]);
}

#[test]
fn nothing_is_put_where_something_is_being_deleted() {
    let mut inventory = Inventory::default();
    let mut going = live(ours(), None);
    going.terminating = true;
    inventory.insert(service("a", 80).key(), going);
    let plan = planned(&[service("a", 80)], &inventory);
    assert_eq!(plan.awaited, [service("a", 80).key()]);
    let mut inventory = Inventory::default();
    let leaving = LiveNamespace {
        terminating: true,
        ..LiveNamespace::default()
    };
    inventory.put_namespace("shop", leaving);
    let plan = planned(&[service("a", 80)], &inventory);
    assert_eq!(plan.steps, []);
    assert_eq!(&*plan.awaited[0].name, "shop");
}

#[test]
fn a_namespace_in_which_something_is_kept_stays_with_it() {
    let mut inventory = Inventory::default();
    let mut claim = kind("v1", "PersistentVolumeClaim", "data");
    claim.object["metadata"]["namespace"] = "shop".into();
    inventory.insert(claim.key(), live(ours(), Some("sha256:00")));
    let mut made = live(ours(), None);
    made.created = true;
    inventory.insert(kind("v1", "Namespace", "shop").key(), made);
    let policy = PrunePolicy {
        delete_namespaces: true,
        ..PrunePolicy::default()
    };
    let member = planned_with(&[], &inventory, &Rival::default(), &policy, |desired| {
        desired.namespace = None;
        desired.emptied = false;
    });
    assert_eq!(names(&member.pruning.released), ["data", "shop"]);
    assert_eq!(member.pruning.now, []);
    inventory.remove(&kind("v1", "Namespace", "shop").key());
    let made_for_it = LiveNamespace {
        made_for: Some(ours()),
        ..LiveNamespace::default()
    };
    inventory.put_namespace("shop", made_for_it);
    let implied = planned_with(&[], &inventory, &Rival::default(), &policy, |desired| {
        desired.namespace = None;
        desired.emptied = false;
    });
    assert_eq!(implied.pruning.spared, ["shop".into()]);
    assert_eq!(implied.pruning.now, []);
}
