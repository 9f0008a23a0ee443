//! Reports without end.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "too-many-findings";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Reports without end.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        for _ in 0..20_000 {
            report.error("told", "again", &objects[0], "");
        }
    }
}

trimtab_plugin::export_validator!(Guest);
