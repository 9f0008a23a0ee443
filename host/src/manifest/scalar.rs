//! Plain scalars as go.yaml.in/yaml/v2, and so kubectl, resolves them (YAML 1.1 with its own ways).

use serde_json::{Number, Value};

/// What a scalar is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    /// Over `i64::MAX`.
    Uint(u64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// As JSON, after the detour through Go's `float64` and Kubernetes' own reading: whole floats
    /// become integers, integers over 64 bits become floats.
    pub(super) fn into_json(self) -> Result<Value, String> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int(value) => Value::from(value),
            Self::Uint(value) => float(value as f64)?,
            Self::Float(value) => float(value)?,
            Self::Text(text) => Value::String(text),
        })
    }

    /// As the key of a mapping. `None`: kubectl has no such keys.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Self::Null | Self::Uint(_) => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Int(value) => Some(value.to_string()),
            Self::Float(value) => Some(go_float(value)),
            Self::Text(text) => Some(text),
        }
    }
}

pub(super) fn float(value: f64) -> Result<Value, String> {
    // Go writes the shortest digits that tell the float, and zeros behind them; Kubernetes reads
    // that text as an integer if it fits. Rust's Display writes the same.
    if value.abs() < 1e21
        && let Ok(integer) = value.to_string().parse::<i64>()
    {
        return Ok(Value::from(integer));
    }
    match Number::from_f64(value) {
        Some(number) => Ok(Value::Number(number)),
        None => Err("JSON has no infinity and no not-a-number".into()),
    }
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 32)`.
fn go_float(value: f64) -> String {
    let value = value as f32;
    if value.is_nan() {
        return ".nan".into();
    }
    if value.is_infinite() {
        return if value > 0.0 {
            ".inf".into()
        } else {
            "-.inf".into()
        };
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    // With the shortest digits, %g has an exponent from 6 on.
    if !(-4..6).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    value.to_string()
}

/// Resolves a scalar that is plain or has a tag. `tag` in its short form (`!!int`), empty for none.
pub(super) fn resolve(tag: &str, text: &str) -> Result<Scalar, String> {
    match tag {
        "" | "!!bool" | "!!int" | "!!float" | "!!null" | "!!timestamp" => {}
        "!!binary" => return binary(text),
        // Any other tag leaves the text as it is.
        _ => return Ok(Scalar::Text(text.to_owned())),
    }
    let (found, scalar) = implicit(tag, text);
    match (tag, scalar) {
        ("", scalar) => Ok(scalar),
        ("!!float", Scalar::Int(value)) => Ok(Scalar::Float(value as f64)),
        (wanted, scalar) if wanted == found => Ok(scalar),
        (wanted, _) => Err(format!("a {found} value cannot be read as {wanted}")),
    }
}

fn binary(text: &str) -> Result<Scalar, String> {
    use base64::Engine as _;
    // Go's decoder passes over line breaks, and nothing else.
    let joined: String = text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect();
    match base64::engine::general_purpose::STANDARD.decode(joined) {
        Ok(bytes) => Ok(Scalar::Text(String::from_utf8_lossy(&bytes).into_owned())),
        Err(_) => Err("the !!binary value is not base64".into()),
    }
}

fn implicit(tag: &str, text: &str) -> (&'static str, Scalar) {
    let plain_text = || ("!!str", Scalar::Text(text.to_owned()));
    let Some(first) = text.bytes().next() else {
        return ("!!null", Scalar::Null);
    };
    match first {
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' | b'~' => {
            word(text).unwrap_or_else(plain_text)
        }
        b'.' => match word(text) {
            Some(found) => found,
            None => match underscores_removed(text).and_then(|text| go_parse_float(&text)) {
                Some(value) => ("!!float", Scalar::Float(value)),
                None => plain_text(),
            },
        },
        b'+' | b'-' | b'0'..=b'9' => {
            if let Some(found) = word(text) {
                return found;
            }
            if matches!(tag, "" | "!!timestamp") && is_timestamp(text) {
                return ("!!timestamp", Scalar::Text(text.to_owned()));
            }
            number(&text.replace('_', "")).unwrap_or_else(plain_text)
        }
        _ => plain_text(),
    }
}

fn word(text: &str) -> Option<(&'static str, Scalar)> {
    Some(match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            ("!!bool", Scalar::Bool(true))
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            ("!!bool", Scalar::Bool(false))
        }
        "~" | "null" | "Null" | "NULL" => ("!!null", Scalar::Null),
        ".nan" | ".NaN" | ".NAN" => ("!!float", Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => {
            ("!!float", Scalar::Float(f64::INFINITY))
        }
        "-.inf" | "-.Inf" | "-.INF" => ("!!float", Scalar::Float(f64::NEG_INFINITY)),
        _ => return None,
    })
}

fn number(plain: &str) -> Option<(&'static str, Scalar)> {
    let (negative, unsigned) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, plain),
    };
    if let Some(magnitude) = magnitude(unsigned) {
        let signed = plain.starts_with('+') || negative;
        if negative && magnitude <= 1 << 63 {
            return Some(("!!int", Scalar::Int((magnitude as i64).wrapping_neg())));
        }
        if !negative && let Ok(value) = i64::try_from(magnitude) {
            return Some(("!!int", Scalar::Int(value)));
        }
        // Go's ParseUint takes no sign.
        if !signed {
            return Some(("!!int", Scalar::Uint(magnitude)));
        }
    }
    if is_yaml_float(plain) {
        return go_parse_float(plain).map(|value| ("!!float", Scalar::Float(value)));
    }
    // `0b` is read a second time without its prefix, which takes a sign behind it.
    let behind = plain.strip_prefix("0b").map(|rest| (rest, false));
    let behind = behind.or_else(|| plain.strip_prefix("-0b").map(|rest| (rest, true)));
    let (digits, negative) = behind?;
    let value = i64::from_str_radix(digits, 2)
        .ok()
        .filter(|_| !negative || !digits.starts_with(['-', '+']))?;
    Some((
        "!!int",
        Scalar::Int(if negative {
            value.wrapping_neg()
        } else {
            value
        }),
    ))
}

/// Digits with Go's prefixes: `0x`, `0o`, `0b`, and `0` for octal.
fn magnitude(text: &str) -> Option<u64> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', b'o' | b'O', ..] => (&text[2..], 8),
        [b'0', b'b' | b'B', ..] => (&text[2..], 2),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(digits, radix).ok()
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        None => digits(mantissa),
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
    };
    let exponent_fits = exponent
        .is_none_or(|exponent| digits(exponent.strip_prefix(['-', '+']).unwrap_or(exponent)));
    mantissa_fits && exponent_fits
}

/// Go's ParseFloat takes underscores between digits, and nowhere else.
fn underscores_removed(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    let mut underscores = text.match_indices('_').map(|(at, _)| at);
    underscores
        .all(|at| digit(at.checked_sub(1)) && digit(Some(at + 1)))
        .then(|| text.replace('_', ""))
}

/// Out of range is no float for Go.
fn go_parse_float(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

/// `YYYY-…`: a timestamp or not, it stays the text that it is, for no number has a `-` there.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() > 4 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-'
}
