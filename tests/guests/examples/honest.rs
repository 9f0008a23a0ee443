//! Says what it was told, and changes nothing.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "honest";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Says what it was told, and changes nothing.";
    const RULES: &'static [(&'static str, &'static str)] = &[("told", "nothing")];
}

impl Validator for Guest {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        report
            .warning(
                "told",
                format!("{} in {}", objects.len(), context.kit),
                &objects[0],
                "/metadata/name",
            )
            .propose("other");
    }
}

trimtab_plugin::export_validator!(Guest);
