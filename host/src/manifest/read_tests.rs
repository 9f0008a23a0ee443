use serde_json::json;

use super::*;

fn one(text: &str) -> Value {
    let text = format!("apiVersion: v1\nkind: X\nmetadata: {{name: web}}\nv: {text}\n");
    let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect(&text);
    manifests[0].object["v"].clone()
}

fn refused(text: &str) -> Vec<ReadError> {
    read("a.yaml", text.as_bytes(), &Limits::default()).expect_err(text)
}

const OBJECT: &str = "apiVersion: v1\nkind: X\nmetadata:\n  name: web\n";

#[test]
fn scalars_are_what_kubectl_makes_of_them() {
    for (text, value) in [
        ("0644", json!(420)),
        ("0o14", json!(12)),
        ("08", json!(8)),
        ("0x1F", json!(31)),
        ("0b11", json!(3)),
        ("1_000", json!(1000)),
        ("yes", json!(true)),
        ("off", json!(false)),
        ("y", json!(true)),
        ("N", json!(false)),
        ("\"yes\"", json!("yes")),
        ("=", json!("=")),
        ("1:30", json!("1:30")),
        ("190:20:30", json!("190:20:30")),
        ("~", json!(null)),
        ("", json!(null)),
        ("Null", json!(null)),
        ("nULL", json!("nULL")),
        ("1e3", json!(1000)),
        ("1.5", json!(1.5)),
        (".5", json!(0.5)),
        ("+12", json!(12)),
        ("-0", json!(0)),
        ("1e400", json!("1e400")),
        ("9223372036854775807", json!(9223372036854775807i64)),
        ("9223372036854775808", json!(9223372036854775808f64)),
        ("2001-12-14", json!("2001-12-14")),
        ("!!str 12", json!("12")),
        ("!!float 3", json!(3)),
        ("!!binary aGk=", json!("hi")),
        ("!foo 12", json!("12")),
        ("\"\\u263a\"", json!("☺")),
        ("|\n  a\n  b\n", json!("a\nb\n")),
        (">-\n  a\n  b\n", json!("a b")),
        ("[1, two, {three: 3}]", json!([1, "two", {"three": 3}])),
    ] {
        assert_eq!(one(text), value, "{text}");
    }
}

#[test]
fn what_json_cannot_hold_is_refused_at_its_line() {
    for text in [
        ".inf",
        ".nan",
        "!!int abc",
        "!!binary '*'",
        "{~: 1}",
        "{? [a] : 1}",
        "*nowhere",
    ] {
        let errors = refused(&format!("{OBJECT}v: {text}\n"));
        assert_eq!(errors[0].line, 5, "{text}: {errors:?}");
    }
}

#[test]
fn every_field_has_its_line_and_column() {
    let text = format!("# a comment\n---\n{OBJECT}spec:\n  ports:\n  - port: 80\n    name: häh\n");
    let manifest = &read("kits/a.yaml", text.as_bytes(), &Limits::default()).expect("valid")[0];
    assert_eq!(manifest.origin.to_string(), "kits/a.yaml:3");
    let port = manifest
        .spans
        .at("/spec/ports/0/port")
        .expect("the port")
        .value;
    assert_eq!((port.line, port.column, port.end_column), (9, 11, 13));
    let (nearest, whole) = manifest.spans.nearest("/spec/ports/0/targetPort");
    assert!(!whole && nearest.value.line == 9);
}

#[test]
fn duplicate_keys_are_all_reported() {
    let errors = refused(&format!("{OBJECT}v: {{a: 1, a: 2}}\nw:\n  b: 1\n  b: 2\n"));
    assert_eq!(
        errors.iter().map(|error| error.line).collect::<Vec<_>>(),
        [5, 8]
    );
    assert!(errors[0].message.contains("\"a\" stands twice"));
}

#[test]
fn merge_keys_and_anchors_unfold() {
    let text = format!("{OBJECT}base: &b {{x: 1, y2: 2}}\nv:\n  <<: *b\n  x: 3\n");
    let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect("valid");
    assert_eq!(manifests[0].object["v"], json!({"x": 3, "y2": 2}));
    assert_eq!(
        manifests[0].spans.at("/v/y2").expect("merged").value.line,
        5
    );
}

#[test]
fn lists_are_unfolded_and_empty_documents_passed_over() {
    let text = "---\n# nothing\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: A, metadata: {name: a}}\n- apiVersion: v1\n  kind: B\n  metadata: {name: b}\n---\n";
    let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect("valid");
    let found: Vec<_> = manifests
        .iter()
        .map(|it| (it.key().to_string(), it.origin.line))
        .collect();
    assert_eq!(found, [("A a".to_owned(), 7), ("B b".to_owned(), 8)]);
}

#[test]
fn crlf_and_a_byte_order_mark_change_nothing() {
    let text = format!("\u{feff}{OBJECT}v: |\n  a\n  b\n").replace('\n', "\r\n");
    let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect("valid");
    assert_eq!(manifests[0].object["v"], json!("a\nb\n"));
}

#[test]
fn json_files_are_read_with_spans_and_surrogates() {
    let text = "{\n\t\"apiVersion\": \"v1\", \"kind\": \"X\",\n \"metadata\": {\"name\": \"n\"}, \"v\": \"\\ud83d\\ude00\", \"w\": 1e2\n}\n{\"apiVersion\": \"v1\", \"kind\": \"Y\", \"metadata\": {\"name\": \"m\"}}\n";
    let manifests = read("a.json", text.as_bytes(), &Limits::default()).expect("valid");
    assert_eq!(manifests.len(), 2);
    assert_eq!(manifests[0].object["v"], json!("😀"));
    assert_eq!(manifests[0].spans.at("/v").expect("v").value.line, 3);
    let errors = read("a.json", b"{\"kind\": \"X\", \"kind\": \"X\", \"apiVersion\": \"v1\", \"metadata\": {\"name\": \"n\"}}", &Limits::default());
    assert!(
        errors.expect_err("twice")[0]
            .message
            .contains("stands twice")
    );
}

#[test]
fn hostile_input_is_bounded() {
    let mut bomb = format!("{OBJECT}a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..12 {
        let before = format!("*a{},", level - 1).repeat(10);
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    assert!(refused(&bomb)[0].message.contains("aliases expanded"));
    assert!(
        refused(&format!("{OBJECT}v: {}\n", "[".repeat(5000)))[0]
            .message
            .contains("nested more than")
    );
    assert!(
        refused(&format!("{OBJECT}v: &v [*v]\n"))[0]
            .message
            .contains("contains itself")
    );
    let small = Limits {
        bytes: 10,
        ..Limits::default()
    };
    assert!(
        read("a.yaml", OBJECT.as_bytes(), &small).expect_err("large")[0]
            .message
            .contains("over the limit")
    );
}

#[test]
fn an_error_never_quotes_a_value() {
    let errors = refused(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: web}\nstringData:\n  password: !!int hunter2\n",
    );
    assert!(!errors[0].to_string().contains("hunter2"), "{errors:?}");
}

#[test]
fn a_block_that_ends_with_the_file_is_read_whether_its_last_line_is_ended_or_not() {
    for (text, value) in [
        ("|\n  x", "x"),
        ("|\n  x\n", "x\n"),
        ("|\n  x\n ", "x\n"),
        ("|\n  x\n   ", "x\n "),
        ("|-\n  x", "x"),
        ("|+\n  x", "x"),
        ("|+\n  x\n\n", "x\n\n"),
        (">\n  x\n  y", "x y"),
        ("|\n  x\n# a comment", "x\n"),
        ("|", ""),
        ("plain", "plain"),
    ] {
        let text = format!("{OBJECT}v: {text}");
        let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect(&text);
        assert_eq!(manifests[0].object["v"], value, "{text:?}");
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let value = json!({
        "apiVersion": "v1", "kind": "X", "metadata": {"name": "n"},
        "a": ["yes", "0644", "1:30", "=", "", " x", "x ", "a: b", "a #b", "- a", "null", "☺", "\u{1}", "12e3", "<<", "*a", "&a", "!a"],
        "b": {"empty": {}, "none": [], "nested": [[1, [2]], {"k": "v", "l": [true]}], "null": null},
        "lines": ["a\nb", "a\nb\n", "a\n\nb\n\n", " a\nb", "a \nb", "\n", "a\tb\n\tc\n", "a\n  b\n"],
        "numbers": [1, -1, 1.5, 1e30, 9007199254740993i64], "y": "key", "on": 1, "12": 3, "a b: c": 1,
    });
    let text = write_yaml_of(&value);
    let manifests = read("a.yaml", text.as_bytes(), &Limits::default()).expect(&text);
    assert_eq!(manifests[0].object, value, "{text}");
}

fn write_yaml_of(value: &Value) -> String {
    crate::manifest::write_yaml([value])
}
