//! Kubernetes quantities, exactly: `100m`, `1Gi`, `1e3`, `1.5`
//! (apimachinery, `pkg/api/resource/quantity.go`).

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, de};
use serde_json::Value;

/// A billionth is the finest that a quantity can say; anything finer is rounded away from zero.
pub const ONE: i128 = 1_000_000_000;
/// Larger ones with a unit of two (`Ei`) are cut to this by Kubernetes.
const MOST: i128 = i64::MAX as i128 * ONE;
/// Kubernetes cuts no others; here they end at a ten-thousandth of what a number can hold.
const LARGEST: i128 = i128::MAX / 10_000;
/// Digits after the point that are read exactly; of the rest it only counts whether there is any.
const FRACTION: usize = 20;

/// In billionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub i128);

impl Amount {
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let digits_end = |text: &str| {
            text.bytes()
                .position(|byte| !byte.is_ascii_digit())
                .unwrap_or(text.len())
        };
        let (whole, rest) = rest.split_at(digits_end(rest));
        let (fraction, suffix) = match rest.strip_prefix('.') {
            Some(rest) => rest.split_at(digits_end(rest)),
            None => ("", rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            // Kubernetes reads `Mi` as 0, which nobody means.
            return None;
        }
        let amount = magnitude(whole, fraction, unit(suffix)?);
        Some(Self(if negative { -amount } else { amount }))
    }

    /// As an object has it: text, or a number.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(text) => Self::parse(text),
            Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// This many times as much, rounded down.
    pub fn times(self, factor: Self) -> Self {
        let product = self.0.checked_mul(factor.0);
        Self(product.map_or(LARGEST, |product| (product / ONE).min(LARGEST)))
    }

    /// How a person would write it: cores or bytes.
    pub fn text(self, resource: &str) -> String {
        let thousandth = ONE / 1000;
        if resource == "cpu" {
            return match self.0 % ONE {
                0 => (self.0 / ONE).to_string(),
                _ => format!("{}m", self.0 / thousandth),
            };
        }
        let bytes = self.0 / ONE;
        let units = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
        let fits = |(_, bits): &&(&str, u32)| bytes != 0 && bytes % (1 << bits) == 0;
        match units.iter().find(fits) {
            Some((unit, bits)) => format!("{}{unit}", bytes >> bits),
            None => bytes.to_string(),
        }
    }
}

enum Unit {
    Ten(i64),
    Two(u32),
}

fn unit(suffix: &str) -> Option<Unit> {
    Some(match suffix {
        "n" => Unit::Ten(-9),
        "u" => Unit::Ten(-6),
        "m" => Unit::Ten(-3),
        "" => Unit::Ten(0),
        "k" => Unit::Ten(3),
        "M" => Unit::Ten(6),
        "G" => Unit::Ten(9),
        "T" => Unit::Ten(12),
        "P" => Unit::Ten(15),
        "E" => Unit::Ten(18),
        "Ki" => Unit::Two(10),
        "Mi" => Unit::Two(20),
        "Gi" => Unit::Two(30),
        "Ti" => Unit::Two(40),
        "Pi" => Unit::Two(50),
        "Ei" => Unit::Two(60),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            Unit::Ten(exponent.into())
        }
    })
}

fn magnitude(whole: &str, fraction: &str, unit: Unit) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    // Only digits come here: what cannot be read is too large.
    let number = |digits: &str| match digits.trim_start_matches('0') {
        "" => Some(0),
        digits => digits.parse::<i128>().ok(),
    };
    let (exact, rest) = fraction.split_at(fraction.len().min(FRACTION));
    let more = i128::from(!rest.is_empty());
    let (amount, most) = match unit {
        Unit::Two(bits) => {
            let whole = number(whole).and_then(|whole| whole.checked_mul(ONE << bits));
            let scale = 10i128.pow(exact.len() as u32);
            let below = number(exact).map(|exact| {
                let scaled = exact << bits;
                scaled / scale * ONE + ceiling(scaled % scale * ONE + more, scale)
            });
            let amount = whole.zip(below);
            let sum = amount.and_then(|(whole, below)| whole.checked_add(below));
            (sum, MOST)
        }
        Unit::Ten(exponent) => {
            let exponent = exponent + 9 - exact.len() as i64;
            let digits = number(&format!("{whole}{exact}"));
            let amount = digits.and_then(|digits| shift(digits, exponent, more));
            (amount, LARGEST)
        }
    };
    amount.map_or(most, |amount| amount.min(most))
}

/// Digits by a power of ten, rounded up; none if it is too large.
fn shift(digits: i128, exponent: i64, more: i128) -> Option<i128> {
    if digits == 0 {
        return Some(more);
    }
    let power = u32::try_from(exponent.unsigned_abs()).unwrap_or(u32::MAX);
    match (10i128.checked_pow(power), exponent < 0) {
        (Some(scale), false) => digits.checked_mul(scale)?.checked_add(more),
        (None, false) => None,
        (Some(scale), true) => Some(ceiling(digits.saturating_add(more), scale)),
        (None, true) => Some(1),
    }
}

fn ceiling(number: i128, by: i128) -> i128 {
    number / by + i128::from(number % by != 0)
}

/// A quantity of the settings, with how it is written there.
#[derive(Clone, Debug)]
pub struct Quantity {
    pub text: String,
    pub amount: Amount,
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let amount = Amount::read(&value).filter(|amount| amount.0 >= 0);
        let amount = amount.ok_or_else(|| {
            de::Error::custom(format!(
                "{text:?} is no quantity (100m, 1.5, 1Gi) of zero or more"
            ))
        })?;
        Ok(Self { text, amount })
    }
}

impl JsonSchema for Quantity {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Quantity".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A quantity as Kubernetes has it: `100m`, `1.5`, `1Gi`",
            "anyOf": [
                {"type": "string", "pattern": "^[+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]+)?$"},
                {"type": "number", "minimum": 0}
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantity_is_what_kubernetes_reads() {
        for (text, billionths) in [
            ("0", 0),
            ("100m", 100_000_000),
            ("1.5", 1_500_000_000),
            ("1.5Gi", 1_610_612_736 * ONE),
            ("0.1Gi", 107_374_182_400_000_000),
            ("1e3", 1000 * ONE),
            ("1E3", 1000 * ONE),
            ("1E", 1_000_000_000_000_000_000 * ONE),
            ("1Ei", (1 << 60) * ONE),
            ("5e-1", 500_000_000),
            (".5", 500_000_000),
            ("5.", 5 * ONE),
            ("+1k", 1000 * ONE),
            ("-1", -ONE),
            ("007", 7 * ONE),
            ("1n", 1),
            ("0.1n", 1),
            ("-0.1n", -1),
            ("1e-99999", 1),
            ("0e99999", 0),
            ("1e99999", LARGEST),
            ("99999999999999999999999999999999999999999999", LARGEST),
            ("9999999999999999999", 9_999_999_999_999_999_999 * ONE),
            ("13E", 13_000_000_000_000_000_000 * ONE),
            ("99999999999999999999999999999999999999999999Ki", MOST),
            ("16Ei", MOST),
            ("1.00000000000000000000001", ONE + 1),
            ("1.0000000000000000000000Ki", 1024 * ONE),
            ("0.00000000000000000000000001Ki", 1),
            ("3.0000000000000000001Ei", 3 * (1 << 60) * ONE + 115_292_151),
        ] {
            assert_eq!(Amount::parse(text), Some(Amount(billionths)), "{text}");
        }
    }

    #[test]
    fn what_kubernetes_refuses_is_no_quantity() {
        for wrong in [
            "",
            "-",
            "+",
            ".",
            "Mi",
            "1.1.M",
            "1+1.0M",
            "0.1mi",
            "0.1am",
            "aoeu",
            ".5i",
            "1i",
            "-3.01i",
            "-3.01e-",
            "1e",
            "1K",
            "1MB",
            "1 Gi",
            " 1",
            "1 ",
            "1,5",
            "1e3k",
            "é",
            "1é",
            "1e99999999999",
        ] {
            assert_eq!(Amount::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_amount_is_written_in_the_largest_unit_that_fits() {
        for (text, resource, expected) in [
            ("1500m", "cpu", "1500m"),
            ("2000m", "cpu", "2"),
            ("1024Mi", "memory", "1Gi"),
            ("1536Mi", "memory", "1536Mi"),
            ("1M", "memory", "1000000"),
            ("0", "memory", "0"),
        ] {
            let amount = Amount::parse(text).expect(text);
            assert_eq!(amount.text(resource), expected, "{text}");
        }
        let large = Amount(LARGEST);
        assert_eq!(large.times(large), large);
    }
}
