//! Rego's `sprintf`, which is Go's `fmt.Sprintf` of numbers and texts: what does not fit is said
//! in the text, and nothing fails.

use std::iter::Peekable;
use std::str::Chars;

use regorus::Value;

/// As OPA hands values to Go.
enum Argument {
    Integer(String),
    Float(f64),
    Text(String),
}

impl Argument {
    fn read(value: &Value) -> Self {
        match value {
            // A float beyond what an integer holds is written as one.
            Value::Number(number) => match number.as_i64() {
                Some(integer) => Self::Integer(integer.to_string()),
                None => {
                    // Beyond that, what was written as an integer is one.
                    let written = value.to_string();
                    let digits = written.trim_start_matches('-');
                    match digits.bytes().all(|it| it.is_ascii_digit()) {
                        true => Self::Integer(written),
                        false => Self::Float(written.parse().unwrap_or(f64::NAN)),
                    }
                }
            },
            Value::String(text) => Self::Text(text.to_string()),
            other => Self::Text(rego(other)),
        }
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Integer(digits) if digits.parse::<i64>().is_err() => "*big.Int",
            Self::Integer(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
        }
    }

    fn width(&self) -> Option<usize> {
        match self {
            Self::Integer(digits) => digits.parse().ok().filter(|it| *it <= WIDEST),
            _ => None,
        }
    }

    fn plain(&self) -> String {
        match self {
            Self::Integer(text) | Self::Text(text) => text.clone(),
            Self::Float(number) => general(*number, None),
        }
    }
}

/// Between `%` and the verb.
#[derive(Default)]
struct Flags {
    plus: bool,
    minus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// More would only fill memory.
const WIDEST: usize = 1000;

pub fn sprintf<'v>(format: &str, values: impl Iterator<Item = &'v Value>) -> String {
    let values: Vec<Argument> = values.map(Argument::read).collect();
    let mut told = String::new();
    let mut at = 0;
    let mut reordered = false;
    let mut left = format.chars().peekable();
    while let Some(letter) = left.next() {
        if letter != '%' {
            told.push(letter);
            continue;
        }
        let mut flags = Flags::read(&mut left);
        if left.next_if_eq(&'*').is_some() {
            let width = values.get(at).and_then(Argument::width);
            flags.width = width.unwrap_or_default();
            told.push_str(if width.is_none() { "%!(BADWIDTH)" } else { "" });
            at += 1;
        }
        if left.next_if_eq(&'[').is_some() {
            at = number(&mut left).wrapping_sub(1);
            reordered = true;
            // What is no number is no index either.
            while left.next_if(|it| *it != ']').is_some() {}
            left.next();
        }
        match left.next() {
            None => told.push_str("%!(NOVERB)"),
            Some('%') => told.push('%'),
            Some(verb) => {
                match values.get(at) {
                    None if reordered => told.push_str(&format!("%!{verb}(BADINDEX)")),
                    None => told.push_str(&format!("%!{verb}(MISSING)")),
                    Some(value) => told.push_str(&flags.format(verb, value)),
                }
                at = at.wrapping_add(1);
            }
        }
    }
    if !reordered && at < values.len() {
        let more = values[at..].iter();
        let more: Vec<String> = more
            .map(|it| format!("{}={}", it.kind(), it.plain()))
            .collect();
        told.push_str(&format!("%!(EXTRA {})", more.join(", ")));
    }
    told
}

fn number(left: &mut Peekable<Chars<'_>>) -> usize {
    let mut number = 0_usize;
    while let Some(digit) = left.peek().and_then(|it| it.to_digit(10)) {
        number = (number * 10 + digit as usize).min(WIDEST);
        left.next();
    }
    number
}

impl Flags {
    fn read(left: &mut Peekable<Chars<'_>>) -> Self {
        let mut flags = Self::default();
        while let Some(letter) = left.peek() {
            match letter {
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                '#' => flags.sharp = true,
                ' ' => flags.space = true,
                '0' => flags.zero = true,
                _ => break,
            }
            left.next();
        }
        flags.width = number(left);
        if left.next_if_eq(&'.').is_some() {
            flags.precision = Some(number(left));
        }
        flags
    }

    fn format(&self, verb: char, argument: &Argument) -> String {
        let signed = |text: String| match text.strip_prefix('-') {
            Some(_) => text,
            None if self.plus => format!("+{text}"),
            None if self.space => format!(" {text}"),
            None => text,
        };
        match (verb, argument) {
            ('T', it) => self.padded(it.kind().into(), false),
            ('v' | 'd', Argument::Integer(digits)) => self.padded(signed(digits.clone()), true),
            ('v' | 'g' | 'G', Argument::Float(float)) => {
                let text = general(*float, self.precision);
                self.padded(signed(cased(verb, text)), true)
            }
            ('f' | 'F', Argument::Float(float)) => {
                let places = self.precision.unwrap_or(6);
                self.padded(signed(format!("{float:.places$}")), true)
            }
            ('e' | 'E', Argument::Float(float)) => {
                let text = exponent(format!("{float:.*e}", self.precision.unwrap_or(6)));
                self.padded(signed(cased(verb, text)), true)
            }
            ('v', Argument::Text(text)) if self.sharp => self.padded(quoted(text), false),
            ('v' | 's', Argument::Text(text)) => self.padded(self.cut(text), false),
            ('q', Argument::Text(text)) => self.padded(quoted(&self.cut(text)), false),
            ('x' | 'X', Argument::Text(text)) => {
                let bytes = text.bytes().map(|byte| format!("{byte:02x}"));
                self.padded(cased(verb, bytes.collect()), false)
            }
            ('b' | 'o' | 'O' | 'x' | 'X' | 'c' | 'U' | 'q', Argument::Integer(digits)) => {
                match digits.parse::<i64>() {
                    Ok(integer) => self.padded(signed(self.integer(verb, integer)), verb != 'c'),
                    Err(_) => self.padded(digits.clone(), true),
                }
            }
            _ => format!("%!{verb}({}={})", argument.kind(), argument.plain()),
        }
    }

    fn integer(&self, verb: char, integer: i64) -> String {
        let sign = if integer < 0 { "-" } else { "" };
        let size = integer.unsigned_abs();
        let letter = || {
            let code = u32::try_from(integer).ok();
            code.and_then(char::from_u32).unwrap_or('\u{fffd}')
        };
        match verb {
            'b' => format!("{sign}{size:b}"),
            'o' if self.sharp => format!("{sign}0{size:o}"),
            'o' => format!("{sign}{size:o}"),
            'O' => format!("{sign}0o{size:o}"),
            'x' if self.sharp => format!("{sign}0x{size:x}"),
            'x' => format!("{sign}{size:x}"),
            'X' if self.sharp => format!("{sign}0X{size:X}"),
            'X' => format!("{sign}{size:X}"),
            'c' => letter().to_string(),
            'U' => format!("U+{size:04X}"),
            _ => format!("'{}'", letter()),
        }
    }

    fn cut(&self, text: &str) -> String {
        match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text.to_owned(),
        }
    }

    fn padded(&self, text: String, number: bool) -> String {
        let lacking = self.width.saturating_sub(text.chars().count());
        if lacking == 0 {
            return text;
        }
        let (sign, digits) = match text.strip_prefix(['+', '-']) {
            Some(digits) if number => text.split_at(text.len() - digits.len()),
            _ => ("", text.as_str()),
        };
        match (self.minus, self.zero) {
            (true, _) => format!("{text}{}", " ".repeat(lacking)),
            (false, true) => format!("{sign}{}{digits}", "0".repeat(lacking)),
            (false, false) => format!("{}{text}", " ".repeat(lacking)),
        }
    }
}

fn cased(verb: char, text: String) -> String {
    match verb.is_ascii_uppercase() {
        true => text.to_uppercase(),
        false => text,
    }
}

/// Go's shortest form: an exponent below 1e-4 and from 1e21 on, or beyond the precision.
fn general(float: f64, precision: Option<usize>) -> String {
    let size = float.abs();
    let digits = precision.map(|it| it.max(1));
    let scientific = match digits {
        Some(digits) => format!("{float:.*e}", digits - 1),
        None => format!("{float:e}"),
    };
    let power: i32 = scientific
        .rsplit_once('e')
        .and_then(|(_, power)| power.parse().ok())
        .unwrap_or(0);
    let most = digits.map_or(21, |it| it as i32);
    let text = match size != 0.0 && (power < -4 || power >= most) {
        true => return exponent(without_zeros(&scientific)),
        false => match digits {
            Some(digits) => format!("{float:.*}", (digits as i32 - 1 - power).max(0) as usize),
            None => return format!("{float}"),
        },
    };
    without_zeros(&text)
}

fn without_zeros(text: &str) -> String {
    let (number, power) = match text.find('e') {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let number = match number.contains('.') {
        true => number.trim_end_matches('0').trim_end_matches('.'),
        false => number,
    };
    format!("{number}{power}")
}

/// Go writes a sign and two digits.
fn exponent(text: String) -> String {
    match text.rsplit_once('e') {
        Some((number, power)) => {
            let sign = if power.starts_with('-') { '-' } else { '+' };
            format!("{number}e{sign}{:0>2}", power.trim_start_matches('-'))
        }
        None => text,
    }
}

/// As Go writes a text in quotes.
fn quoted(text: &str) -> String {
    let mut told = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' => told.push_str("\\\""),
            '\\' => told.push_str("\\\\"),
            '\n' => told.push_str("\\n"),
            '\r' => told.push_str("\\r"),
            '\t' => told.push_str("\\t"),
            '\u{7}' => told.push_str("\\a"),
            '\u{8}' => told.push_str("\\b"),
            '\u{b}' => told.push_str("\\v"),
            '\u{c}' => told.push_str("\\f"),
            _ if letter.is_control() && (letter as u32) < 0x80 => {
                told.push_str(&format!("\\x{:02x}", letter as u32));
            }
            _ if letter.is_control() => told.push_str(&format!("\\u{:04x}", letter as u32)),
            _ => told.push(letter),
        }
    }
    told.push('"');
    told
}

/// As OPA writes a value.
fn rego(value: &Value) -> String {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(", ");
    match value {
        Value::String(text) => quoted(text),
        Value::Number(_) => Argument::read(value).plain(),
        Value::Array(items) => format!("[{}]", list(&mut items.iter().map(rego))),
        Value::Set(items) if items.is_empty() => "set()".to_owned(),
        Value::Set(items) => format!("{{{}}}", list(&mut items.iter().map(rego))),
        Value::Object(fields) => {
            let mut fields = fields
                .iter()
                .map(|(name, value)| format!("{}: {}", rego(name), rego(value)));
            format!("{{{}}}", list(&mut fields))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_does_not_fit_is_said_in_the_text_as_go_says_it() {
        let float = 1.5;
        for (format, values, expected) in [
            ("%v is %d", json!(["a", 3]), "a is 3"),
            (
                "%v %s",
                json!([["a", 1], {"b": [true, null]}]),
                "[\"a\", 1] {\"b\": [true, null]}",
            ),
            ("%s", json!([3]), "%!s(int=3)"),
            ("%d", json!(["a"]), "%!d(string=a)"),
            ("%d %d", json!([1]), "1 %!d(MISSING)"),
            (
                "%d",
                json!([1, "a", float]),
                "1%!(EXTRA string=a, float64=1.5)",
            ),
            ("100%", json!([]), "100%!(NOVERB)"),
            ("100%%", json!([]), "100%"),
            (
                "%5.2f|%-5d|%05d|%+d",
                json!([float, 3, -3, 4]),
                " 1.50|3    |-0003|+4",
            ),
            (
                "%q %x %X %t",
                json!(["a\"b", "ab", 255, true]),
                "\"a\\\"b\" 6162 FF %!t(string=true)",
            ),
            (
                "%v %v %g %e",
                json!([1e21, 0.00001, 0.25, 1234.5]),
                "1e+21 1e-05 0.25 1.234500e+03",
            ),
            ("%5s|%-5s|%.2s", json!(["a", "b", "abc"]), "    a|b    |ab"),
            ("%z", json!(["a"]), "%!z(string=a)"),
        ] {
            let values: Vec<Value> = values
                .as_array()
                .expect("a list")
                .iter()
                .map(|it| Value::from(it.clone()))
                .collect();
            assert_eq!(sprintf(format, values.iter()), expected, "{format}");
        }
    }
}
