//! Named formats of strings. What is wrong with one is said in our own words.

use std::rc::Rc;

use crate::library::url;
use crate::time;
use crate::value::{Outcome, Value};

#[derive(Debug)]
pub struct Format {
    pub name: &'static str,
    faults: fn(&str) -> Vec<String>,
}

static FORMATS: [Format; 13] = [
    Format {
        name: "dns1123Label",
        faults: |it| label(it, false),
    },
    Format {
        name: "dns1123Subdomain",
        faults: subdomain,
    },
    Format {
        name: "dns1035Label",
        faults: |it| label(it, true),
    },
    Format {
        name: "qualifiedName",
        faults: qualified_name,
    },
    Format {
        name: "dns1123LabelPrefix",
        faults: |it| label(&without_dash(it), false),
    },
    Format {
        name: "dns1123SubdomainPrefix",
        faults: |it| subdomain(&without_dash(it)),
    },
    Format {
        name: "dns1035LabelPrefix",
        faults: |it| label(&without_dash(it), true),
    },
    Format {
        name: "labelValue",
        faults: label_value,
    },
    Format {
        name: "uri",
        faults: |it| one(url::Url::of_request(it).is_ok(), "it is no absolute URI"),
    },
    Format {
        name: "uuid",
        faults: |it| one(uuid(it), "does not match the UUID format"),
    },
    Format {
        name: "byte",
        faults: |it| one(is_base64(it), "invalid base64"),
    },
    Format {
        name: "date",
        faults: |it| one(time::date(it).is_some(), "invalid date"),
    },
    Format {
        name: "datetime",
        faults: |it| one(date_time(it), "invalid datetime"),
    },
];

pub fn named(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|it| it.name == name)
}

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    if let Some(name) = name.strip_prefix("format.")
        && let ([], Some(format)) = (arguments, named(name))
    {
        return Some(Ok(Value::Format(format)));
    }
    Some(match (name, arguments) {
        ("format.named", [Value::String(name)]) => Ok(Value::Optional(
            named(name).map(|it| Rc::new(Value::Format(it))),
        )),
        ("validate", [Value::Format(format), Value::String(text)]) => {
            let faults: Vec<Value> = (format.faults)(text).iter().map(Value::text).collect();
            Ok(match faults.is_empty() {
                true => Value::NONE,
                false => Value::some(Value::list(faults)),
            })
        }
        _ => return None,
    })
}

fn one(fine: bool, words: &str) -> Vec<String> {
    if fine {
        Vec::new()
    } else {
        vec![words.to_owned()]
    }
}

fn short(text: &str, most: usize, faults: &mut Vec<String>) {
    if text.len() > most {
        faults.push(format!("must be no more than {most} characters"));
    }
}

fn inner(text: &str, more: &str) -> bool {
    let alone = |it: char| it.is_ascii_alphanumeric();
    text.starts_with(alone)
        && text.ends_with(alone)
        && text.chars().all(|it| alone(it) || more.contains(it))
}

fn small(text: &str) -> bool {
    !text.bytes().any(|it| it.is_ascii_uppercase())
}

fn label(text: &str, letter_first: bool) -> Vec<String> {
    let mut faults = Vec::new();
    short(text, 63, &mut faults);
    let begins = !letter_first || text.starts_with(|it: char| it.is_ascii_lowercase());
    if !inner(text, "-") || !small(text) || !begins {
        faults.push(match letter_first {
            true => "is no DNS-1035 label: lower case letters, digits and '-', a letter first, a letter or digit last".into(),
            false => "is no RFC 1123 label: lower case letters, digits and '-', a letter or digit first and last".into(),
        });
    }
    faults
}

fn subdomain(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    short(text, 253, &mut faults);
    if !text.split('.').all(|it| inner(it, "-") && small(it)) {
        faults.push(
            "is no RFC 1123 subdomain: labels of lower case letters, digits and '-', joined by '.'"
                .into(),
        );
    }
    faults
}

/// A name's begin, to which something is added, may end in a dash.
fn without_dash(text: &str) -> String {
    match text.strip_suffix('-') {
        Some(begin) if text.len() > 1 => {
            let mut begin = begin.to_owned();
            begin.pop();
            begin.push('a');
            begin
        }
        _ => text.to_owned(),
    }
}

fn qualified_name(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let (prefix, name) = match text.split_once('/') {
        None => (None, text),
        Some((_, name)) if name.contains('/') => {
            return one(
                false,
                "a qualified name is a name, or a DNS subdomain, '/' and a name",
            );
        }
        Some((prefix, name)) => (Some(prefix), name),
    };
    if let Some(prefix) = prefix {
        match prefix.is_empty() {
            true => faults.push("prefix part must be non-empty".to_owned()),
            false => faults.extend(
                subdomain(prefix)
                    .into_iter()
                    .map(|it| format!("prefix part {it}")),
            ),
        }
    }
    if name.is_empty() {
        faults.push("name part must be non-empty".into());
    }
    short(name, 63, &mut faults);
    if !inner(name, "-_.") {
        faults.push(
            "name part must be letters, digits, '-', '_' and '.', a letter or digit first and last"
                .into(),
        );
    }
    faults
}

fn label_value(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    short(text, 63, &mut faults);
    if !text.is_empty() && !inner(text, "-_.") {
        faults.push("a label's value is empty, or letters, digits, '-', '_' and '.', a letter or digit first and last".into());
    }
    faults
}

/// Groups of 8, 4, 4, 4 and 12 digits, with or without dashes between.
fn uuid(text: &str) -> bool {
    let mut rest = text;
    for (index, length) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if index > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        match rest.split_at_checked(length) {
            Some((group, after)) if group.bytes().all(|it| it.is_ascii_hexdigit()) => rest = after,
            _ => return false,
        }
    }
    rest.is_empty()
}

fn is_base64(text: &str) -> bool {
    let text: String = text
        .chars()
        .filter(|it| !['\r', '\n'].contains(it))
        .collect();
    let body = text.trim_end_matches('=');
    let fine = |it: u8| it.is_ascii_alphanumeric() || it == b'+' || it == b'/';
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(fine)
}

fn date_time(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let Some((date, clock)) = text.split_once('t') else {
        return false;
    };
    let pair = |from: usize, most: &str| {
        clock
            .get(from..from + 2)
            .is_some_and(|it| it.bytes().all(|it| it.is_ascii_digit()) && it <= most)
    };
    let colons = clock.get(2..3) == Some(":") && clock.get(5..6) == Some(":");
    let Some(mut rest) = clock.get(8..) else {
        return false;
    };
    if !rest.starts_with(['z', '+', '-']) {
        // Any character may stand for the point.
        let Some(first) = rest.chars().next() else {
            return false;
        };
        let digits = &rest[first.len_utf8()..];
        let end = digits
            .find(|it: char| !it.is_ascii_digit())
            .unwrap_or(digits.len());
        if end == 0 {
            return false;
        }
        rest = &digits[end..];
    }
    let zone = rest == "z"
        || rest.len() == 6
            && rest.starts_with(['+', '-'])
            && rest.bytes().enumerate().skip(1).all(|(at, it)| match at {
                3 => it == b':',
                _ => it.is_ascii_digit(),
            });
    let clock_fine = pair(0, "23") && pair(3, "59") && pair(6, "59");
    time::date(date).is_some() && colons && clock_fine && zone
}

/// RFC 4648, as JSON carries bytes.
pub fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .chain(&[0, 0])
            .take(3)
            .fold(0usize, |sum, it| sum << 8 | usize::from(*it));
        for index in 0..4 {
            text.push(match index <= chunk.len() {
                true => char::from(DIGITS[number >> (18 - 6 * index) & 63]),
                false => '=',
            });
        }
    }
    text
}
