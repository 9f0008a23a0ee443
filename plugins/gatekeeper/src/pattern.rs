//! Go's regular expressions as Rust's: the classes are of ASCII, and a bracket in brackets is one.

use regex::{Regex, RegexBuilder};

/// Of a compiled pattern, as the engine has it for its own functions.
const BYTES: usize = 1 << 20;

pub fn compile(pattern: &str) -> Option<Regex> {
    let mut builder = RegexBuilder::new(&translated(pattern));
    builder.size_limit(BYTES).build().ok()
}

fn translated(pattern: &str) -> String {
    let mut told = String::with_capacity(pattern.len());
    let mut letters = pattern.chars().peekable();
    // Whether it is between brackets, and nothing has come yet: a closing one is itself there.
    let (mut within, mut first) = (false, false);
    while let Some(letter) = letters.next() {
        let begins = std::mem::take(&mut first);
        match letter {
            '\\' => match letters.next() {
                Some('d') => told.push_str("[0-9]"),
                Some('D') => told.push_str("[^0-9]"),
                Some('w') => told.push_str("[0-9A-Za-z_]"),
                Some('W') => told.push_str("[^0-9A-Za-z_]"),
                Some('s') => told.push_str("[\\t\\n\\f\\r ]"),
                Some('S') => told.push_str("[^\\t\\n\\f\\r ]"),
                Some('b') if !within => told.push_str("(?-u:\\b)"),
                Some(other) => told.extend(['\\', other]),
                None => told.push('\\'),
            },
            '[' if !within => {
                within = true;
                first = true;
                told.push('[');
                if letters.next_if_eq(&'^').is_some() {
                    told.push('^');
                }
            }
            '[' if letters.peek() == Some(&':') => {
                told.push('[');
                while let Some(named) = letters.next_if(|it| *it != ']') {
                    told.push(named);
                }
                told.extend(letters.next());
            }
            '[' => told.push_str("\\["),
            ']' if begins => told.push_str("\\]"),
            ']' if within => {
                within = false;
                told.push(']');
            }
            // Between sets of characters these are Rust's alone.
            '&' | '~' if within => told.extend(['\\', letter]),
            '-' if within && letters.peek() == Some(&'-') => told.push_str("\\-"),
            _ => told.push(letter),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn classes_are_of_ascii_and_brackets_are_themselves_in_brackets() {
        for (pattern, text, expected) in [
            (r"^\d+$", "٣", false),
            (r"^\w+$", "é", false),
            (r"^[\w.-]+$", "a_1.-", true),
            (r"^\W$", "é", true),
            (r"^[^\s]+$", "a b", false),
            (r"\bweb\b", "a web b", true),
            ("^[[]$", "[", true),
            ("^[]a]+$", "]a", true),
            ("^[^]]$", "a", true),
            ("^[[:alpha:]_]+$", "a_b", true),
            ("^[a&&b]+$", "&&", true),
            ("^(?i)WEB$", "web", true),
            (r"^\\d$", r"\d", true),
            (r"^\p{Greek}$", "α", true),
        ] {
            let compiled = compile(pattern).unwrap_or_else(|| panic!("{pattern}"));
            assert_eq!(compiled.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_is_no_pattern_to_go_is_none() {
        for pattern in ["(", "[", r"\", "(?=a)"] {
            assert!(compile(pattern).is_none(), "{pattern}");
        }
    }
}
