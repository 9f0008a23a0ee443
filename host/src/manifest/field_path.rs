//! Fields as people write them: RFC 6901 pointers, and paths with dots as `kubectl explain` and
//! `kubectl get -o jsonpath` have them.

use serde_json::Value;

use super::{pointer_name, pointer_token};

/// Bytes of a path.
const LIMIT: usize = 4096;

/// The RFC 6901 pointer that a person means by `/spec/ports/0/port`, `.spec.ports[0].port`,
/// `spec.ports[?name=http].port` or `metadata.labels["a/b"]`. What stands in `[?…]` is looked for
/// in the object. The error says what is wrong with it.
pub fn field_pointer(text: &str, object: &Value) -> Result<String, String> {
    let text = text.trim();
    if text.len() > LIMIT {
        return Err(format!("a field is written in at most {LIMIT} bytes"));
    }
    if text.starts_with('/') || text.is_empty() {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let text = text
        .strip_prefix('{')
        .and_then(|it| it.strip_suffix('}'))
        .unwrap_or(text);
    let mut rest = text.strip_prefix('.').unwrap_or(text);
    let mut pointer = String::new();
    let mut first = true;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            let (step, after) = bracketed(inner)?;
            let name = match step {
                Step::Name(name) => pointer_token(&name),
                Step::Item(name, value) => item(object, &pointer, &name, &value)?,
            };
            pointer = format!("{pointer}/{name}");
            rest = after;
        } else {
            let after = rest.strip_prefix('.').filter(|_| !first).unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            if end == 0 {
                return Err(format!("{text:?} has a step without a name"));
            }
            pointer = format!("{pointer}/{}", pointer_token(&after[..end]));
            rest = &after[end..];
        }
        first = false;
    }
    Ok(pointer)
}

enum Step {
    Name(String),
    /// The item of a list with this value in this field.
    Item(String, String),
}

/// What stands in brackets, and what comes behind them.
fn bracketed(inner: &str) -> Result<(Step, &str), String> {
    let quote = inner.chars().next().filter(|it| matches!(it, '"' | '\''));
    if let Some(quote) = quote {
        let end = inner[1..].find(quote).map(|at| at + 1);
        let end = end.ok_or("a quoted name has no end")?;
        let rest = inner[end + 1..]
            .strip_prefix(']')
            .ok_or("a bracket has no end")?;
        return Ok((Step::Name(inner[1..end].to_owned()), rest));
    }
    let end = inner.find(']').ok_or("a bracket has no end")?;
    let (inside, rest) = (&inner[..end], &inner[end + 1..]);
    let Some(chosen) = inside.strip_prefix('?') else {
        return match inside.parse::<usize>() {
            Ok(index) => Ok((Step::Name(index.to_string()), rest)),
            Err(_) => Err(format!(
                "[{inside}] is no item: write [0], [\"a.b/c\"] or [?name=http]"
            )),
        };
    };
    // `[?(@.name=="http")]` is how kubectl's JSONPath has it; the parentheses may hold no bracket.
    let chosen = chosen
        .trim_start_matches(['(', '@', '.'])
        .trim_end_matches(')');
    let (name, value) = chosen
        .split_once("==")
        .or_else(|| chosen.split_once('='))
        .ok_or_else(|| format!("[{inside}] says no value: write [?name=http]"))?;
    let value = value.trim().trim_matches(['"', '\'']);
    Ok((Step::Item(name.trim().to_owned(), value.to_owned()), rest))
}

fn item(object: &Value, list: &str, name: &str, value: &str) -> Result<String, String> {
    let items = object.pointer(list).and_then(Value::as_array);
    let items = items.ok_or_else(|| format!("there is no list at {list}"))?;
    let has = |item: &Value| match item.get(name) {
        Some(Value::String(text)) => text == value,
        Some(Value::Number(number)) => number.to_string() == value,
        Some(Value::Bool(flag)) => flag.to_string() == value,
        _ => false,
    };
    let at = items.iter().position(has);
    at.map(|at| at.to_string())
        .ok_or_else(|| format!("no item of {list} has {name}: {value}"))
}

/// A pointer as `kubectl explain` would write it: `spec.ports[0].port`, `metadata.labels["a/b"]`.
pub fn dotted(pointer: &str, object: &Value) -> String {
    let mut here = Some(object);
    let mut text = String::new();
    for token in pointer.split('/').skip(1) {
        let name = pointer_name(token);
        let in_list = here.is_some_and(Value::is_array);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$');
        if in_list {
            text.push_str(&format!("[{name}]"));
        } else if !name.is_empty() && name.chars().all(plain) {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(&name);
        } else {
            text.push_str(&format!("[{}]", Value::from(name.as_str())));
        }
        here = match here {
            Some(Value::Array(items)) => name.parse::<usize>().ok().and_then(|at| items.get(at)),
            Some(Value::Object(map)) => map.get(&name),
            _ => None,
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object() -> Value {
        json!({"spec": {"ports": [{"name": "a", "port": 1}, {"name": "http", "port": 80}]},
            "metadata": {"labels": {"a.b/c": "d", "0": "e"}}, "data": {"tls.crt": "x"}})
    }

    #[test]
    fn a_field_is_meant_however_it_is_written() {
        for (text, pointer) in [
            ("/spec/ports/0/port", "/spec/ports/0/port"),
            (".spec.ports[0].port", "/spec/ports/0/port"),
            ("spec.ports[1]", "/spec/ports/1"),
            ("{.spec.ports[1].port}", "/spec/ports/1/port"),
            ("spec.ports.1.port", "/spec/ports/1/port"),
            ("spec.ports[?name=http].port", "/spec/ports/1/port"),
            ("spec.ports[?(@.name==\"http\")].port", "/spec/ports/1/port"),
            (".spec.ports[?port=80].name", "/spec/ports/1/name"),
            ("metadata.labels[\"a.b/c\"]", "/metadata/labels/a.b~1c"),
            ("metadata.labels['a.b/c']", "/metadata/labels/a.b~1c"),
            ("data['tls.crt']", "/data/tls.crt"),
            ("", ""),
            ("/spec/", "/spec"),
        ] {
            assert_eq!(
                field_pointer(text, &object()).as_deref(),
                Ok(pointer),
                "{text}"
            );
        }
    }

    #[test]
    fn what_means_no_field_is_told_of_and_never_panics() {
        for text in [
            "spec..ports",
            "spec.ports[",
            "spec.ports[x]",
            "spec.ports[?name]",
            "spec.ports[?name=ftp]",
            "spec[?a=b]",
            "a['b",
            "a['b'",
            "é[?",
            "[",
            "a[\"é",
        ] {
            assert!(field_pointer(text, &object()).is_err(), "{text}");
        }
        assert!(field_pointer(&"a.".repeat(3000), &object()).is_err());
    }

    #[test]
    fn what_is_shown_is_read_back_as_the_same_field() {
        for pointer in [
            "/spec/ports/0/port",
            "/metadata/labels/a.b~1c",
            "/metadata/labels/0",
            "/data/tls.crt",
        ] {
            let shown = dotted(pointer, &object());
            assert_eq!(
                field_pointer(&shown, &object()).as_deref(),
                Ok(pointer),
                "{shown}"
            );
        }
        assert_eq!(
            dotted("/spec/ports/0/port", &object()),
            "spec.ports[0].port"
        );
    }
}
