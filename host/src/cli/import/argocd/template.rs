//! Templates of ApplicationSets, as far as they are names in braces.

use std::collections::BTreeMap;

use serde_json::Value;

/// What names stand for.
pub(super) type Names = BTreeMap<String, String>;

/// Names of a directory, as the git generator gives them: `path`, `path.basename`, `path[0]`, and
/// with goTemplate `.path.path`, `.path.basename`, `index .path.segments 0`.
pub(super) fn of_directory(path: &str, prefix: Option<&str>, is_go: bool) -> Names {
    let segments: Vec<&str> = path.split('/').collect();
    let base = segments.last().copied().unwrap_or_default();
    let mut names = Names::new();
    let mut add = |name: String, value: &str| drop(names.insert(name, value.to_owned()));
    let under = prefix.map(|it| format!("{it}.")).unwrap_or_default();
    if is_go {
        add(format!(".{under}path.path"), path);
        add(format!(".{under}path.basename"), base);
        add(format!(".{under}path.basenameNormalized"), base);
    } else {
        add(format!("{under}path"), path);
        add(format!("{under}path.basename"), base);
        add(format!("{under}path.basenameNormalized"), base);
    }
    for (index, segment) in segments.iter().enumerate() {
        match is_go {
            true => add(format!("index .{under}path.segments {index}"), segment),
            false => add(format!("{under}path[{index}]"), segment),
        }
    }
    names
}

/// Texts of an element of a list.
pub(super) fn of_element(element: &Value, is_go: bool) -> Names {
    let mut names = Names::new();
    let lead = if is_go { "." } else { "" };
    for (name, value) in element.as_object().into_iter().flatten() {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => continue,
        };
        if !is_go {
            names.insert(format!("values.{name}"), text.clone());
        }
        names.insert(format!("{lead}{name}"), text);
    }
    names
}

/// The value with its names filled in, or the first expression that is more than a name.
pub(super) fn filled(value: &Value, names: &Names) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => fill(text, names)?.into(),
        Value::Array(items) => {
            let items = items.iter().map(|it| filled(it, names));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) => {
            let entries = map
                .iter()
                .map(|(name, it)| Ok((fill(name, names)?, filled(it, names)?)));
            Value::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

fn fill(text: &str, names: &Names) -> Result<String, String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let inner = &rest[start + 2..];
        let end = inner.find("}}").ok_or_else(|| rest.to_owned())?;
        let name = inner[..end].trim_matches('-').trim();
        let value = names.get(name).ok_or_else(|| name.to_owned())?;
        filled.push_str(&rest[..start]);
        filled.push_str(value);
        rest = &inner[end + 2..];
    }
    filled.push_str(rest);
    Ok(filled)
}
