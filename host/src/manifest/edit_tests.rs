use serde_json::json;

use super::*;
use crate::manifest::edit::Obstacle::*;

const HEAD: &str = "apiVersion: v1\nkind: X\nmetadata:\n  name: web\n";

fn edit(pointer: &str, value: Value) -> Edit {
    Edit {
        object: 0,
        pointer: pointer.into(),
        value,
    }
}

fn run(text: &str, edits: &[Edit]) -> Edited {
    edited(text.as_bytes(), edits, &Limits::default())
}

/// The text behind the object's head, after an edit that must be possible.
#[track_caller]
fn becomes(body: &str, pointer: &str, value: Value, expected: &str) {
    let done = run(&format!("{HEAD}{body}"), &[edit(pointer, value)]);
    assert_eq!(done.outcomes, [Ok(())], "{body}");
    let text = String::from_utf8(done.bytes).expect("UTF-8");
    assert_eq!(text.strip_prefix(HEAD), Some(expected));
}

#[track_caller]
fn stays(body: &str, pointer: &str, value: Value, obstacle: Obstacle) {
    let text = format!("{HEAD}{body}");
    let done = run(&text, &[edit(pointer, value)]);
    assert_eq!(done.outcomes, [Err(obstacle)], "{body}");
    assert_eq!(done.bytes, text.as_bytes());
}

#[test]
fn only_the_bytes_of_the_value_change() {
    for (before, value, after) in [
        (
            "a: 80   # the port\n",
            json!(8080),
            "a: 8080   # the port\n",
        ),
        ("a:  'x' #c", json!("it's"), "a:  'it''s' #c"),
        (
            "a: \"x\"\r\nb: 1\r\n",
            json!("q\"é"),
            "a: \"q\\\"é\"\r\nb: 1\r\n",
        ),
        ("a: plain text\n", json!("yes"), "a: \"yes\"\n"),
        ("a: plain\n  over lines # c\n", json!("b"), "a: b # c\n"),
        (
            "a: # nothing yet\nb: 1\n",
            json!(1),
            "a: 1 # nothing yet\nb: 1\n",
        ),
        ("a:\n", json!({"b": "c,d"}), "a: {b: \"c,d\"}\n"),
        (
            "a: [1, 2] # c\n",
            json!([3, "x: y"]),
            "a: [3, \"x: y\"] # c\n",
        ),
        ("a: {}\n", json!({"b": {"c": 1}}), "a: {b: {c: 1}}\n"),
        (
            "a: |\n  one\n  two\n\n# c\nb: 1\n",
            json!("x"),
            "a: x\n\n# c\nb: 1\n",
        ),
        (
            "a: |-\n    one\n    two\nb: 1\n",
            json!("x\ny\n"),
            "a: |\n    x\n    y\nb: 1\n",
        ),
        (
            "a:\n- x\n- y\n# c\nb: 1\n",
            json!(["z"]),
            "a:\n- z\n# c\nb: 1\n",
        ),
        ("a:\n- x\nb: 1\n", json!([]), "a: []\nb: 1\n"),
        ("a:\n- x\nb: 1\n", json!({"c": 1}), "a:\n  c: 1\nb: 1\n"),
        (
            "a:\n    b: 1\n    c: 2 # c\nd: 1\n",
            json!({"e": [1]}),
            "a:\n    e:\n    - 1 # c\nd: 1\n",
        ),
        ("é: \u{2028}\na: 1", json!(true), "é: \u{2028}\na: true"),
        ("\"a\" : 1\n", json!(null), "\"a\" : null\n"),
    ] {
        becomes(before, "/a", value, after);
    }
    becomes(
        "l:\n- a: 1 # c\n  b: 2\n-\n",
        "/l/0/a",
        json!(3),
        "l:\n- a: 3 # c\n  b: 2\n-\n",
    );
    becomes("l:\n- a: 1\n-\n", "/l/1", json!(3), "l:\n- a: 1\n- 3\n");
    becomes(
        "8: {a/b: [x, {~c: y}]}\n",
        "/8/a~1b/1/~0c",
        json!("z, w"),
        "8: {a/b: [x, {~c: \"z, w\"}]}\n",
    );
}

#[test]
fn what_is_missing_is_written_as_its_siblings_are() {
    for (before, pointer, value, after) in [
        (
            "s:\n    a: 1 # c\n\n# d\n",
            "/s/b",
            json!("x"),
            "s:\n    a: 1 # c\n    b: x\n\n# d\n",
        ),
        ("s:\n  a: 1", "/s/b", json!(2), "s:\n  a: 1\n  b: 2"),
        (
            "s:\r\n  a: 1\r\nt: 1\r\n",
            "/s/b/c",
            json!(2),
            "s:\r\n  a: 1\r\n  b:\r\n    c: 2\r\nt: 1\r\n",
        ),
        (
            "s:\n    a:\n        x: 1\n",
            "/s/b",
            json!({"q": {"z": 1}}),
            "s:\n    a:\n        x: 1\n    b:\n        q:\n            z: 1\n",
        ),
        (
            "s:\n  a:\n    - 1\n",
            "/s/b",
            json!([{"c": 1, "d": 2}]),
            "s:\n  a:\n    - 1\n  b:\n    - c: 1\n      d: 2\n",
        ),
        (
            "s:\n  a:\n  - 1\n",
            "/s/b",
            json!([1]),
            "s:\n  a:\n  - 1\n  b:\n  - 1\n",
        ),
        (
            "l:\n  - a: 1\n  - a: 2\n",
            "/l/0/b",
            json!(true),
            "l:\n  - a: 1\n    b: true\n  - a: 2\n",
        ),
        (
            "s:\n  a: |+\n    x\n\nt: 1\n",
            "/s/b",
            json!(2),
            "s:\n  a: |+\n    x\n\n  b: 2\nt: 1\n",
        ),
        (
            "s:\n  a: >-\n    x\n    y\n\nt: 1\n",
            "/s/b",
            json!(2),
            "s:\n  a: >-\n    x\n    y\n  b: 2\n\nt: 1\n",
        ),
        (
            "s: {a: 1} # c\n",
            "/s/b",
            json!("x, y"),
            "s: {a: 1, b: \"x, y\"} # c\n",
        ),
        (
            "s: {a: 1 }\n",
            "/s/b/c",
            json!(2),
            "s: {a: 1, b: {c: 2} }\n",
        ),
        (
            "s: {\n  a: 1,\n  b: 2\n  }\n",
            "/s/c",
            json!(3),
            "s: {\n  a: 1,\n  b: 2,\n  c: 3\n  }\n",
        ),
        (
            "s: {\"a\":1}\n",
            "/s/b",
            json!("x"),
            "s: {\"a\":1,\"b\":\"x\"}\n",
        ),
        ("s: {}\n", "/s/b/c", json!(1), "s: {b: {c: 1}}\n"),
        ("s: # c\nt: 1\n", "/s/b", json!(1), "s: {b: 1} # c\nt: 1\n"),
        (
            "s:\n  <<: {x: 1}\n  a: 1\n",
            "/s/b",
            json!(1),
            "s:\n  <<: {x: 1}\n  a: 1\n  b: 1\n",
        ),
    ] {
        becomes(before, pointer, value, after);
    }
}

#[test]
fn several_documents_lists_byte_order_marks_and_json_keep_their_form() {
    let two = format!("\u{feff}# first\n{HEAD}a: 1\n--- # second\n\n---\n{HEAD}a: 1 # c\n...\n");
    let second = Edit {
        object: 1,
        ..edit("/a", json!(2))
    };
    let done = run(&two, &[edit("/a", json!(3)), second, edit("/b", json!(4))]);
    assert_eq!(done.outcomes, [Ok(()); 3]);
    let expected =
        format!("\u{feff}# first\n{HEAD}a: 3\nb: 4\n--- # second\n\n---\n{HEAD}a: 2 # c\n...\n");
    assert_eq!(String::from_utf8(done.bytes).expect("UTF-8"), expected);

    let item = |name: &str| format!("- apiVersion: v1\n  kind: X\n  metadata: {{name: {name}}}\n");
    let list = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}",
        item("a"),
        item("b")
    );
    let second = Edit {
        object: 1,
        ..edit("/metadata/labels/app", json!("b"))
    };
    let done = run(&list, &[second]);
    assert_eq!(done.outcomes, [Ok(())]);
    let text = String::from_utf8(done.bytes).expect("UTF-8");
    assert_eq!(
        text,
        list.replace("{name: b}", "{name: b, labels: {app: b}}")
    );

    let object = "{\n  \"apiVersion\": \"v1\", \"kind\": \"X\",\n  \"metadata\": {\"name\": \"web\"},\n  \"a\": \"x\"\n}\n";
    let done = run(
        object,
        &[edit("/a", json!("\u{7f}y")), edit("/b", json!({"c": [1]}))],
    );
    assert_eq!(done.outcomes, [Ok(()), Ok(())]);
    let text = String::from_utf8(done.bytes).expect("UTF-8");
    assert_eq!(
        text,
        object.replace("\"a\": \"x\"", "\"a\": \"\\u007fy\",\n  \"b\": {\"c\":[1]}")
    );
    let done = run(&format!("{object}{object}"), &[edit("/a", json!(1))]);
    assert_eq!(done.outcomes, [Err(JsonStream)]);
}

#[test]
fn what_cannot_be_written_safely_stays_as_it_is() {
    for (body, pointer, obstacle) in [
        ("s: &x {a: 1}\nt: *x\n", "/s/a", Shared),
        ("s: &x {a: 1}\nt: *x\n", "/t/a", Shared),
        ("s: &x\n  a: 1\nt: *x\n", "/s/b", Shared),
        ("s: &x 1\n", "/s", Shared),
        ("d: &x {a: 1}\ns:\n  <<: *x\n  b: 1\n", "/s/a", Merged),
        (
            "d: &x {a: 1}\ns:\n  a: 2\n  <<: *x\n",
            "/s/a",
            ReadsOtherwise,
        ),
        ("s: !!str 1\n", "/s", Tagged),
        ("s:\n- 1 # one\n- 2\n", "/s", Comment),
        ("s: | # c\n  x\n", "/s", Comment),
        ("s: [1, # c\n  2]\n", "/s", Comment),
        ("s:\n- 1\n", "/s/1", NoPlace),
        ("s:\n- 1\n", "/s/-", NoPlace),
        ("s: text\n", "/s/a", NoPlace),
        ("s: text\n", "", NoPlace),
        ("s: {a: 1, }\n", "/s/b", Braces),
        ("s: {a: 1 # c\n  }\n", "/s/b", Braces),
        ("s: {a}\n", "/s/a", ReadsOtherwise),
    ] {
        stays(body, pointer, json!("new"), obstacle);
    }
    // Labels are texts.
    stays("", "/metadata/labels/a", json!(1), ReadsOtherwise);
    let done = run("a: [", &[edit("/a", json!(1))]);
    assert_eq!(done.outcomes, [Err(Unreadable)]);
    let latin: &[u8] = b"apiVersion: v1\nkind: X\nmetadata: {name: a}\n#\xe9\n";
    let done = edited(latin, &[edit("/a", json!(1))], &Limits::default());
    assert_eq!(
        (done.outcomes, &done.bytes[..]),
        (vec![Err(Unreadable)], latin)
    );
}

#[test]
fn an_edit_that_cannot_be_made_keeps_no_other_from_being_made() {
    let text = format!("{HEAD}a: 1 # one\nb: !!str 2\ns:\n  x: 1\n");
    let edits = [
        edit("/a", json!(3)),
        edit("/b", json!("4")),
        edit("/s/q/one", json!(1)),
        edit("/s/q/two", json!(2)),
    ];
    let done = run(&text, &edits);
    assert_eq!(done.outcomes, [Ok(()), Err(Tagged), Ok(()), Ok(())]);
    let expected =
        format!("{HEAD}a: 3 # one\nb: !!str 2\ns:\n  x: 1\n  q:\n    one: 1\n    two: 2\n");
    assert_eq!(String::from_utf8(done.bytes).expect("UTF-8"), expected);
}
