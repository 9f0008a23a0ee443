//! The library's plugin `schema` against the API server's own verdict: objects and their mutations,
//! created and applied for a trial.

mod mutations;
mod verdicts;

use serde::Deserialize as _;
use serde_json::Value;

use mutations::Mutation;
use verdicts::{Plugin, Server, Verdict};

fn documents(yaml: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(yaml)
        .map(|it| Value::deserialize(it).expect("valid YAML"))
        .collect()
}

/// What the two disagree about, told all at once.
struct Disagreements(Vec<String>);

impl Disagreements {
    fn find(mutations: &[Mutation], crds: &[Value]) -> Self {
        let objects: Vec<&Value> = mutations.iter().map(|it| &it.object).collect();
        let found = Plugin::load().errors(&objects, crds);
        let server = Server::connect().verdicts(&objects);
        let mut told = Vec::new();
        for ((mutation, errors), verdicts) in mutations.iter().zip(&found).zip(&server) {
            let refused = verdicts.iter().any(|it| *it != Verdict::Accepted);
            let undecodable = verdicts
                .iter()
                .any(|it| matches!(it, Verdict::Undecodable(_)));
            if !errors.is_empty() && !refused {
                told.push(format!(
                    "{mutation}: the server takes it; the plugin: {errors:?}"
                ));
            }
            if errors.is_empty() && undecodable {
                told.push(format!(
                    "{mutation}: the plugin takes it; the server: {verdicts:?}"
                ));
            }
            if mutation.is_valid() && refused {
                told.push(format!(
                    "{mutation}: it is to be valid; the server: {verdicts:?}"
                ));
            }
        }
        Self(told)
    }

    fn assert_none(&self) {
        let shown: Vec<&str> = self.0.iter().map(String::as_str).take(200).collect();
        assert!(
            self.0.is_empty(),
            "{} disagreements:\n{}",
            self.0.len(),
            shown.join("\n")
        );
    }
}

#[test]
fn the_schema_plugin_refuses_of_built_in_kinds_what_the_api_server_refuses_by_their_schemas() {
    let objects = documents(include_str!("schemas/objects.yaml"));
    let mutations: Vec<Mutation> = objects.iter().flat_map(Mutation::all_of).collect();
    assert!(mutations.len() > 1_000, "{}", mutations.len());
    eprintln!("{} objects of {} kinds", mutations.len(), objects.len());
    Disagreements::find(&mutations, &[]).assert_none();
}
