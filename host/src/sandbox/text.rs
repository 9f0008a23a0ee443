//! Text from guests, made fit to be shown.

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
            // A terminal obeys these, and some turn text around.
            other
                if other.is_control()
                    || matches!(other, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                clean.push('\u{fffd}');
            }
            other => clean.push(other),
        }
    }
    clean
}

/// Lower case words of letters and digits, joined by `-`.
pub(super) fn is_id(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}
