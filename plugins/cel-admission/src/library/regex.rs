//! Regular expressions: RE2's syntax, as Go reads it, put in that of the regex crate, which is as
//! linear in time.

use std::cell::RefCell;
use std::collections::HashMap;

use regex::{Regex, RegexBuilder};

use crate::value::Fault;

/// Bytes of a compiled expression.
const SIZE: usize = 1 << 20;

thread_local! {
    /// An expression is compiled once in a call of the plugin, for all objects.
    static COMPILED: RefCell<HashMap<String, Result<Regex, Fault>>> = RefCell::default();
}

/// # Errors
/// It is none.
pub fn compiled(pattern: &str) -> Result<Regex, Fault> {
    COMPILED.with_borrow_mut(|known| {
        if let Some(known) = known.get(pattern) {
            return known.clone();
        }
        let made = RegexBuilder::new(&translated(pattern))
            .size_limit(SIZE)
            .build()
            .map_err(|_| Fault::new(format!("error parsing regexp: `{pattern}`")));
        known.insert(pattern.to_owned(), made.clone());
        made
    })
}

/// In RE2 the classes `\d`, `\w`, `\s` and the boundary `\b` are of ASCII, `\Q…\E` quotes, and in
/// brackets `[`, `&&` and `~~` stand for themselves.
fn translated(pattern: &str) -> String {
    let mut made = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars().peekable();
    // Whether between brackets, and whether at their begin, where `]` is itself.
    let mut bracket = false;
    let mut begin = false;
    while let Some(character) = rest.next() {
        let at_begin = std::mem::take(&mut begin);
        match (character, bracket) {
            ('\\', _) => match rest.next() {
                Some('Q') => quoted(&mut rest, &mut made),
                Some(escaped) => made.push_str(&class(escaped, bracket)),
                None => made.push('\\'),
            },
            ('[', false) => {
                bracket = true;
                begin = true;
                made.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    made.push('^');
                }
            }
            ('[', true) if rest.peek() == Some(&':') => {
                // A class of POSIX is the same in both.
                made.push('[');
                for inner in rest.by_ref() {
                    made.push(inner);
                    if inner == ']' {
                        break;
                    }
                }
            }
            (']', true) if at_begin => made.push_str("\\]"),
            (']', true) => {
                bracket = false;
                made.push(']');
            }
            ('[' | '&' | '~', true) => {
                made.push('\\');
                made.push(character);
            }
            _ => made.push(character),
        }
    }
    made
}

fn quoted(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, made: &mut String) {
    let mut text = String::new();
    while let Some(character) = rest.next() {
        if character == '\\' && rest.next_if_eq(&'E').is_some() {
            break;
        }
        text.push(character);
    }
    made.push_str(&regex::escape(&text));
}

fn class(escaped: char, bracket: bool) -> String {
    let (open, negated, close) = match bracket {
        true => ("", "[^", "]"),
        false => ("[", "[^", "]"),
    };
    let positive_close = if bracket { "" } else { "]" };
    match escaped {
        'd' => format!("{open}0-9{positive_close}"),
        'D' => format!("{negated}0-9{close}"),
        'w' => format!("{open}0-9A-Za-z_{positive_close}"),
        'W' => format!("{negated}0-9A-Za-z_{close}"),
        's' => format!("{open}\\t\\n\\f\\r {positive_close}"),
        'S' => format!("{negated}\\t\\n\\f\\r {close}"),
        'b' if !bracket => "(?-u:\\b)".into(),
        // In the crate, `\B` without Unicode could fall within a character.
        other => format!("\\{other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_re2() {
        for (pattern, text, expected) in [
            (r"^\d+$", "123", true),
            (r"^\d+$", "١٢٣", false),
            (r"^[\d\w-]+$", "a-1_", true),
            (r"^[^\s]+$", "a b", false),
            (r"^[\D]$", "a", true),
            (r"^[[]$", "[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[&&]$", "&", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"\bfoo\b", "a foo b", true),
            (r"(?i)ABC", "xabcx", true),
            (r"^a.c$", "aéc", true),
        ] {
            let regex = compiled(pattern).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
        assert!(compiled("a(").is_err());
        assert!(compiled(r"(?=a)").is_err());
    }
}
