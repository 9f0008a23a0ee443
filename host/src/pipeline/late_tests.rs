//! Kits that take longer than others wait for them.

use super::*;
use crate::kit::KitPath;

/// More than others wait for, and less than a render may take.
const LONG: &str = "{{ range until 2000 }}{{ range until 2000 }}{{ end }}{{ end }}apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: long}\n";
const CHART: &str = "apiVersion: v2\nname: long\nversion: 1.0.0\n";
const RULES: &str = "kits: [{path: 'kits/*', namespace: acme, clusterScoped: true}]";
const CRD: &str = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.org}\nspec:\n  group: example.org\n  names: {kind: Widget, plural: widgets}\n  scope: Cluster\n  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]\n";

fn names(evaluation: &Evaluation) -> Vec<String> {
    let manifests = evaluation.verdicts.iter().flat_map(|it| {
        let all = it.rendered.manifests.iter();
        all.map(|manifest| manifest.key().to_string())
    });
    manifests.collect()
}

fn late(evaluation: &Evaluation) -> Vec<String> {
    let paths = evaluation.late.iter().map(|it| it.kit.path.to_string());
    paths.collect()
}

#[test]
fn a_kit_that_takes_long_stands_as_it_was_until_it_is_finished_and_no_other_waits_for_it() {
    let quick = LONG.split_once("}}apiVersion").expect("a kind").1;
    let quick = format!("apiVersion{}", quick.replace("long", "quick"));
    let platform = Platform::new(
        RULES,
        &[
            ("kits/crds/a.yaml", CRD),
            ("kits/long/Chart.yaml", CHART),
            ("kits/long/templates/a.yaml", &quick),
            ("kits/shop/a.yaml", CONFIG),
        ],
    );
    let mut evaluator = platform.evaluator().without_waiting();
    let first = platform.evaluate(&mut evaluator);
    let crd = "CustomResourceDefinition.apiextensions.k8s.io widgets.example.org";
    let all = |widget: &str, config: &str| [crd, widget, config].map(str::to_owned).to_vec();
    assert_eq!(
        names(&first),
        all("Widget.example.org quick", "ConfigMap acme/a")
    );

    let shop = |name: &str| CONFIG.replace("name: a", &format!("name: {name}"));
    platform.write("kits/long/templates/a.yaml", LONG);
    platform.write("kits/shop/a.yaml", &shop("b"));
    let second = platform.evaluate(&mut evaluator);
    assert_eq!(
        names(&second),
        all("Widget.example.org quick", "ConfigMap acme/b")
    );
    assert_eq!(late(&second), ["kits/long"]);
    let long = |evaluation: &Evaluation| evaluation.verdicts[1].clone();
    assert_eq!(long(&second).kit.inputs, long(&first).kit.inputs);
    assert!(Arc::ptr_eq(&long(&second).rendered, &long(&first).rendered));

    // Nothing is tried again, and what comes meanwhile is heard.
    platform.write("kits/shop/a.yaml", &shop("c"));
    let third = platform.evaluate(&mut evaluator);
    assert_eq!(
        names(&third),
        all("Widget.example.org quick", "ConfigMap acme/c")
    );
    assert_eq!(late(&third), ["kits/long"]);

    // What came of it is of no use to what it has become.
    let plugins = PluginStore::new(SANDBOX.clone());
    let finished = third.late[0].finish(&plugins);
    platform.write("kits/long/templates/a.yaml", &LONG.replace("long", "other"));
    evaluator.put(finished);
    let fourth = platform.evaluate(&mut evaluator);
    assert_eq!(names(&fourth), names(&third));
    evaluator.put(fourth.late[0].finish(&plugins));
    let fifth = platform.evaluate(&mut evaluator);
    assert_eq!(
        names(&fifth),
        all("Widget.example.org other", "ConfigMap acme/c")
    );
    assert!(late(&fifth).is_empty() && long(&fifth).looked_at);
    let sixth = platform.evaluate(&mut evaluator);
    assert!(late(&sixth).is_empty() && !long(&sixth).looked_at);
    // It is the same for whoever waits.
    let whole = platform.fresh();
    assert_eq!(long(&whole).rendered.digest, long(&sixth).rendered.digest);
    assert_eq!(long(&whole).kit.inputs, long(&sixth).kit.inputs);

    // What is taken back before it was rendered has never been.
    platform.write("kits/long/templates/a.yaml", LONG);
    assert_eq!(late(&platform.evaluate(&mut evaluator)), ["kits/long"]);
    platform.write("kits/long/templates/a.yaml", &LONG.replace("long", "other"));
    let eighth = platform.evaluate(&mut evaluator);
    assert!(late(&eighth).is_empty() && !long(&eighth).looked_at);

    // One that is quick by now is waited for, after it has been late once more.
    platform.write("kits/long/templates/a.yaml", &quick);
    let ninth = platform.evaluate(&mut evaluator);
    evaluator.put(ninth.late[0].finish(&plugins));
    assert!(late(&platform.evaluate(&mut evaluator)).is_empty());
    platform.write(
        "kits/long/templates/a.yaml",
        &quick.replace("quick", "fast"),
    );
    let last = platform.evaluate(&mut evaluator);
    assert_eq!(
        names(&last),
        all("Widget.example.org fast", "ConfigMap acme/c")
    );
}

#[test]
fn a_kit_that_is_new_and_takes_long_is_not_there_until_it_is_finished() {
    let platform = Platform::new(RULES, &[("kits/shop/a.yaml", CONFIG)]);
    let mut evaluator = platform.evaluator().without_waiting();
    platform.evaluate(&mut evaluator);
    platform.write("kits/long/Chart.yaml", CHART);
    platform.write("kits/long/templates/a.yaml", LONG);
    let second = platform.evaluate(&mut evaluator);
    assert_eq!(names(&second), ["ConfigMap acme/a"]);
    assert_eq!(late(&second), ["kits/long"]);
    let plugins = PluginStore::new(SANDBOX.clone());
    evaluator.put(second.late[0].finish(&plugins));
    let third = platform.evaluate(&mut evaluator);
    assert_eq!(names(&third)[0], "Widget.example.org long");
    // Whoever begins anew has nothing that it could stand at, and waits.
    let first = platform.evaluate(&mut platform.evaluator().without_waiting());
    assert_eq!(names(&first), names(&third));
}

#[test]
fn a_kit_that_a_person_holds_is_waited_for() {
    let platform = Platform::new(
        RULES,
        &[
            ("kits/long/Chart.yaml", CHART),
            ("kits/long/templates/a.yaml", LONG),
        ],
    );
    let mut evaluator = platform.evaluator().without_waiting();
    platform.evaluate(&mut evaluator);
    let earlier = tempfile::tempdir().expect("a folder");
    write(&earlier.path().join("kits/long/Chart.yaml"), CHART);
    let template = earlier.path().join("kits/long/templates/a.yaml");
    write(&template, &LONG.replace("long", "earlier"));
    let newest = Snapshot::of_directory(platform.folder.path()).expect("a snapshot");
    let pin = Pin {
        kit: KitPath::new("kits/long"),
        asked: "earlier".into(),
        at: Snapshot::of_directory(earlier.path()),
    };
    let revisions = Revisions {
        pins: &[pin],
        ..Revisions::only(&newest)
    };
    let never = AtomicBool::new(false);
    let held = evaluator.evaluate_all(&revisions, &platform.spec, &never);
    let held = held.expect("readable").expect("nothing newer");
    assert_eq!(names(&held), ["Widget.example.org earlier"]);
    assert!(late(&held).is_empty());
}
