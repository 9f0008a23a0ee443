//! Numbers in patterns.

/// Of a character.
pub fn hexadecimal(digits: &str) -> Option<u32> {
    if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return None;
    }
    let code = u32::from_str_radix(digits.trim_start_matches('0'), 16);
    let zero = digits.bytes().all(|it| it == b'0');
    match code {
        _ if zero => Some(0),
        Ok(code) if code <= u32::from(char::MAX) => Some(code),
        _ => None,
    }
}

/// After `{`: from, to, and what comes after it. What is too much is told as such later.
pub fn interval(text: &str) -> Option<(u32, Option<u32>, &str)> {
    let (inside, rest) = text.split_once('}')?;
    let number = |digits: &str| {
        let plain = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        let leading = digits.len() > 1 && digits.starts_with('0');
        (plain && !leading).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    match inside.split_once(',') {
        None => number(inside).map(|it| (it, Some(it), rest)),
        Some((least, "")) => Some((number(least)?, None, rest)),
        Some((least, most)) => Some((number(least)?, Some(number(most)?), rest)),
    }
}
