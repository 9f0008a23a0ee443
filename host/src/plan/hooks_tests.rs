use serde_json::{Value, json};

use super::super::planner::tests::{Rival, live, theirs};
use super::super::planner::tests::{
    carried_out, kind, manifest, names, ours, planned_after, service,
};
use super::super::{Reason, Turn};
use super::*;
use crate::kit::PrunePolicy;

fn hook(of_kind: &str, name: &str, events: &str, weight: &str, image: &str) -> Manifest {
    let version = match of_kind {
        "Job" => "batch/v1",
        _ => "v1",
    };
    let object = json!({
        "apiVersion": version, "kind": of_kind,
        "metadata": {"name": name, "namespace": "shop", "annotations": {
            "helm.sh/hook": events, "helm.sh/hook-weight": weight,
        }},
        "spec": {"image": image},
    });
    manifest(object, "kits/shop/job.yaml", 1)
}

fn job(name: &str, events: &str) -> Manifest {
    hook("Job", name, events, "0", "a")
}

/// A plan for a kit whose status keeps these hooks.
fn with(manifests: &[Manifest], inventory: &Inventory, upgrade: bool, ran: &[HookStatus]) -> Plan {
    let (rival, prune) = (Rival::default(), PrunePolicy::default());
    let hooks = Hooks { upgrade, ran };
    planned_after(manifests, inventory, &rival, &prune, hooks, |desired| {
        desired.namespace = None;
    })
}

fn install(manifests: &[Manifest], inventory: &Inventory) -> Plan {
    with(manifests, inventory, false, &[])
}

fn now(plan: &Plan) -> Vec<&str> {
    plan.now().iter().map(|step| &*step.key.name).collect()
}

fn why(plan: &Plan) -> &Held {
    &plan.hold.as_ref().expect("it is held").why
}

/// What was sent is there; Jobs and Pods that are hooks run.
fn sent(plan: &Plan, inventory: &mut Inventory) {
    let mut now = plan.clone();
    now.steps = plan.now().to_vec();
    carried_out(&now, inventory);
    for step in now.steps {
        if matches!(&step.stage, Stage::Before(turn) | Stage::After(turn) if turn.run.is_some()) {
            ends(
                inventory,
                &step.key,
                Health::Progressing("0 of 1 completed".into()),
            );
        }
    }
}

fn ends(inventory: &mut Inventory, key: &ObjectKey, health: Health) {
    let mut live = inventory.get(key).expect("it is there").clone();
    live.health = health;
    inventory.insert(key.clone(), live);
    inventory.put_run(key);
}

fn ran(manifest: &Manifest) -> HookStatus {
    HookStatus {
        object: manifest.key().to_string(),
        digest: manifest_digest(&manifest.object).to_string(),
    }
}

fn kit() -> Vec<Manifest> {
    vec![
        service("web", 80),
        hook("Job", "late", "post-install,post-upgrade", "1", "a"),
        hook("Job", "early", "pre-install,pre-upgrade", "5", "a"),
        hook("ConfigMap", "settings", "pre-install,pre-upgrade", "5", "a"),
        hook("Job", "earlier", "pre-install,pre-upgrade", "-5", "a"),
        kind("v1", "Namespace", "extra"),
        kind(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "door",
        ),
        hook("ConfigMap", "last", "post-install", "2", "a"),
    ]
}

#[test]
fn hooks_have_their_turns_around_the_others_and_each_waits_for_the_one_before() {
    let manifests = kit();
    let mut inventory = Inventory::default();
    let turns: [&[&str]; 4] = [
        &["extra", "earlier"],
        &["settings", "early"],
        &["web", "door", "late"],
        &["last"],
    ];
    for turn in turns {
        let plan = install(&manifests, &inventory);
        assert_eq!(now(&plan), turn);
        sent(&plan, &mut inventory);
        let waiting = install(&manifests, &inventory);
        if waiting.hold.is_none() {
            continue;
        }
        assert!(waiting.now().is_empty(), "{waiting:?}");
        let hold = waiting.hold.as_ref().expect("it is held");
        assert!(matches!(&hold.why, Held::Runs { words, .. } if words == "0 of 1 completed"));
        ends(&mut inventory, &hold.key, Health::Current);
    }
    let done = install(&manifests, &inventory);
    assert!(done.is_empty() && done.hold.is_none(), "{done:?}");
    assert_eq!(done.ran.len(), 3);
}

#[test]
fn jobs_of_one_weight_run_one_after_the_other() {
    let manifests = [
        job("b", "pre-install"),
        job("a", "pre-install"),
        hook("Pod", "c", "pre-install", "0", "a"),
    ];
    let plan = install(&manifests, &Inventory::default());
    assert_eq!(now(&plan), ["c"]);
    let stages: Vec<&Stage> = plan.steps.iter().map(|step| &step.stage).collect();
    let turn = |manifest: &Manifest| {
        Stage::Before(Turn {
            weight: 0,
            run: Some(manifest.key()),
        })
    };
    assert_eq!(
        stages,
        [
            &turn(&manifests[2]),
            &turn(&manifests[1]),
            &turn(&manifests[0])
        ]
    );
}

#[test]
fn a_hook_that_has_failed_holds_what_comes_after_it_and_is_named() {
    let manifests = [job("migrate", "pre-install"), service("web", 80)];
    let mut inventory = Inventory::default();
    sent(&install(&manifests, &inventory), &mut inventory);
    ends(
        &mut inventory,
        &manifests[0].key(),
        Health::Failed("BackoffLimitExceeded".into()),
    );
    let plan = install(&manifests, &inventory);
    assert!(plan.now().is_empty());
    assert_eq!(
        *why(&plan),
        Held::Failed {
            words: "BackoffLimitExceeded".into()
        }
    );
    let origin = &plan.hold.as_ref().expect("it is held").origin;
    assert_eq!(origin.to_string(), "kits/shop/job.yaml:1");
    // Whoever deletes it has it run again.
    inventory.remove(&manifests[0].key());
    assert_eq!(now(&install(&manifests, &inventory)), ["migrate"]);
}

#[test]
fn what_has_run_is_not_run_again_though_its_object_is_gone() {
    let manifests = [
        job("migrate", "pre-install,pre-upgrade"),
        service("web", 80),
    ];
    let mut inventory = Inventory::default();
    sent(&install(&manifests, &inventory), &mut inventory);
    ends(&mut inventory, &manifests[0].key(), Health::Current);
    inventory.remove(&manifests[0].key());
    // This host has seen it.
    assert_eq!(now(&install(&manifests, &inventory)), ["web"]);
    // Another one reads it in the status.
    let kept = [ran(&manifests[0])];
    let plan = with(&manifests, &Inventory::default(), true, &kept);
    assert_eq!((now(&plan), &plan.hold), (vec!["web"], &None));
    let unknown = with(&manifests, &Inventory::default(), true, &[]);
    assert_eq!(now(&unknown), ["migrate"]);
}

#[test]
fn a_hook_with_another_manifest_is_replaced_before_the_others_are_changed() {
    let old = [
        job("migrate", "pre-install,pre-upgrade"),
        service("web", 80),
    ];
    let mut inventory = Inventory::default();
    for _ in 0..2 {
        sent(&install(&old, &inventory), &mut inventory);
        ends(&mut inventory, &old[0].key(), Health::Current);
    }
    let kept = [ran(&old[0])];
    let new = [
        hook("Job", "migrate", "pre-install,pre-upgrade", "0", "b"),
        service("web", 81),
    ];
    let plan = with(&new, &inventory, true, &kept);
    assert!(
        plan.now().is_empty(),
        "it is not there to be sent yet: {plan:?}"
    );
    let Held::Replaced(prune) = why(&plan) else {
        panic!("{plan:?}")
    };
    assert_eq!((&*prune.uid, &*prune.resource_version), ("u-1", "7"));
    let step = &plan.steps[0];
    assert!(matches!(step.reason, Reason::ManifestChanged { .. }));
    assert_eq!(step.replaces.as_ref(), Some(prune));
    inventory.remove(&new[0].key());
    let plan = with(&new, &inventory, true, &kept);
    assert_eq!((now(&plan), why(&plan)), (vec!["migrate"], &Held::Sent));
    // Back to the old one: it has run, and what is there of the new one goes.
    sent(&plan, &mut inventory);
    ends(&mut inventory, &new[0].key(), Health::Failed("no".into()));
    let back = with(&old, &inventory, true, &kept);
    assert_eq!(
        (back.hold.clone(), names(&back.pruning.now)),
        (None, vec!["migrate"])
    );
    assert!(back.steps.is_empty());
}

#[test]
fn a_job_that_no_kit_has_applied_is_not_deleted() {
    let manifests = [job("migrate", "pre-install")];
    let mut inventory = Inventory::default();
    let mut labelled = live(ours(), Some("sha256:00"));
    labelled.applied = false;
    inventory.insert(manifests[0].key(), labelled);
    let plan = install(&manifests, &inventory);
    assert_eq!((why(&plan), &plan.steps[0].replaces), (&Held::Sent, &None));
    inventory.insert(manifests[0].key(), live(theirs(), Some("sha256:00")));
    let plan = install(&manifests, &inventory);
    assert_eq!(plan.refused[0].rule, "trimtab/owned-by-another-kit");
}

#[test]
fn a_changed_or_drifted_object_is_not_held_by_a_hook_that_has_run() {
    let old = [
        job("migrate", "pre-install"),
        service("web", 80),
        job("after", "post-upgrade,post-install"),
    ];
    let kept = [ran(&old[0]), ran(&old[2])];
    let mut inventory = Inventory::default();
    carried_out(&with(&old[1..2], &inventory, true, &kept), &mut inventory);
    let new = [old[0].clone(), service("web", 81), old[2].clone()];
    let plan = with(&new, &inventory, true, &kept);
    assert_eq!((now(&plan), &plan.hold), (vec!["web"], &None));
}

#[test]
fn a_hook_runs_for_what_it_is_meant_for_alone() {
    let manifests = [
        job("first", "pre-install"),
        job("later", "pre-upgrade"),
        service("web", 80),
    ];
    let mut inventory = Inventory::default();
    let plan = install(&manifests, &inventory);
    assert_eq!(now(&plan), ["first"]);
    assert_eq!(plan.passed[0].0, manifests[1].key());
    sent(&plan, &mut inventory);
    ends(&mut inventory, &manifests[0].key(), Health::Current);
    sent(&install(&manifests, &inventory), &mut inventory);
    // What was passed over when it was installed runs when it is another.
    let kept = [ran(&manifests[0]), ran(&manifests[1])];
    let idle = with(&manifests, &inventory, true, &kept);
    assert!(idle.is_empty() && idle.hold.is_none(), "{idle:?}");
    let changed = [
        hook("Job", "first", "pre-install", "0", "b"),
        hook("Job", "later", "pre-upgrade", "0", "b"),
        service("web", 81),
    ];
    let plan = with(&changed, &inventory, true, &kept);
    assert_eq!(now(&plan), ["later"]);
    assert_eq!(plan.passed[0].0, changed[0].key());
    assert!(plan.pruning.is_empty());
}

#[test]
fn other_kinds_are_hooks_by_their_place_alone_and_are_updated() {
    let settings = |image: &str| [hook("ConfigMap", "settings", "pre-install", "3", image)];
    let mut inventory = Inventory::default();
    let plan = install(&settings("a"), &inventory);
    assert_eq!(
        plan.steps[0].stage,
        Stage::Before(Turn {
            weight: 3,
            run: None
        })
    );
    carried_out(&plan, &mut inventory);
    let plan = with(&settings("b"), &inventory, true, &[]);
    assert_eq!((now(&plan), &plan.hold), (vec!["settings"], &None));
    assert_eq!(plan.steps[0].replaces, None);
}

#[test]
fn tests_that_come_as_objects_are_objects_like_others() {
    let manifests = [hook("Pod", "probe", "test", "0", "a"), service("web", 80)];
    let plan = install(&manifests, &Inventory::default());
    assert_eq!(now(&plan).len(), 2);
    assert!(plan.steps.iter().all(|step| step.stage == Stage::Objects));
}

#[test]
fn what_comes_after_waits_for_an_object_that_is_being_deleted() {
    let manifests = [service("web", 80), job("after", "post-install")];
    let mut inventory = Inventory::default();
    let mut going = live(ours(), Some("sha256:00"));
    going.terminating = true;
    inventory.insert(manifests[0].key(), going);
    let plan = install(&manifests, &inventory);
    assert_eq!((now(&plan), why(&plan)), (vec![], &Held::Deleted));
    assert_eq!(plan.awaited, [manifests[0].key()]);
}

#[test]
fn too_many_hooks_are_refused() {
    let many = |count: usize| -> Vec<Manifest> {
        let names = (0..count).map(|it| job(&format!("job-{it}"), "pre-install"));
        names.collect()
    };
    assert!(
        install(&many(LIMIT), &Inventory::default())
            .refused
            .is_empty()
    );
    let refused = install(&many(LIMIT + 1), &Inventory::default()).refused;
    assert_eq!(refused[0].rule, "trimtab/too-many-hooks");
}

#[test]
fn charts_say_in_their_own_way_what_is_kept() {
    let kept = |name: &str, value: &str| {
        let annotations: Value = json!({name: value});
        crate::plan::is_kept(|name| annotations.get(name)?.as_str())
    };
    assert!(kept("helm.sh/resource-policy", " Keep"));
    assert!(kept("trimtab.io/prune", "keep"));
    assert!(!kept("trimtab.io/prune", "Keep"));
    assert!(!kept("helm.sh/resource-policy", "delete"));
}
