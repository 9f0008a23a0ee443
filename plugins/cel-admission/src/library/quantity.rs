//! Quantities, as `resources:` has them: numbers with a suffix, exact to the nano.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::value::{Fault, Outcome, Value};

const NANO: i128 = 1_000_000_000;
/// The largest that Kubernetes keeps.
const MOST: i128 = i64::MAX as i128 * NANO;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Suffixes {
    Decimal,
    Exponent,
    Binary,
}

#[derive(Clone, Debug)]
pub struct Quantity {
    nanos: i128,
    /// Whether it was written without a fraction: only such a one is an integer to Kubernetes.
    whole: bool,
    suffixes: Suffixes,
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nanos == other.nanos
    }
}

impl Quantity {
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest
            .find(|it: char| !it.is_ascii_digit() && it != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (suffixes, factor, exponent) = factor(suffix)?;
        let digits: Vec<i128> = whole
            .bytes()
            .chain(fraction.bytes())
            .map(|it| i128::from(it - b'0'))
            .collect();
        let nanos = scaled(&digits, exponent - fraction.len() as i32 + 9, factor);
        Some(Self {
            nanos: if negative { -nanos } else { nanos },
            whole: fraction.is_empty() && exponent >= 0,
            suffixes,
        })
    }

    fn integer(&self) -> Option<i64> {
        let fits = self.whole && self.nanos % NANO == 0;
        fits.then(|| i64::try_from(self.nanos / NANO).ok())?
    }

    fn plus(&self, other: &Self, sign: i128) -> Value {
        let nanos = (self.nanos + sign * other.nanos).clamp(-MOST, MOST);
        Value::Quantity(Rc::new(Self {
            nanos,
            whole: self.whole && other.whole,
            suffixes: self.suffixes,
        }))
    }

    /// As Kubernetes writes it: the largest suffix that leaves no fraction.
    pub fn canonical(&self) -> String {
        if self.nanos == 0 {
            return "0".into();
        }
        if self.suffixes == Suffixes::Binary && self.nanos % NANO == 0 {
            let whole = self.nanos / NANO;
            if whole.abs() >= 1024 {
                let mut left = whole;
                let mut index = 0;
                while left % 1024 == 0 && index < 6 {
                    left /= 1024;
                    index += 1;
                }
                let suffix = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"][index];
                return format!("{left}{suffix}");
            }
        }
        let mut left = self.nanos;
        let mut index = 0;
        while left % 1_000 == 0 && index < 9 {
            left /= 1_000;
            index += 1;
        }
        match self.suffixes {
            Suffixes::Exponent if index != 3 => format!("{left}e{}", index as i32 * 3 - 9),
            Suffixes::Exponent => left.to_string(),
            _ => {
                let suffix = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"][index];
                format!("{left}{suffix}")
            }
        }
    }
}

/// What a suffix multiplies by: a factor, and a power of ten.
fn factor(suffix: &str) -> Option<(Suffixes, i128, i32)> {
    let decimal = |exponent| Some((Suffixes::Decimal, 1, exponent));
    let binary = |power: u32| Some((Suffixes::Binary, 1i128 << (10 * power), 0));
    match suffix {
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "" => decimal(0),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        other => {
            let exponent = other.strip_prefix(['e', 'E'])?;
            let exponent: i32 = exponent.parse().ok()?;
            Some((Suffixes::Exponent, 1, exponent.clamp(-1_000, 1_000)))
        }
    }
}

/// Digits times a power of ten and a factor; what is less than one is rounded up.
fn scaled(digits: &[i128], exponent: i32, factor: i128) -> i128 {
    let mut number = 0i128;
    for digit in digits {
        number = number.saturating_mul(10).saturating_add(*digit);
    }
    number = number.saturating_mul(factor);
    let power = |by: u32| 10i128.checked_pow(by);
    let scaled = match u32::try_from(exponent) {
        Ok(_) if number == 0 => 0,
        Ok(by) => power(by).map_or(i128::MAX, |by| number.saturating_mul(by)),
        Err(_) => match power(exponent.unsigned_abs()) {
            Some(by) => number / by + i128::from(number % by != 0),
            None => i128::from(number != 0),
        },
    };
    scaled.min(MOST)
}

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Bool, Int, Quantity as Of, String};
    let of_int = |number: &i64| Quantity {
        nanos: i128::from(*number) * NANO,
        whole: true,
        suffixes: Suffixes::Exponent,
    };
    Some(match (name, arguments) {
        ("quantity", [String(text)]) => Quantity::parse(text)
            .map(|it| Of(Rc::new(it)))
            .ok_or_else(|| unreadable(text)),
        ("isQuantity", [String(text)]) => Ok(Bool(Quantity::parse(text).is_some())),
        ("sign", [Of(it)]) => Ok(Int(it.nanos.signum() as i64)),
        ("isInteger", [Of(it)]) => Ok(Bool(it.integer().is_some())),
        ("asInteger", [Of(it)]) => it
            .integer()
            .map(Int)
            .ok_or_else(|| Fault::new("cannot convert value to integer")),
        ("asApproximateFloat", [Of(it)]) => Ok(Value::Double(it.nanos as f64 / NANO as f64)),
        ("add", [Of(it), Of(other)]) => Ok(it.plus(other, 1)),
        ("add", [Of(it), Int(other)]) => Ok(it.plus(&of_int(other), 1)),
        ("sub", [Of(it), Of(other)]) => Ok(it.plus(other, -1)),
        ("sub", [Of(it), Int(other)]) => Ok(it.plus(&of_int(other), -1)),
        ("isGreaterThan", [Of(it), Of(other)]) => Ok(Bool(it.nanos > other.nanos)),
        ("isLessThan", [Of(it), Of(other)]) => Ok(Bool(it.nanos < other.nanos)),
        ("compareTo", [Of(it), Of(other)]) => Ok(Int(match it.nanos.cmp(&other.nanos) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        })),
        _ => return None,
    })
}

fn unreadable(text: &str) -> Fault {
    let form = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$";
    let begins = text.trim_start_matches(['+', '-']);
    Fault::new(
        match begins.starts_with(|it: char| it.is_ascii_digit() || it == '.') {
            true => "unable to parse quantity's suffix".to_owned(),
            false => format!("quantities must match the regular expression '{form}'"),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_as_kubernetes_writes_them() {
        for (text, canonical) in [
            ("0.5", "500m"),
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("1.5Gi", "1536Mi"),
            ("1500", "1500"),
            ("2000", "2k"),
            ("1e3", "1e3"),
            ("100Ki", "100Ki"),
            ("512", "512"),
            ("0", "0"),
            ("1n", "1n"),
            ("0.1n", "1n"),
        ] {
            let read = Quantity::parse(text).expect(text);
            assert_eq!(read.canonical(), canonical, "{text}");
        }
        for wrong in ["", "a", "1.2.3", "1 Gi", "1gi", "--1", "1KiB", "."] {
            assert!(Quantity::parse(wrong).is_none(), "{wrong}");
        }
    }
}
