//! What is done with a variable's value: as the functions of Flux's envsubst do it.

use super::expand::TEXT;
use super::template::Expression;
use super::{Fault, Work, glob};

/// What an operation makes of a value. Lengths and positions are in bytes, as there.
pub(super) fn applied(
    expression: &Expression,
    value: &str,
    arguments: &[String],
    work: &mut Work,
) -> Result<String, Fault> {
    // Each operation looks through all of them.
    let arguments_length: usize = arguments.iter().map(String::len).sum();
    work.spend(1 + value.len() + arguments_length)?;
    let first = arguments.first().map(String::as_str);
    let second = arguments.get(1).map(String::as_str);
    Ok(match (expression.operation.as_str(), first) {
        (",", _) => first_character(value, lower),
        ("^", _) => first_character(value, upper),
        (",,", _) => value.chars().map(lower).collect(),
        ("^^", _) => value.chars().map(upper).collect(),
        ("#", None) => value.len().to_string(),
        (":", Some(position)) => part(value, position, second)?,
        ("#", Some(pattern)) => without_beginning(value, pattern, false, work)?,
        ("##", Some(pattern)) => without_beginning(value, pattern, true, work)?,
        ("%", Some(pattern)) => without_end(value, pattern, false, work)?,
        ("%%", Some(pattern)) => without_end(value, pattern, true, work)?,
        ("/", Some(from)) => replaced(value, from, second.unwrap_or_default(), 1)?,
        ("//", Some(from)) => replaced(value, from, second.unwrap_or_default(), usize::MAX)?,
        ("/#", Some(from)) => match (second, value.strip_prefix(from)) {
            (Some(to), Some(rest)) => format!("{to}{rest}"),
            _ => value.to_owned(),
        },
        ("/%", Some(from)) => match (second, value.strip_suffix(from)) {
            (Some(to), Some(rest)) => format!("{rest}{to}"),
            _ => value.to_owned(),
        },
        // All that have a default mean the same there.
        _ if value.is_empty() => arguments.concat(),
        _ => value.to_owned(),
    })
}

/// One character for one, as Go's `unicode` has it.
fn upper(character: char) -> char {
    let mut all = character.to_uppercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

fn lower(character: char) -> char {
    let mut all = character.to_lowercase();
    match (all.next(), all.next()) {
        (Some(one), None) => one,
        // The only one with two.
        _ if character == 'İ' => 'i',
        _ => character,
    }
}

fn first_character(value: &str, of: fn(char) -> char) -> String {
    let mut characters = value.chars();
    match characters.next() {
        Some(first) => format!("{}{}", of(first), characters.as_str()),
        None => String::new(),
    }
}

/// A position or a length that is no number leaves the value as it is.
fn part(value: &str, position: &str, length: Option<&str>) -> Result<String, Fault> {
    let whole = i64::try_from(value.len()).unwrap_or(i64::MAX);
    let Ok(position) = position.parse::<i64>() else {
        return Ok(value.to_owned());
    };
    let from = match position < 0 {
        true => whole.saturating_add(position).max(0),
        false => position,
    };
    let to = match length.map(str::parse::<i64>) {
        None => whole,
        Some(Err(_)) => return Ok(value.to_owned()),
        Some(Ok(length)) if length < 0 => whole.saturating_add(length),
        Some(Ok(length)) => from.saturating_add(length).min(whole),
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.filter(|(from, to)| from < to) {
        None => Ok(String::new()),
        Some((from, to)) => value.get(from..to).map(str::to_owned).ok_or(Fault::Cut),
    }
}

fn replaced(value: &str, from: &str, to: &str, times: usize) -> Result<String, Fault> {
    // Before it is made: each character may become a megabyte.
    let count = value.matches(from).take(times).count();
    let length = count
        .checked_mul(to.len())
        .and_then(|more| more.checked_add(value.len()))
        .and_then(|all| all.checked_sub(count * from.len()));
    match length {
        Some(length) if length <= TEXT => Ok(value.replacen(from, to, times)),
        _ => Err(Fault::TooLong),
    }
}

fn without_beginning(
    value: &str,
    pattern: &str,
    longest: bool,
    work: &mut Work,
) -> Result<String, Fault> {
    let cut = glob::prefix(pattern.as_bytes(), value.as_bytes(), longest, work)?;
    value.get(cut..).map(str::to_owned).ok_or(Fault::Cut)
}

/// Both are turned round, which makes of a pattern what it makes of it there.
fn without_end(
    value: &str,
    pattern: &str,
    longest: bool,
    work: &mut Work,
) -> Result<String, Fault> {
    let reversed = |text: &str| text.chars().rev().collect::<String>();
    let (value, pattern) = (reversed(value), reversed(pattern));
    Ok(reversed(&without_beginning(
        &value, &pattern, longest, work,
    )?))
}
