//! Panics with a message.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "panics";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Panics with a message.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let _ = context;
        assert!(objects.is_empty(), "the rule broke");
        report.error("told", "never", &objects[0], "");
    }
}

trimtab_plugin::export_validator!(Guest);
