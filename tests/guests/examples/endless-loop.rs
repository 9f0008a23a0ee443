//! Never comes to an end.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "endless-loop";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Never comes to an end.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let mut count = 0u64;
        loop {
            count = std::hint::black_box(count.wrapping_add(1));
            if count == 0 {
                report.error("told", "never", &objects[0], "");
            }
        }
    }
}

trimtab_plugin::export_validator!(Guest);
