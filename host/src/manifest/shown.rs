//! Text of others, made fit to be shown.

use std::borrow::Cow;

/// Without control characters, and of at most `limit` bytes.
pub fn clean(text: &str, limit: usize) -> String {
    let mut clean = String::new();
    for character in text.chars() {
        if clean.len() + character.len_utf8() > limit {
            clean.push('…');
            break;
        }
        match character {
            '\n' | '\t' => clean.push(' '),
            other if obeyed(other) => clean.push('\u{fffd}'),
            other => clean.push(other),
        }
    }
    clean
}

/// An error with its causes, each once: some print them themselves.
pub fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let words = error.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = error.source();
    }
    text
}

/// Without control characters; as it is, mostly.
pub(super) fn shown(text: &str) -> Cow<'_, str> {
    match text.chars().any(obeyed) {
        true => Cow::Owned(clean(text, usize::MAX)),
        false => Cow::Borrowed(text),
    }
}

/// A terminal obeys these, and some turn text around.
fn obeyed(character: char) -> bool {
    character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
