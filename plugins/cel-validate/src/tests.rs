use super::*;
use trimtab_plugin::testing;

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

#[test]
fn every_case_gives_what_it_expects() {
    testing::cases::<CelValidate>(CASES);
}

#[test]
fn odd_objects_give_findings_and_no_panic() {
    testing::odd_objects::<CelValidate>(CASES);
}
