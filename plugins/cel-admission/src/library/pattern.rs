//! A regular expression as Go reads it, written for the regex crate, which reads some of it
//! otherwise and refuses what Go takes.

use std::collections::BTreeSet;

/// Why there is no translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Go refuses it.
    Refused,
    /// Go takes it, or might; it cannot be written for the crate.
    Untranslatable,
}
use Trouble::{Refused, Untranslatable};

/// Times that Go lets something be repeated.
const REPEATS: u32 = 1_000;

/// # Errors
/// There is none.
pub fn translated(pattern: &str) -> Result<String, Trouble> {
    let mut reader = Reader {
        rest: pattern,
        made: String::with_capacity(pattern.len() * 2),
        outside: Vec::new(),
        most: 1,
        times: 1,
        names: BTreeSet::new(),
        repeatable: false,
        repeated: false,
    };
    while let Some(character) = reader.next() {
        reader.one(character)?;
    }
    match reader.outside.is_empty() {
        true => Ok(reader.made),
        false => Err(Refused),
    }
}

struct Reader<'p> {
    rest: &'p str,
    made: String,
    /// For each group that is open, what is most outside of it.
    outside: Vec<u32>,
    /// How often something is repeated, counts within counts: at most in this group, and the last.
    most: u32,
    times: u32,
    /// Of groups; one may not be there twice.
    names: BTreeSet<&'p str>,
    /// Whether there is something before that can be repeated.
    repeatable: bool,
    /// Whether it is repeated already.
    repeated: bool,
}

impl<'p> Reader<'p> {
    fn next(&mut self) -> Option<char> {
        let character = self.rest.chars().next()?;
        self.rest = &self.rest[character.len_utf8()..];
        Some(character)
    }

    fn next_if(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// What is before this, which is passed over as well.
    fn before(&mut self, end: &str) -> Option<&'p str> {
        let (before, rest) = self.rest.split_once(end)?;
        self.rest = rest;
        Some(before)
    }

    fn item(&mut self, text: &str) {
        self.made.push_str(text);
        (self.repeatable, self.repeated) = (true, false);
        self.times = 1;
    }

    fn literal(&mut self, character: char) {
        self.item(&written(character));
    }

    fn one(&mut self, character: char) -> Result<(), Trouble> {
        match character {
            '\\' => return self.escaped(),
            '[' => return self.brackets(),
            '(' => return self.group(),
            '*' | '+' | '?' => return self.repeat(&character.to_string()),
            '{' => match self.count()? {
                Some((count, times)) => {
                    self.repeat(&count)?;
                    self.times *= times.max(1);
                    self.most = self.most.max(self.times);
                    if self.times > REPEATS {
                        return Err(Refused);
                    }
                }
                None => self.literal('{'),
            },
            ')' => {
                let outside = self.outside.pop().ok_or(Refused)?;
                self.item(")");
                self.times = self.most;
                self.most = self.most.max(outside);
            }
            '|' => {
                self.item("|");
                self.repeatable = false;
            }
            '.' | '^' | '$' => self.item(&character.to_string()),
            other => self.literal(other),
        }
        Ok(())
    }

    fn repeat(&mut self, sign: &str) -> Result<(), Trouble> {
        if !self.repeatable || self.repeated {
            return Err(Refused);
        }
        self.made.push_str(sign);
        if self.next_if("?") {
            self.made.push('?');
        }
        self.repeated = true;
        Ok(())
    }

    fn open(&mut self) {
        self.outside.push(std::mem::replace(&mut self.most, 1));
    }

    /// What follows a brace, if it is a count, and how often that is; else the brace is itself.
    fn count(&mut self) -> Result<Option<(String, u32)>, Trouble> {
        let Some((inner, rest)) = self.rest.split_once('}') else {
            return Ok(None);
        };
        let (least, most) = match inner.split_once(',') {
            None => (inner, Some(inner)),
            Some((least, "")) => (least, None),
            Some((least, most)) => (least, Some(most)),
        };
        let is_number = |it: &str| {
            !it.is_empty()
                && it.bytes().all(|it| it.is_ascii_digit())
                && (it.len() == 1 || !it.starts_with('0'))
        };
        if !is_number(least) || !most.is_none_or(is_number) {
            return Ok(None);
        }
        let number = |it: &str| it.parse().ok().filter(|it| *it <= REPEATS).ok_or(Refused);
        let from: u32 = number(least)?;
        let to = most.map(number).transpose()?.unwrap_or(from);
        if to < from {
            return Err(Refused);
        }
        self.rest = rest;
        Ok(Some((format!("{{{inner}}}"), to)))
    }

    fn escaped(&mut self) -> Result<(), Trouble> {
        // In RE2 these classes and the boundary are of ASCII.
        match self.rest.chars().next().ok_or(Refused)? {
            'Q' => {
                self.next();
                let all = (self.rest, "");
                let (quoted, rest) = self.rest.split_once("\\E").unwrap_or(all);
                self.rest = rest;
                quoted.chars().for_each(|it| self.literal(it));
            }
            'A' | 'z' => {
                let which = self.next().unwrap_or_default();
                self.item(&format!("\\{which}"));
            }
            'b' => {
                self.next();
                self.item("(?-u:\\b)");
            }
            // In the crate, one of ASCII could fall within a character.
            'B' => return Err(Untranslatable),
            _ => match self.class()? {
                Some(class) => self.item(&format!("[{class}]")),
                None => {
                    let character = self.character()?;
                    self.literal(character);
                }
            },
        }
        Ok(())
    }

    /// A class after a backslash, as it stands between brackets; none if it is none.
    fn class(&mut self) -> Result<Option<String>, Trouble> {
        let class = match self.rest.chars().next() {
            Some('d') => "0-9",
            Some('D') => "[^0-9]",
            Some('w') => "0-9A-Za-z_",
            Some('W') => "[^0-9A-Za-z_]",
            Some('s') => "\\t\\n\\f\\r ",
            Some('S') => "[^\\t\\n\\f\\r ]",
            Some('p' | 'P') => return self.unicode().map(Some),
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(class.to_owned()))
    }

    fn unicode(&mut self) -> Result<String, Trouble> {
        let negated = self.next() == Some('P');
        let (name, inverse) = match self.next() {
            Some('{') => {
                let inverse = self.next_if("^");
                (self.before("}").ok_or(Refused)?.to_owned(), inverse)
            }
            letter => (letter.ok_or(Refused)?.to_string(), false),
        };
        let of_go = |it: char| it.is_ascii_alphabetic() || it == '_';
        // The crate reads names more leniently.
        if !name.starts_with(|it: char| it.is_ascii_uppercase()) || !name.chars().all(of_go) {
            return Err(Untranslatable);
        }
        let sign = if negated == inverse { 'p' } else { 'P' };
        Ok(format!("\\{sign}{{{name}}}"))
    }

    /// A character after a backslash.
    fn character(&mut self) -> Result<char, Trouble> {
        let first = self.next().ok_or(Refused)?;
        let code = match first {
            'a' => 7,
            'f' => 12,
            'n' => 10,
            'r' => 13,
            't' => 9,
            'v' => 11,
            '0'..='7' => {
                let is_octal = |it: &char| ('0'..='7').contains(it);
                let more = self.rest.chars().take(2).take_while(is_octal).count();
                // A digit alone would ask for what a group was.
                if first != '0' && more == 0 {
                    return Err(Refused);
                }
                let (digits, rest) = self.rest.split_at(more);
                self.rest = rest;
                u32::from_str_radix(&format!("{first}{digits}"), 8).map_err(|_| Refused)?
            }
            'x' => {
                let digits = match self.next_if("{") {
                    true => self.before("}").ok_or(Refused)?,
                    false => {
                        let (digits, rest) = self.rest.split_at_checked(2).ok_or(Refused)?;
                        self.rest = rest;
                        digits
                    }
                };
                if !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
                    return Err(Refused);
                }
                let code = u32::from_str_radix(digits, 16).map_err(|_| Refused)?;
                if code > 0x0010_FFFF {
                    return Err(Refused);
                }
                code
            }
            other if other.is_ascii() && !other.is_ascii_alphanumeric() => u32::from(other),
            _ => return Err(Refused),
        };
        // Half a character of UTF-16 is none in Rust.
        char::from_u32(code).ok_or(Untranslatable)
    }

    fn brackets(&mut self) -> Result<(), Trouble> {
        let mut made = String::from("[");
        if self.next_if("^") {
            made.push('^');
        }
        let mut first = true;
        while first || !self.next_if("]") {
            first = false;
            if self.rest.is_empty() {
                return Err(Refused);
            }
            if self.rest.starts_with("[:")
                && let Some((name, rest)) = self.rest[2..].split_once(":]")
            {
                if !POSIX.contains(&name.trim_start_matches('^')) || name.starts_with("^^") {
                    return Err(Refused);
                }
                made.push_str(&format!("[:{name}:]"));
                self.rest = rest;
                continue;
            }
            if let Some(rest) = self.rest.strip_prefix('\\') {
                let before = std::mem::replace(&mut self.rest, rest);
                if let Some(class) = self.class()? {
                    made.push_str(&class);
                    continue;
                }
                self.rest = before;
            }
            let from = self.member()?;
            made.push_str(&written(from));
            // One at the end is itself.
            if self.rest.starts_with('-') && self.rest.len() > 1 && !self.rest.starts_with("-]") {
                self.next();
                let to = self.member()?;
                if to < from {
                    return Err(Refused);
                }
                made.push('-');
                made.push_str(&written(to));
            }
        }
        made.push(']');
        self.item(&made);
        Ok(())
    }

    fn member(&mut self) -> Result<char, Trouble> {
        match self.next().ok_or(Refused)? {
            '\\' => self.character(),
            other => Ok(other),
        }
    }

    fn group(&mut self) -> Result<(), Trouble> {
        self.repeatable = false;
        if !self.next_if("?") {
            self.open();
            self.made.push('(');
            return Ok(());
        }
        if self.next_if("P<") || self.next_if("<") {
            let name = self.before(">").ok_or(Refused)?;
            let of_word = |it: char| it.is_ascii_alphanumeric() || it == '_';
            if name.is_empty() || !name.chars().all(of_word) || !self.names.insert(name) {
                return Err(Refused);
            }
            self.open();
            // Nobody asks for it by its name.
            self.made.push('(');
            return Ok(());
        }
        let (mut flags, mut minus, mut any) = (String::from("(?"), false, false);
        loop {
            match self.next().ok_or(Refused)? {
                flag @ ('i' | 'm' | 's' | 'U') => {
                    // Twice the same is refused by the crate alone.
                    if flags.contains(flag) {
                        return Err(Untranslatable);
                    }
                    flags.push(flag);
                    any = true;
                }
                '-' if !minus => {
                    flags.push('-');
                    (minus, any) = (true, false);
                }
                end @ (':' | ')') => {
                    if minus && !any {
                        return Err(Refused);
                    }
                    return self.flagged(&flags, end);
                }
                _ => return Err(Refused),
            }
        }
    }

    fn flagged(&mut self, flags: &str, end: char) -> Result<(), Trouble> {
        if end == ':' {
            self.open();
        } else if self.rest.starts_with(['*', '+', '?', '{']) {
            // Go repeats what is before the flags.
            return Err(Untranslatable);
        }
        if end == ':' || flags != "(?" {
            self.made.push_str(flags);
            self.made.push(end);
        }
        Ok(())
    }
}

/// Classes of POSIX, which are the same in both.
const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];

/// A character that is itself, wherever it stands.
fn written(character: char) -> String {
    match character.is_alphanumeric() {
        true => character.to_string(),
        false => format!("\\x{{{:X}}}", u32::from(character)),
    }
}
