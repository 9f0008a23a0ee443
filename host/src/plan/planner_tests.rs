use super::super::{LiveNamespace, Prune};
use super::*;
use crate::manifest::Spans;

pub(in crate::plan) fn manifest(object: Value, path: &str, line: u32) -> Manifest {
    Manifest {
        object,
        origin: Origin::new(path, line),
        spans: Arc::new(Spans::of_line(line)),
        elsewhere: None,
    }
}

pub(in crate::plan) fn service(name: &str, port: u16) -> Manifest {
    let object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"ports": [{"port": port}]},
    });
    manifest(object, "kits/shop/service.yaml", 3)
}

pub(in crate::plan) fn kind(api_version: &str, kind: &str, name: &str) -> Manifest {
    manifest(
        json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}),
        "kits/shop/x.yaml",
        1,
    )
}

/// One other kit, whose objects are `theirs()`.
#[derive(Default)]
pub(in crate::plan) struct Rival {
    pub gives_up: bool,
    pub wants: Vec<ObjectKey>,
}

impl Neighbours for Rival {
    fn kit_of(&self, set: &SetId) -> Option<KitPath> {
        (*set == theirs()).then(|| KitPath::new("kits/rival"))
    }

    fn gives_up(&self, set: &SetId, _: &ObjectKey) -> bool {
        self.gives_up && *set == theirs()
    }

    fn wanted_by(&self, key: &ObjectKey) -> Option<KitPath> {
        self.wants.contains(key).then(|| KitPath::new("kits/rival"))
    }

    fn field_manager(&self, set: &SetId) -> Option<String> {
        (*set == theirs()).then(|| "trimtab/trimtab-system/kits.rival".into())
    }
}

pub(in crate::plan) fn planned(manifests: &[Manifest], inventory: &Inventory) -> Plan {
    planned_by(manifests, inventory, &Rival::default(), |_| {})
}

pub(in crate::plan) fn planned_by(
    manifests: &[Manifest],
    inventory: &Inventory,
    rival: &Rival,
    change: impl FnOnce(&mut Desired<'_>),
) -> Plan {
    planned_with(manifests, inventory, rival, &PrunePolicy::default(), change)
}

pub(in crate::plan) fn planned_with(
    manifests: &[Manifest],
    inventory: &Inventory,
    rival: &Rival,
    prune: &PrunePolicy,
    change: impl FnOnce(&mut Desired<'_>),
) -> Plan {
    planned_after(manifests, inventory, rival, prune, Hooks::default(), change)
}

pub(in crate::plan) fn planned_after(
    manifests: &[Manifest],
    inventory: &Inventory,
    rival: &Rival,
    prune: &PrunePolicy,
    hooks: Hooks<'_>,
    change: impl FnOnce(&mut Desired<'_>),
) -> Plan {
    let kit = KitPath::new("kits/shop");
    let revision = Revision::new("0123456789abcdef0123456789abcdef01234567");
    let mut desired = Desired {
        kit: &kit,
        owner: ours(),
        revision: &revision,
        manifests,
        namespace: Some("shop"),
        prune,
        drift: DriftPolicy::Correct,
        ignore: &[],
        held: &BTreeSet::new(),
        budget: DeletionBudget::default(),
        deletions_allowed: false,
        emptied: manifests.is_empty(),
        hooks,
    };
    change(&mut desired);
    plan(&desired, inventory, rival)
}

pub(in crate::plan) fn ours() -> SetId {
    SetId::of_kit("kits.shop", "trimtab-system")
}

pub(in crate::plan) fn theirs() -> SetId {
    SetId::of_kit("kits.rival", "trimtab-system")
}

/// FieldsV1 of an applied object whose lists are atomic.
fn fields_of(value: &Value) -> Value {
    let fields = value.as_object().into_iter().flatten();
    let set = fields.map(|(name, below)| (format!("f:{name}"), fields_of(below)));
    Value::Object(set.collect())
}

/// What the inventory holds after a plan was carried out.
pub(in crate::plan) fn carried_out(plan: &Plan, inventory: &mut Inventory) {
    for step in &plan.steps {
        match &step.owner {
            None => {
                inventory.put_namespace(&step.key.name, LiveNamespace::default());
            }
            Some(owner) => {
                let mut object = live(owner.clone(), Some(&step.digest));
                object.fields = Some(fields_of(&step.body).to_string().into());
                object.never = Some([].into());
                inventory.insert(step.key.clone(), object)
            }
        }
    }
}

pub(in crate::plan) fn live(owner: SetId, digest: Option<&str>) -> LiveObject {
    LiveObject {
        uid: "u-1".into(),
        resource_version: "7".into(),
        owner,
        digest: digest.map(Into::into),
        origin: Some(Origin::new("kits/rival/service.yaml", 9)),
        keep: false,
        terminating: false,
        created: false,
        applied: true,
        fields: None,
        never: None,
        scaled: false,
        health: crate::health::Health::Current,
        by: None,
    }
}

/// An object of the kit's own, of any kind.
pub(in crate::plan) fn have(
    inventory: &mut Inventory,
    api_version: &str,
    of_kind: &str,
    name: &str,
) -> ObjectKey {
    let key = kind(api_version, of_kind, name).key();
    inventory.insert(key.clone(), live(ours(), Some("sha256:00")));
    key
}

pub(in crate::plan) fn names(prunes: &[Prune]) -> Vec<&str> {
    prunes.iter().map(|prune| &*prune.key.name).collect()
}

#[test]
fn planning_again_after_a_plan_was_carried_out_plans_nothing() {
    let manifests = [
        service("a", 80),
        service("b", 81),
        kind("v1", "Namespace", "extra"),
    ];
    let mut inventory = Inventory::default();
    let first = planned(&manifests, &inventory);
    assert_eq!(first.steps.len(), 4);
    carried_out(&first, &mut inventory);
    let second = planned(&manifests, &inventory);
    assert!(second.is_empty(), "{second:?}");
    assert_eq!(second.left.len(), 3);
}

#[test]
fn only_what_changed_is_sent_with_the_reason() {
    let mut inventory = Inventory::default();
    let first = planned(&[service("a", 80), service("b", 81)], &inventory);
    carried_out(&first, &mut inventory);
    let second = planned(&[service("a", 80), service("b", 5445)], &inventory);
    let [step] = &second.steps[..] else {
        panic!("{second:?}")
    };
    assert_eq!(&*step.key.name, "b");
    assert_eq!(step.action, Action::Update);
    assert!(matches!(&step.reason, Reason::ManifestChanged { .. }));
}

#[test]
fn a_line_that_moves_is_no_change() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[service("a", 80)], &inventory), &mut inventory);
    let mut moved = service("a", 80);
    moved.origin.line += 10;
    assert!(planned(&[moved], &inventory).is_empty());
}

#[test]
fn keys_in_another_order_are_no_change() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[service("a", 80)], &inventory), &mut inventory);
    let mut turned = service("a", 80);
    let Value::Object(fields) = &turned.object else {
        panic!("an object")
    };
    turned.object = Value::Object(fields.clone().into_iter().rev().collect());
    assert!(planned(&[turned], &inventory).is_empty());
}

#[test]
fn a_body_carries_its_set_origin_revision_and_digest() {
    let plan = planned(&[service("a", 80)], &Inventory::default());
    let step = plan
        .steps
        .iter()
        .find(|step| step.owner.is_some())
        .expect("the service");
    let metadata = &step.body["metadata"];
    assert_eq!(metadata["labels"][PART_OF_LABEL], ours().as_str());
    assert_eq!(
        metadata["annotations"][ORIGIN_ANNOTATION],
        "kits/shop/service.yaml:3"
    );
    assert_eq!(
        metadata["annotations"][REVISION_ANNOTATION],
        "0123456789abcdef0123456789abcdef01234567"
    );
    assert_eq!(metadata["annotations"][DIGEST_ANNOTATION], &*step.digest);
}

#[test]
fn an_object_of_another_kit_is_refused_with_both_origins() {
    let mut inventory = Inventory::default();
    inventory.insert(service("a", 80).key(), live(theirs(), Some("sha256:00")));
    let plan = planned(&[service("a", 80), service("b", 80)], &inventory);
    let [finding] = &plan.refused[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(finding.rule, "trimtab/owned-by-another-kit");
    assert_eq!(finding.message, "Service shop/a belongs to kit kits/rival");
    assert_eq!(
        finding.origin,
        Some(Origin::new("kits/shop/service.yaml", 3))
    );
    assert_eq!(
        finding.notes[0].origin,
        Some(Origin::new("kits/rival/service.yaml", 9))
    );
}

#[test]
fn an_object_whose_last_answer_was_lost_is_sent_again() {
    let mut inventory = Inventory::default();
    carried_out(&planned(&[service("a", 80)], &inventory), &mut inventory);
    inventory.unsure(&service("a", 80).key());
    let plan = planned(&[service("a", 80)], &inventory);
    assert_eq!(plan.steps[0].reason, Reason::Unsure);
}

#[test]
fn what_left_the_manifests_is_named_for_pruning_with_its_preconditions() {
    let mut inventory = Inventory::default();
    carried_out(
        &planned(&[service("a", 80), service("b", 81)], &inventory),
        &mut inventory,
    );
    inventory.insert(service("c", 1).key(), live(theirs(), None));
    let plan = planned(&[service("a", 80)], &inventory);
    let [prune] = &plan.pruning.now[..] else {
        panic!("{plan:?}")
    };
    assert_eq!(
        (&*prune.key.name, &*prune.uid, &*prune.resource_version),
        ("b", "u-1", "7")
    );
}

#[test]
fn definitions_go_first_and_admission_last() {
    let manifests = [
        kind(
            "admissionregistration.k8s.io/v1",
            "ValidatingWebhookConfiguration",
            "w",
        ),
        kind("apps/v1", "Deployment", "d"),
        kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "c"),
        kind("v1", "Namespace", "shop"),
    ];
    let plan = planned(&manifests, &Inventory::default());
    let order: Vec<&str> = plan
        .steps
        .iter()
        .map(|step| &*step.key.group_kind.kind)
        .collect();
    assert_eq!(
        order,
        [
            "Namespace",
            "CustomResourceDefinition",
            "Deployment",
            "ValidatingWebhookConfiguration"
        ]
    );
}

#[test]
fn the_kits_namespace_is_made_only_where_it_is_missing_and_belongs_to_no_kit() {
    let mut inventory = Inventory::default();
    let first = planned(&[service("a", 80)], &inventory);
    assert_eq!(first.steps[0].reason, Reason::NamespaceMissing);
    assert_eq!(first.steps[0].owner, None);
    inventory.put_namespace("shop", LiveNamespace::default());
    let second = planned(&[service("a", 80)], &inventory);
    assert!(
        second
            .steps
            .iter()
            .all(|step| step.reason != Reason::NamespaceMissing)
    );
}
