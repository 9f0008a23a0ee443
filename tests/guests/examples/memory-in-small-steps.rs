//! Wants ever more memory.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "memory-in-small-steps";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Wants ever more memory.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let mut all: Vec<Vec<u8>> = Vec::new();
        loop {
            all.push(vec![1; 1 << 20]);
            std::hint::black_box(&all);
            if all.len() > 4096 {
                report.error("told", "all of it", &objects[0], "");
                return;
            }
        }
    }
}

trimtab_plugin::export_validator!(Guest);
