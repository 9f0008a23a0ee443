//! Quantities, as `resources:` has them: numbers with a suffix, exact to the nano.

use std::cmp::Ordering;
use std::rc::Rc;

use crate::value::{Fault, Outcome, Value};

const NANO: i128 = 1_000_000_000;
/// The largest that Kubernetes keeps of those with a binary suffix.
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

/// Why a text is no quantity here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    Unreadable,
    /// Kubernetes counts with numbers of any length.
    TooLong,
}

impl Quantity {
    /// # Errors
    /// It is none, or one that is too long for here.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
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
            return Err(Wrong::Unreadable);
        }
        let (suffixes, factor, exponent) = factor(suffix).ok_or(Wrong::Unreadable)?;
        let nanos = scaled(whole, fraction, exponent, factor).ok_or(Wrong::TooLong)?;
        let capped = suffixes == Suffixes::Binary && nanos > MOST;
        let nanos = if capped { MOST } else { nanos };
        Ok(Self {
            nanos: if negative { -nanos } else { nanos },
            whole: fraction.is_empty() && exponent >= 0 && !capped,
            suffixes,
        })
    }

    fn integer(&self) -> Option<i64> {
        let fits = self.whole && self.nanos % NANO == 0;
        fits.then(|| i64::try_from(self.nanos / NANO).ok())?
    }

    fn plus(&self, other: &Self, sign: i128) -> Outcome {
        let other_nanos = sign.checked_mul(other.nanos);
        let nanos = other_nanos.and_then(|it| self.nanos.checked_add(it));
        Ok(Value::Quantity(Rc::new(Self {
            nanos: nanos.ok_or_else(|| fault(Wrong::TooLong, "a sum"))?,
            whole: self.whole && other.whole,
            suffixes: self.suffixes,
        })))
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
fn factor(suffix: &str) -> Option<(Suffixes, i128, i64)> {
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
            let exponent: i64 = exponent.parse().ok()?;
            Some((Suffixes::Exponent, 1, exponent))
        }
    }
}

/// Nanos of a number times a power of ten and a factor; what is less than one is rounded up. None
/// if it is too long.
fn scaled(whole: &str, fraction: &str, exponent: i64, factor: i128) -> Option<i128> {
    // Zeros at the end are no digits to count with: however many there are, they change nothing.
    let digits = [whole, fraction].concat();
    let significant = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len() - significant.len()).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let mut number = 0i128;
    for digit in significant.bytes() {
        number = number
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    if number == 0 {
        return Some(0);
    }
    number = number.checked_mul(factor)?;
    let exponent = exponent.checked_add(zeros)?.checked_sub(places)?;
    let exponent = exponent.checked_add(9)?;
    let power = u32::try_from(exponent.unsigned_abs()).ok();
    let power = power.and_then(|by| 10i128.checked_pow(by));
    match (exponent < 0, power) {
        (false, power) => number.checked_mul(power?),
        (true, Some(by)) => Some(number / by + i128::from(number % by != 0)),
        (true, None) => Some(1),
    }
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
            .map_err(|wrong| fault(wrong, text)),
        ("isQuantity", [String(text)]) => Ok(Bool(Quantity::parse(text) != Err(Wrong::Unreadable))),
        ("sign", [Of(it)]) => Ok(Int(it.nanos.signum() as i64)),
        ("isInteger", [Of(it)]) => Ok(Bool(it.integer().is_some())),
        ("asInteger", [Of(it)]) => it
            .integer()
            .map(Int)
            .ok_or_else(|| Fault::new("cannot convert value to integer")),
        ("asApproximateFloat", [Of(it)]) => Ok(Value::Double(it.nanos as f64 / NANO as f64)),
        ("add", [Of(it), Of(other)]) => it.plus(other, 1),
        ("add", [Of(it), Int(other)]) => it.plus(&of_int(other), 1),
        ("sub", [Of(it), Of(other)]) => it.plus(other, -1),
        ("sub", [Of(it), Int(other)]) => it.plus(&of_int(other), -1),
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

fn fault(wrong: Wrong, text: &str) -> Fault {
    if wrong == Wrong::TooLong {
        return Fault::unknown(format!("the quantity {text} has too many digits for here"));
    }
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
            let read = Quantity::parse(wrong).map(|it| it.nanos);
            assert_eq!(read, Err(Wrong::Unreadable), "{wrong}");
        }
    }

    #[test]
    fn no_digit_is_lost() {
        let zeros = |count: usize, suffix: &str| format!("100.{}{suffix}", "0".repeat(count));
        for (text, canonical) in [
            (zeros(28, "Gi"), "100Gi"),
            (zeros(38, "Gi"), "100Gi"),
            (zeros(3_000, "G"), "100G"),
            (format!("{}7Gi", "0".repeat(100)), "7Gi"),
            ("0e999999".into(), "0"),
            ("1e-99999999999".into(), "1e-9"),
            ("20E".into(), "20E"),
            ("16Ei".into(), "9223372036854775807"),
        ] {
            let read = Quantity::parse(&text).map(|it| it.canonical());
            assert_eq!(read.as_deref(), Ok(canonical), "{text}");
        }
        for long in [
            "1e30".to_owned(),
            "1e99999999999".into(),
            format!("1{}1Gi", "0".repeat(40)),
            "99999999999999999999Ei".into(),
        ] {
            let read = Quantity::parse(&long).map(|it| it.canonical());
            assert_eq!(read, Err(Wrong::TooLong), "{long}");
            let asked = call("quantity", &[Value::text(&long)]);
            assert!(
                asked.is_some_and(|it| it.is_err_and(|it| it.unknown)),
                "{long}"
            );
        }
    }
}
