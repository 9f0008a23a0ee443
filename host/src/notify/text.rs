//! Texts that others wrote, made fit to be shown: commits and rules say what they like.

/// One line: control characters become spaces, and what would turn the direction of writing, or
/// is not to be seen at all, goes (as in Unicode TR 36).
pub(super) fn line(text: &str) -> String {
    let mut made = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}'
            | '\u{ad}'
            | '\u{e0000}'..='\u{e007f}' => {}
            '\u{2028}' | '\u{2029}' => made.push(' '),
            it if it.is_control() => made.push(' '),
            it => made.push(it),
        }
    }
    let words: Vec<&str> = made.split_whitespace().collect();
    words.join(" ")
}

/// At most so many characters, the last of which tells that there were more.
pub(super) fn clipped(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => {
            let kept: String = text.chars().take(limit.saturating_sub(1)).collect();
            format!("{}…", kept.trim_end())
        }
    }
}

/// A name without the address: `Alice <alice@example.org>` is told as Alice.
pub(super) fn name(author: &str) -> String {
    let name = line(author.split('<').next().unwrap_or_default());
    clipped(if name.is_empty() { "somebody" } else { &name }, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_line_that_shows_what_it_says() {
        assert_eq!(line("a\r\nb\x1b[31m\u{202e}c\u{200b}d\te "), "a b [31mcd e");
        assert_eq!(clipped("äöüß", 4), "äöüß");
        assert_eq!(clipped("äöüßx", 4), "äöü…");
        assert_eq!(name("Alice A <alice@example.org>"), "Alice A");
        assert_eq!(name("<x@y>"), "somebody");
    }
}
