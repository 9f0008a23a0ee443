//! Labels that every object of a kit gets.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use trimtab_plugin::{Context, Object, Report, Rule, Transformer, pod_spec};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Names and values; `{kit}` (with `.` for `/`) and `{namespace}` are filled in.
    pub labels: BTreeMap<String, String>,
    /// Put them on the Pods of workloads as well. Selectors are never touched: they cannot change.
    pub templates: bool,
    /// Replace labels that the files already have.
    pub overwrite: bool,
}

pub struct CommonLabels;

impl Rule for CommonLabels {
    type Settings = Settings;
    const NAME: &'static str = "common-labels";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Puts labels on every object.";
    const RULES: &'static [(&'static str, &'static str)] = &[];
}

impl Transformer for CommonLabels {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, _: &mut Report) {
        let kit = context.kit.replace('/', ".");
        let fill = |text: &String| {
            text.replace("{kit}", &kit)
                .replace("{namespace}", &context.namespace)
        };
        let labels: BTreeMap<&String, String> = context
            .settings
            .labels
            .iter()
            .map(|(name, value)| (name, fill(value)))
            .collect();
        for object in objects {
            let template = pod_spec(object)
                .filter(|pods| context.settings.templates && pods.pointer != "/spec")
                .map(|pods| pods.pointer.trim_end_matches("/spec").to_owned());
            put(&mut object.value, &labels, context.settings.overwrite);
            if let Some(template) = template.and_then(|pointer| object.value.pointer_mut(&pointer))
            {
                put(template, &labels, context.settings.overwrite);
            }
        }
    }
}

fn put(object: &mut Value, labels: &BTreeMap<&String, String>, overwrite: bool) {
    let mut slot = object;
    for name in ["metadata", "labels"] {
        if !slot[name].is_object() {
            slot[name] = Value::Object(Map::new());
        }
        slot = &mut slot[name];
    }
    for (name, value) in labels {
        if overwrite || slot.get(name.as_str()).is_none() {
            slot[name.as_str()] = Value::from(value.as_str());
        }
    }
}

trimtab_plugin::export_transformer!(CommonLabels);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;

    const YAML: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, labels: {team: mine}}
spec:
  selector: {matchLabels: {app: a}}
  template: {metadata: {labels: {app: a}}, spec: {containers: []}}
";

    fn transformed(settings: &str) -> Value {
        let settings = serde_json::from_str(settings).expect("valid settings");
        let context = Context::new("kits/a", "acme", settings);
        let mut objects = from_yaml("kits/a", YAML);
        CommonLabels::transform(&context, &mut objects, &mut Report::default());
        objects.remove(0).value
    }

    #[test]
    fn labels_are_filled_in_and_those_of_the_file_stay() {
        let value =
            transformed("{\"labels\": {\"team\": \"theirs\", \"kit\": \"{kit}.{namespace}\"}}");
        assert_eq!(
            value["metadata"]["labels"],
            serde_json::json!({"team": "mine", "kit": "kits.a.acme"})
        );
        assert_eq!(
            value["spec"]["template"]["metadata"]["labels"],
            serde_json::json!({"app": "a"})
        );
    }

    #[test]
    fn templates_get_them_when_asked_and_selectors_never() {
        let value = transformed(
            "{\"labels\": {\"team\": \"t\"}, \"templates\": true, \"overwrite\": true}",
        );
        assert_eq!(value["metadata"]["labels"]["team"], "t");
        assert_eq!(value["spec"]["template"]["metadata"]["labels"]["team"], "t");
        assert_eq!(
            value["spec"]["selector"],
            serde_json::json!({"matchLabels": {"app": "a"}})
        );
    }
}
