use std::cell::{Cell, RefCell};

use serde_json::json;

use super::*;

#[derive(Default)]
struct Of(serde_json::Value, Cell<u16>);

impl Bindings for Of {
    fn name(&self, name: &str) -> Outcome {
        match name {
            "object" => Ok(Value::from_json(&self.0)),
            "request" => Ok(Value::map([
                ("ip", Value::Unknown("the IP".into())),
                ("kind", Value::text("Service")),
                (
                    "ips",
                    Value::list(vec![Value::Unknown("an IP".into()), Value::Int(1)]),
                ),
            ])),
            "authorizer" => Err(Fault::unknown("authorizer")),
            _ => Ok(Value::Null),
        }
    }

    fn variable(&self, name: &str) -> Outcome {
        Err(Fault::new(format!("no variable {name}")))
    }

    fn nesting(&self) -> &Cell<u16> {
        &self.1
    }
}

const SCOPE: Scope<'static> = Scope {
    names: &["object", "oldObject", "request", "authorizer"],
    variables: None,
    patches: true,
};

fn outcome(text: &str) -> Outcome {
    let object = json!({
        "metadata": {"name": "web", "labels": {"app": "web", "tier": "front"}},
        "spec": {"replicas": 3, "ratio": 0.5, "ports": [80, 443], "none": null,
            "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]},
    });
    let node = parse(text, &SCOPE).unwrap_or_else(|words| panic!("{text}: {words}"));
    evaluate(&node, &Of(object, Cell::default()))
}

/// Each line is true.
const TRUE: &str = include_str!("tests/true.txt");

#[test]
fn what_is_true_to_the_api_server_is_true_here() {
    let wrong = RefCell::new(Vec::new());
    for line in TRUE
        .lines()
        .filter(|it| !it.is_empty() && !it.starts_with("//"))
    {
        match outcome(line) {
            Ok(Value::Bool(true)) => {}
            other => wrong.borrow_mut().push(format!("{line}\n    {other:?}")),
        }
    }
    let wrong = wrong.into_inner();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mutations_have_objects_and_patches_to_make() {
    for text in [
        "jsonpatch.escapeKey('a/b~c') == 'a~1b~0c'",
        "Object{spec: Object.spec{replicas: 3}}.spec.replicas == 3",
        "JSONPatch{op: 'add', path: '/a'}.op == 'add' && has(Object{a: 1}.a)",
    ] {
        assert_eq!(outcome(text), Ok(Value::Bool(true)), "{text}");
    }
}

#[test]
fn what_goes_wrong_is_told_as_the_api_server_tells_it() {
    for (text, message) in [
        ("object.spec.missing > 1", "no such key: missing"),
        ("object.spec.none.x == 1", "no such key: x"),
        ("object.spec.ports[5] == 1", "index out of bounds: 5"),
        ("has(object.missing.x)", "no such key: missing"),
        ("1 / 0 == 1", "division by zero"),
        (
            "9223372036854775807 + object.spec.replicas > 0",
            "integer overflow",
        ),
        ("object.spec.replicas > 'a'", "no such overload"),
        (
            "optional.none().value() == 1",
            "optional.none() dereference",
        ),
        (
            "object.metadata.name.charAt(9) == ''",
            "index out of range: 9",
        ),
        ("[].max() == 1", "max called on empty list"),
        ("object.spec.missing > 1 || false", "no such key: missing"),
        (
            "object.spec.containers.all(c, c.missing)",
            "no such key: missing",
        ),
        ("object.spec.replicas.startsWith('a')", "no such overload"),
    ] {
        let fault = outcome(text).expect_err(text);
        assert_eq!(
            (fault.message.as_str(), fault.unknown),
            (message, false),
            "{text}"
        );
    }
}

#[test]
fn what_only_the_api_server_knows_is_unknown_unless_it_does_not_matter() {
    let asked = "authorizer.group('').resource('pods').check('get').allowed()";
    assert!(outcome(asked).expect_err(asked).unknown);
    assert!(
        outcome(&format!("1 / 0 == 1 || {asked}"))
            .expect_err(asked)
            .unknown
    );
    assert_eq!(outcome(&format!("{asked} || true")), Ok(Value::Bool(true)));
}

#[test]
fn what_is_unknown_is_neither_equal_nor_unequal() {
    for text in [
        "request.all(k, v, v != '10.0.0.1')",
        "request.exists(k, v, v == '10.0.0.1')",
        "request.transformList(k, v, v).size() == 0",
        "request == {'ip': '10.0.0.1', 'kind': 'Service', 'ips': []}",
        "request != {'kind': 'Service', 'ips': request.ips}",
        "request in [{'ip': '', 'kind': 'Service', 'ips': [1, 1]}]",
        "'ip' in request",
        "2 in request.ips",
        "1 in request.ips && 2 in request.ips",
        "request.ips == [2, 1]",
        "request.ips.all(it, it != 2)",
        "sets.contains(request.ips, [2])",
        "sets.intersects([2], request.ips)",
        "sets.equivalent([2, 1], request.ips)",
        "request.ips.indexOf(1) == 1",
        "request.ips.distinct().size() == 2",
        "request.ips.first().hasValue()",
        "request.ips.max() == 1",
        "request.ips.join(',') == ''",
        "'%s'.format([request]) == ''",
        "optional.of(request) == optional.of({'kind': 'Service', 'ips': request.ips})",
    ] {
        let found = outcome(text);
        assert!(
            found.as_ref().is_err_and(|it| it.unknown),
            "{text}: {found:?}"
        );
    }
    // What is so whatever it is.
    for text in [
        "request != null",
        "request != {'kind': 'Pod'}",
        "1 in request.ips",
        "request.ips.last().value() == 1",
        "sets.contains(request.ips, [1]) && sets.intersects([1], request.ips)",
        "request.exists(k, v, v == 'Service')",
        "'kind' in request && !('nope' in request)",
        "request.ips.lastIndexOf(1) == 1",
    ] {
        assert_eq!(outcome(text), Ok(Value::Bool(true)), "{text}");
    }
}

#[test]
fn what_the_api_servers_compiler_refuses_is_refused() {
    for (text, words) in [
        ("objekt.spec == 1", "undeclared reference to \"objekt\""),
        (
            "object.spec.replicas.foo()",
            "undeclared reference to \"foo\"",
        ),
        ("math.greatest(1, 2) == 2", "undeclared reference"),
        ("size() == 1", "found no matching overload for \"size\""),
        (
            "object.spec.ports.contains(1, 2)",
            "found no matching overload",
        ),
        ("object.spec ==", "this is no CEL, at line 1"),
        ("Wrong{a: 1} == 1", "undeclared reference to \"Wrong\""),
        ("JSONPatch{operation: 'add'}.op == ''", "undefined field"),
        ("variables.x == 1", "undeclared reference to \"variables\""),
    ] {
        let found = parse(text, &SCOPE).expect_err(text);
        assert!(found.contains(words), "{text}: {found}");
    }
}

#[test]
fn an_expression_that_goes_on_and_on_ends() {
    let many =
        "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, c >= 0)))";
    assert!(outcome(many).expect_err(many).unknown);
    let deep = format!("{}1{} == 1", "(".repeat(5_000), ")".repeat(5_000));
    assert!(parse(&deep, &SCOPE).is_err());
    let signs = format!("{}true", "!".repeat(5_000));
    assert!(parse(&signs, &SCOPE).is_err());
    let chain = vec!["true"; 100].join(" && ");
    assert_eq!(outcome(&chain), Ok(Value::Bool(true)));
    let sum = format!("{} == 200", vec!["2"; 100].join(" + "));
    assert_eq!(outcome(&sum), Ok(Value::Bool(true)));
}
