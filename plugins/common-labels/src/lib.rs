//! Labels and annotations that every object of a kit gets, or must have.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use trimtab_plugin::{
    Context, Exemption, Level, Levels, Object, Pattern, Report, Rule, Selection, Transformer,
    pod_spec,
};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Names and values; `{kit}` (with `.` for `/`) and `{namespace}` are filled in.
    pub labels: BTreeMap<String, String>,
    /// The same for annotations.
    pub annotations: BTreeMap<String, String>,
    /// Put them on the Pods of workloads as well. Selectors are never touched: they cannot change.
    pub templates: bool,
    /// Replace those that the files already have.
    pub overwrite: bool,
    /// More of them, for some objects.
    pub some: Vec<ForSome>,
    /// Labels that each object must have, with patterns of which its value fits one; none: any value.
    pub required: BTreeMap<String, Vec<Pattern>>,
    /// `error`, `warning`, `info` or `ignore` by a rule's id.
    pub levels: Levels<CommonLabels>,
    /// What is left alone.
    pub exempt: Vec<Exemption>,
}

/// Labels and annotations of some objects.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ForSome {
    /// The objects.
    #[serde(rename = "for")]
    pub objects: Selection,
    /// As for all objects.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// As for all objects.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

pub struct CommonLabels;

impl Rule for CommonLabels {
    type Settings = Settings;
    const NAME: &'static str = "common-labels";
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const SUMMARY: &'static str = "Puts labels and annotations on every object, and asks for some.";
    const RULES: &'static [(&'static str, &'static str)] = &[
        (
            "required",
            "an object has the labels of settings.required, with a value that fits",
        ),
        ("value", "what is filled into a label is a label's value"),
    ];
}

impl Transformer for CommonLabels {
    fn transform(context: &Context<Settings>, objects: &mut Vec<Object>, report: &mut Report) {
        let settings = &context.settings;
        let all = Filled::of(context, &settings.labels, &settings.annotations, report);
        let some: Vec<(&Selection, Filled)> = settings
            .some
            .iter()
            .map(|it| {
                let filled = Filled::of(context, &it.labels, &it.annotations, report);
                (&it.objects, filled)
            })
            .collect();
        for object in objects {
            if Exemption::any(&settings.exempt, "", object, None) {
                continue;
            }
            let template = pod_spec(object)
                .filter(|pods| settings.templates && pods.pointer != "/spec")
                .map(|pods| pods.pointer.trim_end_matches("/spec"));
            // What some objects get goes before what all do.
            let own: Vec<&Filled> = some
                .iter()
                .filter(|(objects, _)| objects.covers(object))
                .map(|(_, filled)| filled)
                .collect();
            let own = match settings.overwrite {
                true => [&all].into_iter().chain(own).collect(),
                false => own.into_iter().chain([&all]).collect::<Vec<_>>(),
            };
            for filled in own {
                for place in ["/metadata".to_owned()]
                    .into_iter()
                    .chain(template.map(|template| format!("{template}/metadata")))
                {
                    filled.put(&mut object.value, &place, settings.overwrite);
                }
            }
            required(settings, object, report);
        }
    }
}

/// Labels and annotations with their values.
struct Filled(Vec<(&'static str, BTreeMap<String, String>)>);

impl Filled {
    fn of(
        context: &Context<Settings>,
        labels: &BTreeMap<String, String>,
        annotations: &BTreeMap<String, String>,
        report: &mut Report,
    ) -> Self {
        let kit = context.kit.replace('/', ".");
        let fill = |(name, text): (&String, &String)| {
            let text = text.replace("{kit}", &kit);
            (
                name.clone(),
                text.replace("{namespace}", &context.namespace),
            )
        };
        let (labels, wrong): (BTreeMap<_, _>, BTreeMap<_, _>) = labels
            .iter()
            .map(fill)
            .partition(|(_, text)| is_value(text));
        for (name, text) in wrong {
            let message = format!(
                "the label {name} would be {text:?}, which is no label's value: letters, digits, `-`, `_` and `.`, 63 at most; it is left out"
            );
            let nowhere = Object::new(Value::Null);
            let level = context.settings.levels.of("value", Level::Error);
            report.tell(level, "value", message, &nowhere, "");
        }
        let annotations = annotations.iter().map(fill).collect();
        Self(vec![("labels", labels), ("annotations", annotations)])
    }

    fn put(&self, object: &mut Value, metadata: &str, overwrite: bool) {
        let parent = metadata.trim_end_matches("/metadata");
        for (field, texts) in self.0.iter().filter(|(_, texts)| !texts.is_empty()) {
            let parent = object.pointer_mut(parent).and_then(Value::as_object_mut);
            let metadata = parent.and_then(|it| fields(it, "metadata"));
            let Some(slot) = metadata.and_then(|it| fields(it, field)) else {
                continue;
            };
            for (name, text) in texts {
                if overwrite || !slot.contains_key(name) {
                    slot.insert(name.clone(), text.as_str().into());
                }
            }
        }
    }
}

/// A field's own fields; what is no mapping is not touched.
fn fields<'v>(
    parent: &'v mut Map<String, Value>,
    name: &str,
) -> Option<&'v mut Map<String, Value>> {
    let value = parent.entry(name).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Of a label, by Kubernetes' syntax.
fn is_value(text: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_none_or(|it| it.is_ascii_alphanumeric());
    let inner = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    text.len() <= 63
        && ends(text.bytes().next())
        && ends(text.bytes().next_back())
        && text.bytes().all(inner)
}

fn required(settings: &Settings, object: &Object, report: &mut Report) {
    if Exemption::any(&settings.exempt, "required", object, None) {
        return;
    }
    for (name, patterns) in &settings.required {
        let label = object.at("/metadata/labels").get(name);
        let field = format!(
            "/metadata/labels/{}",
            name.replace('~', "~0").replace('/', "~1")
        );
        let wanted: Vec<String> = patterns.iter().map(ToString::to_string).collect();
        let (message, field) = match label.and_then(Value::as_str) {
            None => {
                let what = match wanted.is_empty() {
                    true => String::new(),
                    false => format!("; it may be {}", wanted.join(", ")),
                };
                (format!("the label {name} is missing{what}"), "/metadata")
            }
            Some(text) if !patterns.is_empty() && !Pattern::any(patterns, text) => {
                let message = format!(
                    "the label {name} is {text}; it may be {}",
                    wanted.join(", ")
                );
                (message, field.as_str())
            }
            Some(_) => continue,
        };
        let level = settings.levels.of("required", Level::Error);
        report.tell(level, "required", message, object, field);
    }
}

trimtab_plugin::export_transformer!(CommonLabels);

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_plugin::run::from_yaml;
    use trimtab_plugin::testing;

    const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/cases");

    #[test]
    fn every_case_gives_what_it_expects() {
        testing::transformer_cases::<CommonLabels>(CASES);
    }

    #[test]
    fn odd_objects_give_findings_and_no_panic() {
        testing::transformer_odd_objects::<CommonLabels>(CASES);
    }

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
