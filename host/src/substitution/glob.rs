//! Patterns of `${name#pattern}` and its like: Go's `path.Match`, but that `*` takes slashes as
//! well, and with its ways kept. Bytes, not characters: a pattern is tried on every length.

use super::{Fault, Work};

/// The pattern is none, which leaves the text as it is.
struct Malformed;

type Matched<T> = Result<Result<T, Malformed>, Fault>;

/// Bytes of the shortest beginning of a text that a pattern matches, or of the longest; nothing if
/// it matches none.
pub(super) fn prefix(
    pattern: &[u8],
    text: &[u8],
    longest: bool,
    work: &mut Work,
) -> Result<usize, Fault> {
    let mut found = 0;
    for length in (1..=text.len()).rev() {
        match matches(pattern, &text[..length], work)? {
            Err(Malformed) => return Ok(0),
            Ok(false) => {}
            Ok(true) if longest => return Ok(length),
            Ok(true) => found = length,
        }
    }
    Ok(found)
}

fn matches(mut pattern: &[u8], mut name: &[u8], work: &mut Work) -> Matched<bool> {
    'pattern: while !pattern.is_empty() {
        let (star, chunk, rest) = chunk(pattern);
        work.spend(1 + chunk.len())?;
        pattern = rest;
        if star && chunk.is_empty() {
            return Ok(Ok(true));
        }
        let left = match begins(chunk, name, work)? {
            Err(bad) => return Ok(Err(bad)),
            Ok(left) => left,
        };
        if let Some(left) = left.filter(|it| it.is_empty() || !pattern.is_empty()) {
            name = left;
            continue;
        }
        if star {
            for from in 1..=name.len() {
                let left = match begins(chunk, &name[from..], work)? {
                    Err(bad) => return Ok(Err(bad)),
                    Ok(left) => left,
                };
                let Some(left) = left else { continue };
                if pattern.is_empty() && !left.is_empty() {
                    continue;
                }
                name = left;
                continue 'pattern;
            }
        }
        return Ok(Ok(false));
    }
    Ok(Ok(name.is_empty()))
}

/// The next part of a pattern without stars, whether a star is before it, and what is left.
fn chunk(pattern: &[u8]) -> (bool, &[u8], &[u8]) {
    let stars = pattern.iter().take_while(|b| **b == b'*').count();
    let pattern = &pattern[stars..];
    let (mut at, mut in_class) = (0, false);
    while at < pattern.len() {
        match pattern[at] {
            b'\\' if at + 1 < pattern.len() => at += 1,
            b'[' => in_class = true,
            b']' => in_class = false,
            b'*' if !in_class => break,
            _ => {}
        }
        at += 1;
    }
    (stars > 0, &pattern[..at], &pattern[at..])
}

/// What is left of a text that begins as a part of a pattern says.
fn begins<'n>(mut chunk: &[u8], mut name: &'n [u8], work: &mut Work) -> Matched<Option<&'n [u8]>> {
    while let Some(first) = chunk.first() {
        work.spend(1)?;
        let Some(byte) = name.first() else {
            return Ok(Ok(None));
        };
        match first {
            b'[' => {
                let (character, width) = decode(name);
                name = &name[width..];
                let found = class(&chunk[1..], character);
                let rest = found.as_ref().map_or(&[][..], |(_, rest)| *rest);
                work.spend(chunk.len() - rest.len())?;
                match found {
                    Err(bad) => return Ok(Err(bad)),
                    Ok((false, _)) => return Ok(Ok(None)),
                    Ok((true, rest)) => chunk = rest,
                }
                continue;
            }
            b'?' => {
                name = &name[decode(name).1..];
                chunk = &chunk[1..];
                continue;
            }
            b'\\' => chunk = &chunk[1..],
            _ => {}
        }
        match chunk.first() {
            None => return Ok(Err(Malformed)),
            Some(wanted) if wanted != byte => return Ok(Ok(None)),
            Some(_) => (name, chunk) = (&name[1..], &chunk[1..]),
        }
    }
    Ok(Ok(Some(name)))
}

/// Whether a class `[a-z]` has a character, and what is behind it.
fn class(mut chunk: &[u8], character: u32) -> Result<(bool, &[u8]), Malformed> {
    let negated = chunk.first() == Some(&b'^');
    if negated {
        chunk = &chunk[1..];
    }
    let (mut found, mut ranges) = (false, 0);
    loop {
        if ranges > 0 && chunk.first() == Some(&b']') {
            return Ok((found != negated, &chunk[1..]));
        }
        let (low, rest) = member(chunk)?;
        let (high, rest) = match rest.first() {
            Some(b'-') => member(&rest[1..])?,
            _ => (low, rest),
        };
        chunk = rest;
        found |= (low..=high).contains(&character);
        ranges += 1;
    }
}

fn member(chunk: &[u8]) -> Result<(u32, &[u8]), Malformed> {
    let chunk = match chunk.first() {
        None | Some(b'-' | b']') => return Err(Malformed),
        Some(b'\\') => &chunk[1..],
        Some(_) => chunk,
    };
    if chunk.is_empty() {
        return Err(Malformed);
    }
    let (character, width) = decode(chunk);
    let rest = &chunk[width..];
    let broken = width == 1 && character == u32::from(char::REPLACEMENT_CHARACTER);
    match broken || rest.is_empty() {
        true => Err(Malformed),
        false => Ok((character, rest)),
    }
}

/// The first character of a text that may be cut anywhere, and its bytes.
fn decode(bytes: &[u8]) -> (u32, usize) {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default(),
    };
    match valid.chars().next() {
        Some(character) => (character.into(), character.len_utf8()),
        None => (char::REPLACEMENT_CHARACTER.into(), 1),
    }
}
