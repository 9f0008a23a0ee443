use super::*;
use serde_json::json;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::transformer_cases::<SetNamespace>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::transformer_odd_objects::<SetNamespace>(CASES);
}

#[test]
fn hosts_follow_the_services_that_went_and_no_others() {
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "old"}});
    let objects = [Object::new(service)];
    let moves = Moves::plan(
        &Settings::default(),
        "new",
        &objects,
        &mut Report::default(),
    );
    for (text, expected) in [
        ("web.old.svc", Some("web.new.svc")),
        (
            "http://web.old.svc.cluster.local:80/x",
            Some("http://web.new.svc.cluster.local:80/x"),
        ),
        (
            "a=web.old.svc,b=api.old.svc",
            Some("a=web.new.svc,b=api.old.svc"),
        ),
        ("web-0.web.old.svc", Some("web-0.web.new.svc")),
        ("xweb.old.svc", None),
        ("web.old.svcs", None),
        ("web.old", None),
        ("é.svc", None),
        (".svc", None),
    ] {
        assert_eq!(
            references::with_hosts(&moves, text).as_deref(),
            expected,
            "{text}"
        );
    }
}
