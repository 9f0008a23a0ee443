//! Durations and timestamps, as Go and RFC 3339 write them.

use crate::functions::conversion;
use crate::value::{Fault, Outcome, Value};

pub const SECOND: i64 = 1_000_000_000;
const DAY: i128 = 86_400;
/// The first instant of the year 1 and the last of 9999, in seconds since 1970.
const YEARS: std::ops::RangeInclusive<i128> = -62_135_596_800..=253_402_300_799;

const UNITS: [(&str, i64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", SECOND),
    ("m", 60 * SECOND),
    ("h", 3_600 * SECOND),
];

/// `1h30m`, `-1.5s`, `0`.
pub fn duration(text: &str) -> Outcome {
    let wrong = || conversion("string", "google.protobuf.Duration");
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Value::Duration(0));
    }
    let mut sum = 0i128;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|it: char| !it.is_ascii_digit() && it != '.')
            .ok_or_else(wrong)?;
        let (number, unit) = rest.split_at(end);
        let end = unit
            .find(|it: char| it.is_ascii_digit() || it == '.')
            .unwrap_or(unit.len());
        let (unit, after) = unit.split_at(end);
        let unit = UNITS.iter().find(|(name, _)| *name == unit);
        let unit = i128::from(unit.ok_or_else(wrong)?.1);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() > 18 || fraction.len() > 18 || (whole.is_empty() && fraction.is_empty()) {
            return Err(wrong());
        }
        let digits = |text: &str| match text {
            "" => Ok(0),
            text => text.parse::<i128>().map_err(|_| wrong()),
        };
        let fraction = digits(fraction)? * unit / 10i128.pow(fraction.len() as u32);
        sum += digits(whole)? * unit + fraction;
        rest = after;
    }
    i64::try_from(sign * sum)
        .map(Value::Duration)
        .map_err(|_| wrong())
}

/// RFC 3339.
pub fn timestamp(text: &str) -> Outcome {
    let wrong = || conversion("string", "google.protobuf.Timestamp");
    parse(text).map(Value::Timestamp).ok_or_else(wrong)
}

fn parse(text: &str) -> Option<i128> {
    let number = |from: usize, to: usize| -> Option<i128> {
        let digits = text.get(from..to)?;
        digits
            .bytes()
            .all(|it| it.is_ascii_digit())
            .then(|| digits.parse().ok())?
    };
    let mark = |at: usize, byte: u8| (text.as_bytes().get(at) == Some(&byte)).then_some(());
    let day = date(text.get(..10)?)?;
    mark(10, b'T')?;
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    mark(13, b':')?;
    mark(16, b':')?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let end = fraction.find(|it: char| !it.is_ascii_digit())?;
        if end == 0 {
            return None;
        }
        let digits: String = fraction[..end]
            .chars()
            .chain(std::iter::repeat('0'))
            .take(9)
            .collect();
        nanos = digits.parse().ok()?;
        rest = &fraction[end..];
    }
    let seconds = day * DAY + hour * 3_600 + minute * 60 + second - offset(rest)?;
    let nanos: i128 = nanos;
    YEARS
        .contains(&seconds)
        .then_some(seconds * i128::from(SECOND) + nanos)
}

/// Seconds east of UTC: `Z`, `+02:00`.
fn offset(zone: &str) -> Option<i128> {
    if zone == "Z" {
        return Some(0);
    }
    let sign = match zone.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let two = |text: &str, most: i128| {
        let number: i128 = (text.len() == 2).then(|| text.parse().ok())??;
        (0..=most).contains(&number).then_some(number)
    };
    Some(sign * (two(hours, 23)? * 3_600 + two(minutes, 59)? * 60))
}

/// Days since 1970 of `2024-02-29`.
pub fn date(text: &str) -> Option<i128> {
    let mut parts = text.split('-');
    let mut part = |length: usize| {
        let digits = parts.next()?;
        let fine = digits.len() == length && digits.bytes().all(|it| it.is_ascii_digit());
        fine.then(|| digits.parse::<i128>().ok())?
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    let since = days(year, month, day);
    (civil(since) == (year, month, day)).then_some(since)
}

// Howard Hinnant's calendar: years begin in March, so that the leap day is the last.
fn days(year: i128, month: i128, day: i128) -> i128 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    year.div_euclid(400) * 146_097 + of_era - 719_468
}

fn civil(since: i128) -> (i128, i128, i128) {
    let since = since + 719_468;
    let of_era = since.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + since.div_euclid(146_097) * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// As `string()` writes it.
pub fn text(value: &Value) -> String {
    let fraction = |nanos: i128| match nanos {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    let second = i128::from(SECOND);
    match value {
        Value::Duration(nanos) => {
            let (sign, nanos) = (if *nanos < 0 { "-" } else { "" }, i128::from(*nanos).abs());
            format!("{sign}{}{}s", nanos / second, fraction(nanos % second))
        }
        Value::Timestamp(nanos) => {
            let (seconds, nanos) = (nanos.div_euclid(second), nanos.rem_euclid(second));
            let (year, month, day) = civil(seconds.div_euclid(DAY));
            let of_day = seconds.rem_euclid(DAY);
            let (hour, minute, of_minute) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
            format!(
                "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{of_minute:02}{}Z",
                fraction(nanos)
            )
        }
        _ => String::new(),
    }
}

/// Sums that stay within CEL's years.
pub fn moved(timestamp: i128, by: i128) -> Outcome {
    let moved = timestamp + by;
    match YEARS.contains(&moved.div_euclid(i128::from(SECOND))) {
        true => Ok(Value::Timestamp(moved)),
        false => Err(Fault::new("timestamp overflow")),
    }
}

/// `getHours` and its like, of a timestamp in a zone or of a duration.
pub fn part(name: &str, value: &Value, zone: Option<&str>) -> Outcome {
    let whole = match (value, name) {
        (Value::Duration(nanos), "getHours") => nanos / (3_600 * SECOND),
        (Value::Duration(nanos), "getMinutes") => nanos / (60 * SECOND),
        (Value::Duration(nanos), "getSeconds") => nanos / SECOND,
        (Value::Duration(nanos), "getMilliseconds") => nanos / 1_000_000,
        (Value::Timestamp(nanos), _) => of_timestamp(name, *nanos, zone)?,
        _ => return Err(Fault::overload()),
    };
    Ok(Value::Int(whole))
}

fn of_timestamp(name: &str, nanos: i128, zone: Option<&str>) -> Result<i64, Fault> {
    let shift = match zone {
        None | Some("UTC" | "Z" | "") => 0,
        Some(zone) => {
            let signed = match zone.starts_with(['+', '-']) {
                true => zone.to_owned(),
                false => format!("+{zone}"),
            };
            offset(&signed).ok_or_else(|| {
                Fault::unknown(format!("no rules of the time zone {zone:?} are at hand"))
            })?
        }
    };
    let nanos = nanos + shift * i128::from(SECOND);
    let seconds = nanos.div_euclid(i128::from(SECOND));
    let (since, of_day) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(since);
    let number = match name {
        "getFullYear" => year,
        "getMonth" => month - 1,
        "getDate" => day,
        "getDayOfMonth" => day - 1,
        "getDayOfYear" => since - days(year, 1, 1),
        // The first of January 1970 was a Thursday.
        "getDayOfWeek" => (since + 4).rem_euclid(7),
        "getHours" => of_day / 3_600,
        "getMinutes" => of_day / 60 % 60,
        "getSeconds" => of_day % 60,
        "getMilliseconds" => nanos.rem_euclid(i128::from(SECOND)) / 1_000_000,
        _ => return Err(Fault::overload()),
    };
    i64::try_from(number).map_err(|_| Fault::overload())
}
