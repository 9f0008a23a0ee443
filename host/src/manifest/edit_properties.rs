//! Edits of YAML that nobody would write.

use proptest::prelude::*;
use serde_json::json;

use super::*;

const HEAD: &str = "apiVersion: v1\nkind: X\nmetadata:\n  name: web\n";

/// A value written in one of YAML's many ways, with comments where there may be some.
#[derive(Clone, Debug)]
enum Sketch {
    Word(&'static str),
    List(bool, Vec<Sketch>),
    Map(bool, usize, Vec<(&'static str, Sketch)>),
}

const WORDS: [&str; 18] = [
    "",
    "1",
    "0644",
    "yes",
    "plain",
    "two words",
    "'it''s'",
    "\"a\\tb # c\"",
    "a#b",
    "é\u{85}x",
    "~",
    "!!str 5",
    "&x 1",
    "|\n TEXT\n TEXT # no comment\n",
    ">-\n TEXT\n\n TEXT\n\n",
    "|+\n TEXT\n\n",
    "\"two\n TEXT lines\"",
    "*x",
];
const KEYS: [&str; 8] = ["a", "b", "'c'", "\"d e\"", "1", "yes", "f/g", "h~"];

fn sketch() -> impl Strategy<Value = Sketch> {
    let leaf = proptest::sample::select(&WORDS[..]).prop_map(Sketch::Word);
    leaf.prop_recursive(4, 24, 4, |inner| {
        let list = (
            any::<bool>(),
            proptest::collection::vec(inner.clone(), 0..4),
        );
        let field = (proptest::sample::select(&KEYS[..]), inner);
        let map = (
            any::<bool>(),
            1usize..5,
            proptest::collection::vec(field, 0..4),
        );
        prop_oneof![
            list.prop_map(|(flow, items)| Sketch::List(flow, items)),
            map.prop_map(|(flow, step, mut fields)| {
                let mut seen = std::collections::HashSet::new();
                fields.retain(|(key, _)| seen.insert(*key));
                Sketch::Map(flow, step, fields)
            }),
        ]
    })
}

/// Writes what stands behind a key or a dash.
fn draw(sketch: &Sketch, indent: usize, flow: bool, comments: &mut usize, out: &mut String) {
    let mut comment = |out: &mut String| {
        *comments += 1;
        if !flow && comments.is_multiple_of(3) {
            out.push_str(&format!(" # note {comments}"));
        }
    };
    match sketch {
        Sketch::Word(word) => {
            out.push(' ');
            let is_block = word.starts_with(['|', '>']);
            let word = if flow && is_block { "x" } else { word };
            out.push_str(&word.replace("TEXT", &format!("{:indent$} text", "")));
            if !is_block || flow {
                comment(out);
            }
        }
        Sketch::List(in_braces, items) if flow || *in_braces || items.is_empty() => {
            out.push_str(" [");
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                draw(item, indent, true, comments, out);
            }
            out.push(']');
        }
        Sketch::Map(in_braces, _, fields) if flow || *in_braces || fields.is_empty() => {
            out.push_str(" {");
            for (index, (key, value)) in fields.iter().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                out.push_str(&format!("{key}:"));
                draw(value, indent, true, comments, out);
            }
            out.push('}');
        }
        Sketch::List(_, items) => {
            comment(out);
            for item in items {
                out.push_str(&format!("\n{:indent$}-", ""));
                draw(item, indent + 1, false, comments, out);
            }
        }
        Sketch::Map(_, step, fields) => {
            comment(out);
            let indent = indent + step;
            for (key, value) in fields {
                out.push_str(&format!("\n{:indent$}{key}:", ""));
                draw(value, indent, false, comments, out);
            }
        }
    }
}

fn pointers(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            found.push(format!("{here}/new"));
            found.push(format!("{here}/new/below"));
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(value, format!("{here}/{key}"), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{here}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(here);
}

fn proposal() -> impl Strategy<Value = Value> {
    proptest::sample::select(vec![
        json!(1),
        json!("text"),
        json!("yes"),
        json!("a: b # c"),
        json!("one\ntwo\n"),
        json!(null),
        json!({"x": {"y": [1, {"z": "a,b"}]}}),
        json!([]),
        json!({}),
        json!(["- x", ["y"]]),
        json!("\u{85}\u{2028} "),
        json!("'\"{["),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_edit_changes_its_field_alone_and_loses_no_comment_or_changes_nothing(
        (drawn, other) in (sketch(), sketch()),
        (at, new, crlf, mark) in (any::<proptest::sample::Index>(), proposal(), any::<bool>(), any::<bool>()),
    ) {
        let mut text = format!("{}# head\n{HEAD}v:", if mark { "\u{feff}" } else { "" });
        let mut comments = 0;
        draw(&drawn, 0, false, &mut comments, &mut text);
        text.push_str("\nw:");
        draw(&other, 0, false, &mut comments, &mut text);
        text.push_str("\n# tail\n");
        if crlf {
            text = text.replace('\n', "\r\n");
        }
        let Ok(before) = read("a.yaml", text.as_bytes(), &Limits::default()) else {
            // Some aliases have no anchor before them.
            return Ok(());
        };
        let mut found = Vec::new();
        pointers(&before[0].object["v"], "/v".into(), &mut found);
        let pointer = at.get(&found);
        let change = Edit {
            object: 0,
            pointer: pointer.clone(),
            value: new.clone(),
        };
        let done = edited(text.as_bytes(), &[change], &Limits::default());
        prop_assert_ne!(done.outcomes[0], Err(Obstacle::ReadsOtherwise), "{} {}", text, pointer);
        if done.outcomes[0].is_err() {
            prop_assert_eq!(done.bytes, text.as_bytes());
            return Ok(());
        }
        let after = String::from_utf8(done.bytes).expect("UTF-8");
        let mut expected = before[0].object.clone();
        put(&mut expected, pointer, &new).expect("it was put");
        let read = read("a.yaml", after.as_bytes(), &Limits::default()).expect("it reads");
        prop_assert_eq!(&read[0].object, &expected, "{}", after);
        let notes = |text: &str| text.matches(" # note ").count() + text.matches("# tail").count();
        prop_assert_eq!(notes(&text), notes(&after), "{}\nbecame\n{}", text, after);
        prop_assert!(!crlf || after.matches('\n').count() == after.matches("\r\n").count());
    }
}
