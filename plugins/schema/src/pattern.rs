//! Regular expressions as Go reads them (RE2 syntax), by the crate regex.

use regex::Regex;

/// Compiles a pattern of Go's package regexp. Both are of the same family; what differs is written
/// otherwise: Perl's classes are ASCII in Go, and `[`, `&&`, `~~` and `--` mean themselves in a class.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    Regex::new(&translated(pattern)).map_err(|error| {
        let text = error.to_string();
        text.lines().last().unwrap_or_default().to_owned()
    })
}

fn translated(pattern: &str) -> String {
    let mut text = String::with_capacity(pattern.len() + 16);
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') => text.push_str("[0-9]"),
                Some('D') => text.push_str("[^0-9]"),
                Some('w') => text.push_str("[0-9A-Za-z_]"),
                Some('W') => text.push_str("[^0-9A-Za-z_]"),
                Some('s') => text.push_str(r"[\t\n\f\r ]"),
                Some('S') => text.push_str(r"[^\t\n\f\r ]"),
                Some('b') if !in_class => text.push_str(r"(?-u:\b)"),
                Some('B') if !in_class => text.push_str(r"(?-u:\B)"),
                // Go takes any punctuation behind a backslash for itself.
                Some(
                    other
                    @ ('/' | '"' | '\'' | ',' | ':' | ';' | '=' | '@' | '!' | '%' | '`' | '_'),
                ) => {
                    text.push(other);
                }
                Some(other) => text.extend(['\\', other]),
                None => text.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                text.push('[');
                if characters.next_if_eq(&'^').is_some() {
                    text.push('^');
                }
                // A bracket that comes first means itself.
                if characters.next_if_eq(&']').is_some() {
                    text.push_str(r"\]");
                }
            }
            '[' if characters.peek() == Some(&':') => {
                text.push('[');
                for inner in characters.by_ref() {
                    text.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            '[' => text.push_str(r"\["),
            ']' if in_class => {
                in_class = false;
                text.push(']');
            }
            '&' | '~' if in_class => text.extend(['\\', character]),
            '-' if in_class && characters.next_if_eq(&'-').is_some() => text.push_str(r"-\-"),
            _ => text.push(character),
        }
    }
    text
}
