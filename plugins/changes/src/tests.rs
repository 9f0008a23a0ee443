use super::*;
use serde_json::json;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::change_cases::<Changes>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_changes::<Changes>(CASES);
}

fn places(field: &str, before: Value, after: Value) -> Vec<String> {
    let pairs = FieldPattern::new(field).pairs(&before, &after);
    pairs
        .into_iter()
        .filter(Pair::differs)
        .map(|it| it.place)
        .collect()
}

#[test]
fn items_with_names_are_told_apart_by_them_and_others_by_their_index() {
    let before = json!({"p": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
    let turned = json!({"p": [{"name": "b", "port": 2}, {"name": "a", "port": 1}]});
    assert_eq!(places("/p/*/port", before.clone(), turned), [""; 0]);
    let after = json!({"p": [{"name": "b", "port": 3}]});
    assert_eq!(places("/p/*/port", before, after), ["/p/port", "/p/0/port"]);
    let before = json!({"p": [{"port": 1}, {"port": 2}]});
    let after = json!({"p": [{"port": 2}, {"port": 2}, {"port": 3}]});
    assert_eq!(
        places("/p/*/port", before, after),
        ["/p/0/port", "/p/2/port"]
    );
}

#[test]
fn names_with_slashes_are_escaped_and_what_is_null_is_not_there() {
    let before = json!({"a": {"x/y": 1, "z": null}});
    let after = json!({"a": {"x/y": 2}});
    assert_eq!(places("/a/*", before, after), ["/a/x~1y"]);
}
