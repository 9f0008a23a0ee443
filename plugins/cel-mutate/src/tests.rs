use super::*;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::transformer_cases::<CelMutate>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::transformer_odd_objects::<CelMutate>(CASES);
}
