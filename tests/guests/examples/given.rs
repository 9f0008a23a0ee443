//! Says what it was given to read, and which version of Kubernetes it was told.

use trimtab_plugin::{Context, Object, Report, Rule, Validator};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {}

pub struct Guest;

impl Rule for Guest {
    type Settings = Settings;
    const NAME: &'static str = "given";
    const VERSION: &'static str = "0.1.0";
    const SUMMARY: &'static str = "Says what it was given to read.";
    const RULES: &'static [(&'static str, &'static str)] = &[("given", "nothing")];
}

impl Validator for Guest {
    fn validate(context: &Context<Settings>, objects: &[Object], report: &mut Report) {
        let data = context.data.iter();
        let data: Vec<String> = data
            .map(|it| format!("{}={}", it.origin(), it.value))
            .collect();
        let message = format!("Kubernetes {}: {}", context.kubernetes, data.join(", "));
        report.warning("given", message, &objects[0], "/metadata/name");
    }
}

trimtab_plugin::export_validator!(Guest);
