use serde_json::{Value, json};

use super::*;

fn parse(text: &str) -> Result<Expression, String> {
    Expression::parse(text, &["object"])
}

fn holds(text: &str, object: &Value) -> Result<bool, String> {
    parse(text)?.holds(&[("object", object)])
}

fn certificate() -> Value {
    json!({
        "metadata": {"generation": 2},
        "spec": {"replicas": 3, "share": 0.5, "names": ["a.example.org", "b.example.org"]},
        "status": {
            "phase": "Ready",
            "conditions": [{"type": "Ready", "status": "True"}, {"type": "Issuing", "status": "False"}],
            "nodes": [{"name": "n1", "conditions": [{"type": "Up", "status": "True"}]}],
        },
    })
}

#[test]
fn what_people_write_of_an_object_is_told() {
    for (text, expected) in [
        ("object.status.phase == 'Ready'", true),
        ("object.spec.replicas >= 3 && object.spec.share < 1.0", true),
        (
            "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
            true,
        ),
        (
            "object.status.conditions.filter(c, c.type == 'Ready').all(c, c.status == 'False')",
            false,
        ),
        (
            "object.status.conditions.exists_one(c, c.status == 'True')",
            true,
        ),
        (
            "object.status.nodes.all(n, n.conditions.all(c, c.status == 'True'))",
            true,
        ),
        ("has(object.status.error)", false),
        (
            "size(object.spec.names) == 2 && object.spec.names[0].startsWith('a.')",
            true,
        ),
        ("'b.example.org' in object.spec.names", true),
        ("object.status.phase in ['Ready', 'Done']", true),
        ("object.metadata.generation == 2 ? true : false", true),
        // What is not there makes an expression false, not wrong.
        ("object.status.later.phase == 'Ready'", false),
        ("object.spec.names[7] == 'x'", false),
    ] {
        assert_eq!(holds(text, &certificate()), Ok(expected), "{text}");
    }
    let deep = format!("{}true{}", "(".repeat(450), ")".repeat(450));
    assert_eq!(holds(&deep, &certificate()), Ok(true));
    let unary = format!("{}true", "!".repeat(900));
    assert_eq!(holds(&unary, &certificate()), Ok(true));
    let message = parse("'phase ' + object.status.phase + ', ' + string(object.spec.replicas)");
    let said = message
        .expect("it parses")
        .text(&[("object", &certificate())]);
    assert_eq!(said, Ok(Some("phase Ready, 3".to_owned())));
}

#[test]
fn what_has_no_bound_is_not_taken_and_the_words_say_why() {
    let wide = format!("true{}", " && true".repeat(120));
    let chain = format!("object{}", ".a".repeat(400));
    let ternary = format!("{}true", "true ? true : ".repeat(60));
    for (text, words) in [
        (&*"x".repeat(1_001), "1001 bytes"),
        (&wide, "more than 100 parts"),
        (&chain, "more than 100 parts"),
        (&ternary, "more than 100 parts"),
        ("object.a ==", "no CEL expression"),
        ("", "no CEL expression"),
        ("objekt.a == 1", "there are object"),
        ("object.l.map(x, x).size() == 1", "map is not taken"),
        (
            "object.l.map(x, x > 1, object).size() == 1",
            "map is not taken",
        ),
        (
            "object.l.all(x, x + x == 'a')",
            "`+` is not taken in a loop",
        ),
        (
            "object.l.all(x, object.l.all(y, x == y))",
            "goes over a field",
        ),
        ("[object].all(l, l.a)", "goes over a field"),
        (
            "object.l.all(x, x.l.all(y, y.l.all(z, z == 1)))",
            "two in one another",
        ),
        ("object.a.matches('(a+)+$')", "\"matches\" is not taken"),
        ("{'a': object}.a == object", "makes no maps"),
        (
            "object.l.replace('a', 'b') == ''",
            "\"replace\" is not taken",
        ),
    ] {
        let Err(refused) = parse(text) else {
            panic!("{text} is taken");
        };
        assert!(refused.contains(words), "{text}: {refused}");
    }
}

#[test]
fn what_goes_wrong_is_said_without_the_values_that_it_went_wrong_on() {
    let secret = json!({"data": {"token": "hunter2"}, "l": ["hunter2"], "n": 0});
    for text in [
        "object.data.token + 1 == 2",
        "object.data.token > 1",
        "object.data.token",
        "object.l['hunter2'] == 1",
        "-object.data.token == 1",
        "object.data.token.all(x, x)",
        "1 / object.n == 1",
        "object.data[object.l] == 1",
        "int(object.data.token) == 1",
    ] {
        let words = holds(text, &secret).expect_err(text);
        let own = words.replace(text, "");
        assert!(!own.contains("hunter2"), "{text}: {words}");
    }
    let large = json!({"l": "x".repeat(INPUT)});
    let words = holds("object.l == ''", &large).expect_err("too large");
    assert!(words.contains("65536 at most"), "{words}");
}

/// The dearest that the shape lets through, as far as is known: without the bounds it would not end
/// within the life of a test.
#[test]
fn the_dearest_expression_on_the_largest_object_ends() {
    let items: Vec<Value> = (0..1_500).map(|_| json!(0)).collect();
    let object = json!({"l": items, "s": "x".repeat(15_000), "t": "x".repeat(14_000)});
    let compare = "object.s.contains(object.t) && object.l == object.l";
    let text = format!("object.l.all(x, {compare} && {compare})");
    let expression = parse(&text).expect("it is accepted");
    assert_eq!(expression.holds(&[("object", &object)]), Ok(true));
}
