//! Semantic versions.

use std::rc::Rc;

use semver::Version;

use crate::value::{Fault, Outcome, Value};

pub fn call(name: &str, arguments: &[Value]) -> Option<Outcome> {
    use Value::{Bool, Int, Semver, String};
    Some(match (name, arguments) {
        ("semver", [String(text)]) => read(text, false).map(|it| Semver(Rc::new(it))),
        ("semver", [String(text), Bool(lax)]) => read(text, *lax).map(|it| Semver(Rc::new(it))),
        ("isSemver", [String(text)]) => Ok(Bool(read(text, false).is_ok())),
        ("isSemver", [String(text), Bool(lax)]) => Ok(Bool(read(text, *lax).is_ok())),
        ("major", [Semver(it)]) => Ok(Int(it.major as i64)),
        ("minor", [Semver(it)]) => Ok(Int(it.minor as i64)),
        ("patch", [Semver(it)]) => Ok(Int(it.patch as i64)),
        ("isGreaterThan", [Semver(it), Semver(other)]) => {
            Ok(Bool(it.cmp_precedence(other).is_gt()))
        }
        ("isLessThan", [Semver(it), Semver(other)]) => Ok(Bool(it.cmp_precedence(other).is_lt())),
        ("compareTo", [Semver(it), Semver(other)]) => {
            Ok(Int(i64::from(it.cmp_precedence(other) as i8)))
        }
        _ => return None,
    })
}

/// Laxly, a `v`, leading zeros, and missing numbers are put right.
fn read(text: &str, lax: bool) -> Result<Version, Fault> {
    let text = if lax { normal(text) } else { text.to_owned() };
    if text.split('.').count() < 3 {
        return Err(Fault::new("No Major.Minor.Patch elements found"));
    }
    Version::parse(&text).map_err(|error| Fault::new(format!("{text:?} is no semver: {error}")))
}

fn normal(text: &str) -> String {
    let text = text.strip_prefix('v').unwrap_or(text);
    let zeros = |part: &str| {
        let left = part.trim_start_matches('0');
        match part.len() > 1 && left.len() < part.len() {
            true if !left.starts_with(|it: char| it.is_ascii_digit()) => format!("0{left}"),
            true => left.to_owned(),
            false => part.to_owned(),
        }
    };
    let mut parts: Vec<String> = text.splitn(3, '.').map(zeros).collect();
    // What follows a missing number, `1.2-rc`, is no form that is put right.
    let whole = !parts.last().is_some_and(|it| it.contains(['+', '-']));
    while parts.len() < 3 && whole {
        parts.push("0".into());
    }
    parts.join(".")
}
