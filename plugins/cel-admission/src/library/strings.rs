//! Strings, by characters.

use crate::library::{regex, verbs};
use crate::value::{Fault, Outcome, Value};

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Int, List, String};
    Some(match (name, arguments) {
        ("charAt", [String(text), Int(at)]) => char_at(text, *at),
        ("indexOf", [String(text), String(part)]) => index_of(text, part, 0),
        ("indexOf", [String(text), String(part), Int(from)]) => index_of(text, part, *from),
        ("lastIndexOf", [String(text), String(part)]) => last_index_of(text, part, None),
        ("lastIndexOf", [String(text), String(part), Int(from)]) => {
            last_index_of(text, part, Some(*from))
        }
        ("join", [List(items)]) => join(items, ""),
        ("join", [List(items), String(between)]) => join(items, between),
        ("lowerAscii", [String(text)]) => Ok(Value::text(text.to_ascii_lowercase())),
        ("upperAscii", [String(text)]) => Ok(Value::text(text.to_ascii_uppercase())),
        ("replace", [String(text), String(from), String(to)]) => {
            Ok(Value::text(text.replace(&**from, to)))
        }
        ("replace", [String(text), String(from), String(to), Int(count)]) => {
            let count = usize::try_from(*count).unwrap_or(usize::MAX);
            Ok(Value::text(text.replacen(&**from, to, count)))
        }
        ("split", [String(text), String(at)]) => Ok(split(text, at, -1)),
        ("split", [String(text), String(at), Int(most)]) => Ok(split(text, at, *most)),
        ("substring", [String(text), Int(from)]) => substring(text, *from, None),
        ("substring", [String(text), Int(from), Int(to)]) => substring(text, *from, Some(*to)),
        ("trim", [String(text)]) => Ok(Value::text(text.trim())),
        ("strings.quote", [String(text)]) => Ok(Value::text(quote(text))),
        ("format", [String(text), List(items)]) => verbs::format(text, items).map(Value::text),
        ("matches", [String(text), String(pattern)]) => {
            regex::compiled(pattern).map(|it| Value::Bool(it.is_match(text)))
        }
        ("find", [String(text), String(pattern)]) => regex::compiled(pattern)
            .map(|it| Value::text(it.find(text).map_or("", |found| found.as_str()))),
        ("findAll", [String(text), String(pattern)]) => find_all(text, pattern, -1),
        ("findAll", [String(text), String(pattern), Int(most)]) => find_all(text, pattern, *most),
        _ => return None,
    })
}

fn outside(index: i64) -> Fault {
    Fault::new(format!("index out of range: {index}"))
}

fn char_at(text: &str, at: i64) -> Outcome {
    let index = usize::try_from(at).map_err(|_| outside(at))?;
    match text.chars().nth(index) {
        Some(found) => Ok(Value::text(found.to_string())),
        None if index == text.chars().count() => Ok(Value::text("")),
        None => Err(outside(at)),
    }
}

/// The byte at which a character begins; the end if there are no more.
fn byte(text: &str, character: usize) -> usize {
    let mut begins = text.char_indices().map(|(byte, _)| byte);
    begins.nth(character).unwrap_or(text.len())
}

fn index_of(text: &str, part: &str, from: i64) -> Outcome {
    let skipped = usize::try_from(from).map_err(|_| outside(from))?;
    let length = text.chars().count();
    if part.is_empty() {
        return Ok(Value::Int(skipped.min(length) as i64));
    }
    let start = byte(text, skipped);
    let found = text[start..].find(part);
    let index = found.map(|at| text[..start + at].chars().count() as i64);
    Ok(Value::Int(index.unwrap_or(-1)))
}

fn last_index_of(text: &str, part: &str, from: Option<i64>) -> Outcome {
    let length = text.chars().count();
    let last = match from {
        Some(from) => usize::try_from(from).map_err(|_| outside(from))?,
        None => length,
    };
    if part.is_empty() {
        return Ok(Value::Int(last.min(length) as i64));
    }
    if from.is_some() && last >= length {
        return Ok(Value::Int(-1));
    }
    let end = (byte(text, last) + part.len()).min(text.len());
    let end = (end..=text.len())
        .find(|it| text.is_char_boundary(*it))
        .unwrap_or(text.len());
    let found = text[..end].rfind(part);
    let index = found.map(|at| text[..at].chars().count());
    let index = index.filter(|it| *it <= last);
    Ok(Value::Int(index.map_or(-1, |it| it as i64)))
}

fn join(items: &[Value], between: &str) -> Outcome {
    let text = |item: &Value| match item {
        Value::String(text) => Ok(text.to_string()),
        _ => Err(Fault::new("no such overload: join(list)")),
    };
    let texts = items.iter().map(text).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::text(texts.join(between)))
}

fn split(text: &str, at: &str, most: i64) -> Value {
    let most = match usize::try_from(most) {
        Ok(0) => return Value::list(Vec::new()),
        Ok(most) => most,
        Err(_) => usize::MAX,
    };
    if at.is_empty() {
        let characters = text.chars().count();
        let single = characters.min(most - 1);
        let mut parts: Vec<Value> = text
            .chars()
            .take(single)
            .map(|it| Value::text(it.to_string()))
            .collect();
        if single < characters {
            parts.push(Value::text(&text[byte(text, single)..]));
        }
        return Value::list(parts);
    }
    Value::list(text.splitn(most, at).map(Value::text).collect())
}

fn substring(text: &str, from: i64, to: Option<i64>) -> Outcome {
    let length = text.chars().count() as i64;
    let to = to.unwrap_or(length);
    if from > to && to != length {
        return Err(Fault::new(format!(
            "invalid substring range. start: {from}, end: {to}"
        )));
    }
    for index in [from, to] {
        if !(0..=length).contains(&index) {
            return Err(outside(index));
        }
    }
    if from > to {
        return Err(outside(from));
    }
    let (from, to) = (byte(text, from as usize), byte(text, to as usize));
    Ok(Value::text(&text[from..to]))
}

fn find_all(text: &str, pattern: &str, most: i64) -> Outcome {
    let regex = regex::compiled(pattern)?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let found = regex.find_iter(text).take(most);
    Ok(Value::list(
        found.map(|it| Value::text(it.as_str())).collect(),
    ))
}

/// As a literal of CEL.
pub fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '\x07' => quoted.push_str("\\a"),
            '\x08' => quoted.push_str("\\b"),
            '\x0c' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\x0b' => quoted.push_str("\\v"),
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// A double in the fewest digits that give it back, as Go's `%g` writes it.
pub fn shortest(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    match (-4..21).contains(&exponent) {
        true => format!("{number}"),
        false => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
    }
}
