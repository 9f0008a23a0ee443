//! Formats of strings, as the API server knows them (k8s.io/kube-openapi, pkg/validation/strfmt).
//! A format that it does not know says nothing, and so do `password`, `isbn` and `creditcard` here.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::pattern;
use crate::quantity::is_quantity;

/// What is wrong with a text, to follow "…: "; none if it is of the format, or the format says nothing.
pub fn fault(format: &str, text: &str, minor: u32) -> Option<&'static str> {
    let (valid, words) = match format.replace('-', "").as_str() {
        "datetime" => (
            is_date_time(&text.to_ascii_uppercase()),
            "it is no date and time of RFC 3339, as 2026-01-31T08:00:00Z",
        ),
        "date" => (is_date(text), "it is no date, as 2026-01-31"),
        "duration" => (is_duration(text), "it is no duration, as 1h30m"),
        "byte" => (is_base64(text), "it is not base64"),
        "ipv4" => (is_ipv4(text), "it is no IPv4 address"),
        "ipv6" => (text.parse::<Ipv6Addr>().is_ok(), "it is no IPv6 address"),
        "cidr" => (is_cidr(text), "it is no CIDR, as 10.0.0.0/8"),
        "mac" => (is_mac(text), "it is no MAC address"),
        "uuid" | "uuid3" | "uuid4" | "uuid5" => (is_uuid(text, format), "it is no such UUID"),
        "hostname" => (is_hostname(text), "it is no host name"),
        "email" => (is_email(text), "it is no e-mail address"),
        "uri" => (is_request_uri(text), "it is no absolute URI or path"),
        "bsonobjectid" => (
            text.len() == 24 && text.bytes().all(|it| it.is_ascii_hexdigit()),
            "it is not 24 hexadecimal digits",
        ),
        "hexcolor" => (
            matches(r"^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$", text),
            "it is no colour, as #1f2d3d",
        ),
        "rgbcolor" => (is_rgb(text), "it is no colour, as rgb(31,45,61)"),
        "ssn" => (
            matches(r"^\d{3}[- ]?\d{2}[- ]?\d{4}$", text),
            "it is no social security number",
        ),
        "k8sshortname" if minor >= 34 => (
            is_label(text),
            "it is no name of lower case letters, digits and dashes, 63 at most",
        ),
        "k8slongname" if minor >= 34 => (
            text.len() <= 253 && text.split('.').all(is_long_label),
            "it is no name of lower case letters, digits and dashes, in parts joined by dots",
        ),
        _ => return None,
    };
    (!valid).then_some(words)
}

/// What only built-in kinds have.
pub fn builtin_fault(format: &str, text: &str) -> Option<&'static str> {
    let (valid, words) = match format {
        "date-time" => (
            is_date_time(text),
            "it is no time of RFC 3339, as 2026-01-31T08:00:00Z",
        ),
        // Go's decoder leaves line breaks out.
        "byte" => (
            is_base64(&text.replace(['\r', '\n'], "")),
            "it is not base64",
        ),
        "quantity" => (is_quantity(text), "it is no quantity, as 500m or 2Gi"),
        _ => return None,
    };
    (!valid).then_some(words)
}

fn matches(pattern: &str, text: &str) -> bool {
    pattern::compile(pattern).is_ok_and(|it| it.is_match(text))
}

fn digits(text: &str, length: usize) -> Option<u32> {
    let plain = text.len() == length && text.bytes().all(|it| it.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [year, month, day] = parts.as_slice() else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return false,
    };
    (1..=days).contains(&day)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_once('T') else {
        return false;
    };
    let (time, zone) = match rest.strip_suffix('Z') {
        Some(time) => (time, None),
        None => match rest.rfind(['+', '-']) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => return false,
        },
    };
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) => (time, Some(fraction)),
        None => (time, None),
    };
    let clock = |text: &str, bounds: &[u32]| {
        let parts: Vec<Option<u32>> = text.split(':').map(|it| digits(it, 2)).collect();
        parts.len() == bounds.len()
            && parts
                .iter()
                .zip(bounds)
                .all(|(part, bound)| part.is_some_and(|it| it <= *bound))
    };
    let all_digits = |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit());
    is_date(date)
        && clock(time, &[23, 59, 59])
        && fraction.is_none_or(all_digits)
        && zone.is_none_or(|it| clock(it, &[24, 60]))
}

/// Of Go's time.ParseDuration, or of numbers with names of units: `2 weeks`.
fn is_duration(text: &str) -> bool {
    let go = r"^[+-]?(0|((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)$";
    let words = r"(?i)\d+\s*(ns|us|µs|ms|s|m|h|hr|d|w|wk|(nano|micro|milli|sec|min|hour|day|week)[a-zµ]*)([^a-zµ]|$)";
    matches(go, text) || matches(words, text)
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    let alphabet = |it: u8| it.is_ascii_alphanumeric() || it == b'+' || it == b'/';
    text.len().is_multiple_of(4) && text.len() - body.len() <= 2 && body.bytes().all(alphabet)
}

/// Numbers with leading noughts are taken, as the server takes them.
fn is_ipv4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |it: &str| digits(it, it.len()).is_some_and(|it| it <= 255);
    let mapped = text.contains('.') && text.parse::<Ipv6Addr>().is_ok();
    text.parse::<Ipv4Addr>().is_ok()
        || (parts.len() == 4 && parts.into_iter().all(number))
        || mapped
}

fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let most = if address.parse::<Ipv6Addr>().is_ok() {
        128
    } else if is_ipv4(address) {
        32
    } else {
        return false;
    };
    digits(length, length.len()).is_some_and(|it| it <= most)
}

fn is_mac(text: &str) -> bool {
    let pairs = r"^[0-9a-fA-F]{2}(([:-])[0-9a-fA-F]{2})+$";
    let fours = r"^[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4})+$";
    let bytes = text.bytes().filter(u8::is_ascii_hexdigit).count() / 2;
    matches!(bytes, 6 | 8 | 20) && (matches(pairs, text) || matches(fours, text))
}

fn is_uuid(text: &str, format: &str) -> bool {
    let hex: Vec<u8> = text.bytes().filter(|it| *it != b'-').collect();
    let plain =
        r"^[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}$";
    if !matches(plain, text) {
        return false;
    }
    let variant = matches!(hex[16].to_ascii_lowercase(), b'8' | b'9' | b'a' | b'b');
    match format {
        "uuid3" => hex[12] == b'3',
        "uuid4" => hex[12] == b'4' && variant,
        "uuid5" => hex[12] == b'5' && variant,
        _ => true,
    }
}

fn is_hostname(text: &str) -> bool {
    let name = r"^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}([a-zA-Z\p{L}]){2,63})$";
    text.len() <= 255 && text.split('.').all(|it| it.len() <= 63) && matches(name, text)
}

/// Only what is surely none is refused: Go's net/mail takes names and comments around an address.
fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.trim_matches(['<', ' ']).is_empty() && !domain.trim_matches(['>', ' ']).is_empty()
    })
}

/// Go's url.ParseRequestURI: a path from the root, or what has a scheme.
fn is_request_uri(text: &str) -> bool {
    let control = text.bytes().any(|it| it < b' ' || it == 0x7f);
    let scheme = matches(r"^[a-zA-Z][a-zA-Z0-9+.-]*:", text);
    !control && (text.starts_with('/') || text == "*" || scheme)
}

fn is_rgb(text: &str) -> bool {
    let inner = text
        .strip_prefix("rgb(")
        .and_then(|it| it.strip_suffix(')'));
    let number = |it: &str| digits(it.trim(), it.trim().len()).is_some_and(|it| it <= 255);
    inner.is_some_and(|it| it.split(',').count() == 3 && it.split(',').all(number))
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_long_label(text)
}

fn is_long_label(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    text.bytes().all(|it| plain(it) || it == b'-')
        && text.bytes().next().is_some_and(plain)
        && text.bytes().next_back().is_some_and(plain)
}
