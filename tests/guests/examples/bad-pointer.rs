//! Points nowhere.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "bad-pointer";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Points nowhere.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(_context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        report.error("told", "hello", &objects[0], "spec/ports");
    }
}

trimtab_plugin::export_validator!(Guest);
