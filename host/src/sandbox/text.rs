//! Text from guests, made fit to be shown.

pub use crate::manifest::clean;

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
