//! Regular expressions, as Go reads them.

use std::cell::RefCell;
use std::collections::HashMap;

use go_regexp::{Refusal, Regex, compile};

use crate::value::Fault;

thread_local! {
    /// An expression is compiled once in a call of the plugin, for all objects.
    static COMPILED: RefCell<HashMap<String, Result<Regex, Fault>>> = RefCell::default();
}

/// # Errors
/// It is none, or it cannot be read here, which is told apart: the API server may well read it.
pub fn compiled(pattern: &str) -> Result<Regex, Fault> {
    COMPILED.with_borrow_mut(|known| {
        if let Some(known) = known.get(pattern) {
            return known.clone();
        }
        let made = made(pattern);
        known.insert(pattern.to_owned(), made.clone());
        made
    })
}

fn made(pattern: &str) -> Result<Regex, Fault> {
    compile(pattern).map_err(|refusal| match refusal {
        Refusal::Invalid => Fault::new(format!("error parsing regexp: `{pattern}`")),
        Refusal::Lacks(_) => Fault::unknown(format!("the regular expression `{pattern}`")),
    })
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
            (r"^\W$", "é", true),
            (r"^[[]$", "[", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]$", "]", false),
            (r"^[&&]$", "&", true),
            (r"^[a-z--b]$", "c", true),
            (r"^[a-z--b]+$", "a-/b", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[a~~b]+$", "a~b", true),
            (r"^[a-]+$", "a-", true),
            (r"^[--/]+$", "-./", true),
            (r"^[\d-z]+$", "1-z", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^[[:^alpha:]]+$", "123", true),
            (r"^[[:]+$", "[:", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^\Q[a\E+$", "[aaa", true),
            (r"^\Qa.b", "a.bc", true),
            (r"\bfoo\b", "a foo b", true),
            (r"(?i)ABC", "xabcx", true),
            (r"^a.c$", "aéc", true),
            (r"^\${[A-Z]+}$", "${HOME}", true),
            (r"^{$", "{", true),
            (r"^a{,2}$", "a{,2}", true),
            (r"^a{,2}$", "aa", false),
            (r"^a{02}$", "a{02}", true),
            (r"^a{2}$", "aa", true),
            (r"^a{1,2}?b$", "aab", true),
            (r"^]}$", "]}", true),
            (r"^\<b\>$", "<b>", true),
            (r"^\<b\>$", "b", false),
            (r"^\_\-\/$", "_-/", true),
            (r"^\101\x41\x{41}$", "AAA", true),
            (r"^(?P<a>a)(?<b>b)(?:c)()$", "abc", true),
            (r"^(?)(?s-i:.)$", "\n", true),
            (r"^\pL\p{Greek}\P{^Greek}\p{^L}$", "aαα1", true),
            (r"^# a$", "# a", true),
            (r"(^a|b$)", "ab", true),
            (r"^((a{2}){5}|b){100}(c{1000}){0}d{1000}?|x{1}{", "x{", true),
            (r"^(a{500})(b{500})?$", "x", false),
        ] {
            let regex = compiled(pattern).expect(pattern);
            assert_eq!(regex.is_match(text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn what_go_refuses_is_a_fault_and_what_only_the_crate_refuses_is_unknown() {
        for pattern in [
            "a(",
            "a)",
            "(?=a)",
            "(?<!a)",
            "(?>a)",
            "(?x)a",
            "(?-)a",
            "[a",
            "[z-a]",
            "[[:no:]]",
            "a**",
            "*a",
            "(+)",
            "a|?",
            "a{2}{3}",
            "a{1001}",
            "a{2,1}",
            "(a{40}){40}",
            "(a|(b{2,}c*){400}){2}",
            r"\1",
            r"\8",
            r"\Z",
            r"\u0041",
            r"\é",
            r"\",
            r"[\b]",
            r"[a-\d]",
            r"\x4",
            r"\x{110000}",
            r"\p{L",
        ] {
            assert!(compiled(pattern).is_err_and(|it| !it.unknown), "{pattern}");
        }
        for pattern in [
            r"\B",
            r"\p{greek}",
            r"\p{Nope}",
            r"\pL{1000}",
            "a(?i)*",
            "(?ii)",
            "(?P<a>)(?P<a>)",
        ] {
            assert!(compiled(pattern).is_err_and(|it| it.unknown), "{pattern}");
        }
    }
}
