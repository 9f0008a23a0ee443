use serde_json::json;

use super::*;
use crate::manifest::field_pointer;

#[test]
fn nobody_finds_out_a_secrets_value_by_choosing_an_item_by_it() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"},
        "data": {"list": [{"name": "aHVudGVyMjI="}], "key": "aHVudGVyMjI="}});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
        "spec": {"env": [{"name": "A", "value": "hunter22"}], "ports": [{"port": 80}]}});
    let chosen = |live: &Value, field: &str| {
        let fields = Fields::of_kit(live.clone(), "kit".into(), None);
        field_pointer(field, &fields.shown())
    };
    for (live, list, right, wrong) in [
        (&secret, "data.list[?name=X]", "aHVudGVyMjI=", "guess"),
        (&deployment, "spec.env[?value=X]", "hunter22", "guess"),
    ] {
        let told = |guess: &str| {
            let told = chosen(live, &list.replace('X', guess));
            told.expect_err("nothing is chosen").replace(guess, "X")
        };
        assert_eq!(told(right), told(wrong), "{list}");
    }
}
