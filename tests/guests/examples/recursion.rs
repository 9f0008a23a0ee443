//! Calls itself until the stack is full.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "recursion";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Calls itself until the stack is full.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        fn deeper(depth: u64) -> u64 {
            if std::hint::black_box(depth) == u64::MAX {
                0
            } else {
                std::hint::black_box(deeper(depth + 1)) + 1
            }
        }
        report.error("told", deeper(0), &objects[0], "");
    }
}

trimtab_plugin::export_validator!(Guest);
