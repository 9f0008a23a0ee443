//! A text that was changed, as the scalar that it is then: what a tool has that changes YAML and
//! reads it again, but that a text stays one scalar whatever is put into it.

use serde_json::Value;

use super::Limits;
use super::read::documents;
use super::scalar::resolve;

/// What an object lacks, or has of a wrong kind, that every object has.
pub fn object_fault(object: &Value) -> Option<&'static str> {
    let text = |name: &str| {
        object
            .get(name)
            .and_then(Value::as_str)
            .filter(|it| !it.is_empty())
    };
    match (text("apiVersion"), text("kind")) {
        (None, _) => Some("this object has no apiVersion, or it is not a text"),
        (_, None) => Some("this object has no kind, or it is not a text"),
        _ => super::read::misnamed(object),
    }
}

/// Reads `after`, which was made of `before`. Where go-yaml writes `before` without quotes, a
/// number is a number, nothing is null, and quotes are quotes; else it is a text.
pub fn reread(before: &str, after: String) -> Value {
    if !stands_plain(before) {
        return Value::String(after);
    }
    let trimmed = after.trim_matches([' ', '\t']);
    if trimmed.is_empty() {
        return Value::Null;
    }
    if trimmed.starts_with(['"', '\'']) {
        return unquoted(trimmed).unwrap_or_else(|| trimmed.into());
    }
    if !stands_plain(trimmed) {
        return trimmed.into();
    }
    let scalar = resolve("", trimmed).and_then(super::scalar::Scalar::into_json);
    scalar.unwrap_or_else(|_| trimmed.into())
}

fn unquoted(text: &str) -> Option<Value> {
    let limits = Limits {
        depth: 1,
        nodes: 1,
        ..Limits::default()
    };
    // `---` would begin another document.
    let on_one_line = !text.contains(['\n', '\r']);
    let mut faults = Vec::new();
    let mut found = documents(text.as_bytes(), &limits, &mut faults);
    let only = found.pop().filter(|_| on_one_line && found.is_empty());
    let (value, _) = only.filter(|_| faults.is_empty())?;
    value.is_string().then_some(value)
}

/// Whether go-yaml writes a text without quotes as a mapping's value (`yaml_emitter_analyze_scalar`).
/// What it would quote to keep it a text is not looked at.
fn stands_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else {
        return false;
    };
    let blank_behind = |at: usize| {
        let next = text[at..].chars().next();
        next.is_none_or(|c| c == ' ')
    };
    let indicator = ",[]{}&*!|>'\"%@`#".contains(first)
        || matches!(first, '?' | '-' | ':') && blank_behind(1)
        || text.starts_with("---")
        || text.starts_with("...");
    let within = text.char_indices().any(|(at, c)| match c {
        ':' => blank_behind(at + 1),
        '#' => text[..at].ends_with(' '),
        _ => false,
    });
    !indicator
        && !within
        && !text.ends_with(' ')
        && first != ' '
        && text.chars().all(super::write::is_printable)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_becomes_what_it_reads_as_where_it_would_stand_without_quotes() {
        for (before, after, read) in [
            ("${n}", "3", json!(3)),
            ("${n}", "0644", json!(420)),
            ("${n}", "yes", json!(true)),
            ("${n}", "1.50", json!(1.5)),
            ("${n}", "v1.50", json!("v1.50")),
            ("${n}", "", json!(null)),
            ("${n}", "~", json!(null)),
            ("${n}", " 3 ", json!(3)),
            ("${q}${n}${q}", "\"3\"", json!("3")),
            ("${q}${n}${q}", "'it''s'", json!("it's")),
            ("${q}", "\"", json!("\"")),
            ("a${n}", "a3", json!("a3")),
            ("-${n}", "-3", json!(-3)),
            // Nothing but a scalar comes of it.
            ("${n}", "a: b", json!("a: b")),
            ("${n}", "{a: b}", json!("{a: b}")),
            ("${n}", "[1, 2]", json!("[1, 2]")),
            ("${n}", "*alias", json!("*alias")),
            ("${n}", "!!binary aGk=", json!("!!binary aGk=")),
            ("${n}", "a\nb: c", json!("a\nb: c")),
            ("${n}", "\"a\": b", json!("\"a\": b")),
            ("${n}", "a #b", json!("a #b")),
            ("${n}", ".inf", json!(".inf")),
            // These are written in quotes, or as a block.
            ("${n}: x", "3: x", json!("3: x")),
            (" ${n}", " 3", json!(" 3")),
            ("${n}\n", "3\n", json!("3\n")),
            ("'${n}'", "'3'", json!("'3'")),
        ] {
            assert_eq!(reread(before, after.to_owned()), read, "{before} {after}");
        }
    }
}
