//! Wants a gigabyte at once.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "memory-in-one-go";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Wants a gigabyte at once.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let all: Vec<u8> = vec![1; 1 << 30];
        report.error("told", std::hint::black_box(all).len(), &objects[0], "");
    }
}

trimtab_plugin::export_validator!(Guest);
