//! Hands over forty megabytes.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "giant-result";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Hands over forty megabytes.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        report.error("told", "x".repeat(40 << 20), &objects[0], "");
    }
}

trimtab_plugin::export_validator!(Guest);
