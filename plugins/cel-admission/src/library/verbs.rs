//! `format()`: the verbs that may stand in a text.

use std::fmt::Write as _;

use crate::functions::plain;
use crate::time;
use crate::value::{Fault, Value};

/// Digits after the point where none are asked for.
const PRECISION: usize = 6;

pub fn format(text: &str, items: &[Value]) -> Result<String, Fault> {
    let mut made = String::new();
    let mut index = 0;
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '%' {
            made.push(character);
            continue;
        }
        if rest.next_if_eq(&'%').is_some() {
            made.push('%');
            continue;
        }
        let item = items
            .get(index)
            .ok_or_else(|| Fault::new(format!("index {index} out of range")))?;
        index += 1;
        let mut precision = None;
        if rest.next_if_eq(&'.').is_some() {
            let mut digits = String::new();
            while let Some(digit) = rest.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            let wrong = || clause("error while parsing precision");
            precision = Some(digits.parse::<usize>().map_err(|_| wrong())?.min(100));
        }
        let verb = rest
            .next()
            .ok_or_else(|| Fault::new("unexpected end of string"))?;
        made.push_str(&written(verb, precision, item)?);
    }
    Ok(made)
}

fn clause(words: &str) -> Fault {
    Fault::new(format!("could not parse formatting clause: {words}"))
}

fn written(verb: char, precision: Option<usize>, item: &Value) -> Result<String, Fault> {
    let unfit = || {
        let fits = match verb {
            'b' => "only integers and bools can be formatted as binary",
            'd' => "decimal clause can only be used on integers",
            'f' => "fixed-point clause can only be used on doubles",
            'o' => "octal clause can only be used on integers",
            'e' => "scientific clause can only be used on doubles",
            _ => "only integers, byte buffers, and strings can be formatted as hex",
        };
        let kind = item.type_name();
        Fault::new(format!("error during formatting: {fits}, was given {kind}"))
    };
    Ok(match (verb, item) {
        ('s', item) => text(item)?,
        ('d', Value::Int(number)) => number.to_string(),
        ('d', Value::Uint(number)) => number.to_string(),
        ('f', Value::Double(number)) => fixed(*number, precision.unwrap_or(PRECISION)),
        ('b', Value::Int(number)) => signed(*number, |it| format!("{it:b}")),
        ('b', Value::Uint(number)) => format!("{number:b}"),
        ('b', Value::Bool(flag)) => u8::from(*flag).to_string(),
        ('o', Value::Int(number)) => signed(*number, |it| format!("{it:o}")),
        ('o', Value::Uint(number)) => format!("{number:o}"),
        ('x', item) => hex(item).ok_or_else(unfit)?,
        ('X', item) => hex(item).ok_or_else(unfit)?.to_uppercase(),
        // Go writes it by the rules of a locale.
        ('e', Value::Double(_)) => {
            return Err(Fault::unknown(
                "%e cannot be written as the API server does",
            ));
        }
        ('d' | 'f' | 'b' | 'o' | 'e', _) => return Err(unfit()),
        _ => {
            return Err(clause(&format!(
                "unrecognized formatting clause \"{verb}\""
            )));
        }
    })
}

fn signed(number: i64, digits: impl Fn(u64) -> String) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", digits(number.unsigned_abs()))
}

fn hex(item: &Value) -> Option<String> {
    let bytes = |bytes: &[u8]| {
        bytes.iter().fold(String::new(), |mut made, byte| {
            let _ = write!(made, "{byte:02x}");
            made
        })
    };
    Some(match item {
        Value::Int(number) => signed(*number, |it| format!("{it:x}")),
        Value::Uint(number) => format!("{number:x}"),
        Value::String(text) => bytes(text.as_bytes()),
        Value::Bytes(raw) => bytes(raw),
        _ => return None,
    })
}

/// The API server writes it for English: with a comma after each three digits.
fn fixed(number: f64, precision: usize) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "∞" } else { "-∞" }.into();
    }
    let plain = format!("{:.precision$}", number.abs());
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if number.is_sign_negative() { "-" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{grouped}{point}{fraction}")
}

fn text(item: &Value) -> Result<String, Fault> {
    Ok(match item {
        Value::List(_) | Value::Map(_) => literal(item)?,
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Null
        | Value::Bool(_)
        | Value::Int(_)
        | Value::Uint(_)
        | Value::Double(_)
        | Value::String(_)
        | Value::Type(_)
        | Value::Duration(_)
        | Value::Timestamp(_) => plain(item),
        other => {
            let kind = other.type_name();
            return Err(Fault::new(format!(
                "error during formatting: string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps, was given {kind}"
            )));
        }
    })
}

/// As it stands in a list or a map.
fn literal(item: &Value) -> Result<String, Fault> {
    Ok(match item {
        Value::List(items) => {
            let items = items.iter().map(literal).collect::<Result<Vec<_>, _>>()?;
            format!("[{}]", items.join(", "))
        }
        Value::Map(fields) => {
            let pair = |(key, value): (&crate::value::Key, &Value)| {
                Ok(format!("{}:{}", literal(&key.value())?, literal(value)?))
            };
            let mut pairs = fields.iter().map(pair).collect::<Result<Vec<_>, Fault>>()?;
            pairs.sort();
            format!("{{{}}}", pairs.join(", "))
        }
        Value::String(text) => format!("{text:?}"),
        Value::Bytes(bytes) => format!("b{:?}", String::from_utf8_lossy(bytes)),
        Value::Double(number) => format!("{number:.6}"),
        Value::Timestamp(_) => format!("timestamp({:?})", time::text(item)),
        Value::Duration(_) => format!("duration({:?})", time::text(item)),
        other => text(other)?,
    })
}
