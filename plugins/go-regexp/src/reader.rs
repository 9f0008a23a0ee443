//! A pattern, read as Go reads it and written for the crate.

use crate::Refusal;
use crate::numbers::{hexadecimal, interval};

/// How often Go lets anything be repeated, repeats in repeats multiplied.
const REPEATS: u32 = 1000;

pub fn written(pattern: &str) -> Result<String, Refusal> {
    let mut reader = Reader {
        rest: pattern,
        told: String::with_capacity(pattern.len()),
        groups: vec![Group::default()],
        lacks: None,
    };
    reader.pattern().ok_or(Refusal::Invalid)?;
    match reader.lacks {
        Some(why) => Err(Refusal::Lacks(why)),
        None => Ok(reader.told),
    }
}

/// What of a group was read; how often what is in it is repeated at most.
#[derive(Default)]
struct Group {
    most: u32,
    /// Of the last thing, which a repeat would be about.
    last: Option<u32>,
}

impl Group {
    fn add(&mut self, repeats: u32) {
        self.most = self.most.max(self.last.take().unwrap_or(0));
        self.last = Some(repeats);
    }
}

struct Reader<'p> {
    rest: &'p str,
    told: String,
    groups: Vec<Group>,
    /// What Go takes, or may take, and cannot be written for the crate.
    lacks: Option<&'static str>,
}

/// None: Go refuses it.
impl Reader<'_> {
    fn pattern(&mut self) -> Option<()> {
        // A repeat of a repeat is none.
        let mut repeated = false;
        while let Some(letter) = self.next() {
            let before = std::mem::take(&mut repeated);
            match letter {
                '(' if self.take("?") => self.flags()?,
                '(' => self.open("("),
                ')' => {
                    let group = self.groups.pop()?;
                    let outer = self.groups.last_mut()?;
                    outer.add(group.most.max(group.last.unwrap_or(0)));
                    self.told.push(')');
                }
                '|' => {
                    let group = self.groups.last_mut()?;
                    group.most = group.most.max(group.last.take().unwrap_or(0));
                    self.told.push('|');
                }
                '^' | '$' | '.' => {
                    self.told.push(letter);
                    self.thing()?;
                }
                '[' => {
                    self.class()?;
                    self.thing()?;
                }
                '*' | '+' | '?' => {
                    self.groups.last()?.last.filter(|_| !before)?;
                    self.told.push(letter);
                    self.lazy();
                    repeated = true;
                }
                '{' => match interval(self.rest) {
                    // What is no repeat is a brace.
                    None => {
                        self.letter('{');
                        self.thing()?;
                    }
                    Some((least, most, rest)) => {
                        self.rest = rest;
                        self.repeat(least, most, before)?;
                        repeated = true;
                    }
                },
                '\\' => self.escape()?,
                _ => {
                    self.letter(letter);
                    self.thing()?;
                }
            }
        }
        (self.groups.len() == 1).then_some(())
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.rest.chars().next()?;
        self.rest = &self.rest[letter.len_utf8()..];
        Some(letter)
    }

    fn take(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn thing(&mut self) -> Option<()> {
        self.groups.last_mut()?.add(1);
        Some(())
    }

    fn open(&mut self, text: &str) {
        self.told.push_str(text);
        self.groups.push(Group::default());
    }

    fn lazy(&mut self) {
        if self.take("?") {
            self.told.push('?');
        }
    }

    /// As nothing but itself.
    fn letter(&mut self, letter: char) {
        match letter.is_ascii() && !letter.is_ascii_alphanumeric() {
            true => self
                .told
                .push_str(&format!("\\x{{{:x}}}", u32::from(letter))),
            false => self.told.push(letter),
        }
    }

    fn code(&mut self, code: u32) {
        self.told.push_str(&format!("\\x{{{code:x}}}"));
    }

    fn repeat(&mut self, least: u32, most: Option<u32>, repeated: bool) -> Option<()> {
        let lazy = self.take("?");
        let last = &mut self.groups.last_mut()?.last;
        let inner = last.filter(|_| !repeated)?;
        let fine = least <= REPEATS && most.is_none_or(|it| least <= it && it <= REPEATS);
        let times = match most.unwrap_or(least) {
            // Nothing of it, or any number.
            0 if most == Some(0) => 0,
            0 => inner,
            times => inner.checked_mul(times)?,
        };
        let large = least >= 2 || most.is_some_and(|it| it >= 2);
        if !fine || large && times > REPEATS {
            return None;
        }
        *last = Some(times);
        let most = most.map_or(String::new(), |it| it.to_string());
        self.told.push_str(&format!("{{{least},{most}}}"));
        if lazy {
            self.told.push('?');
        }
        Some(())
    }

    /// After `(?`.
    fn flags(&mut self) -> Option<()> {
        if self.take("P<") || self.take("<") {
            let (name, rest) = self.rest.split_once('>')?;
            let plain = |it: char| it.is_ascii_alphanumeric() || it == '_';
            if name.is_empty() || !name.chars().all(plain) {
                return None;
            }
            self.rest = rest;
            self.open(&format!("(?P<{name}>"));
            return Some(());
        }
        let end = self.rest.find([':', ')'])?;
        let (flags, rest) = self.rest.split_at(end);
        let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
        let known = |it: char| "imsU".contains(it);
        let none_off = flags.contains('-') && off.is_empty();
        if none_off || !on.chars().chain(off.chars()).all(known) {
            return None;
        }
        self.rest = rest;
        match self.next()? {
            ':' => self.open(&format!("(?{flags}:")),
            _ if flags.is_empty() => {}
            _ => self.told.push_str(&format!("(?{flags})")),
        }
        Some(())
    }

    /// After a backslash that is not in brackets.
    fn escape(&mut self) -> Option<()> {
        if self.take("Q") {
            let (text, rest) = self.rest.split_once("\\E").unwrap_or((self.rest, ""));
            self.rest = rest;
            for letter in text.chars() {
                self.letter(letter);
                self.thing()?;
            }
            return Some(());
        }
        if self.take("B") {
            // In the crate, one of ASCII could fall within a character.
            self.lacks = Some("\\B is not understood");
            return self.thing();
        }
        let places = [("A", "\\A"), ("z", "\\z"), ("b", "(?-u:\\b)")];
        if let Some((_, text)) = places.iter().find(|(name, _)| self.take(name)) {
            self.told.push_str(text);
        } else if !self.named()? {
            let code = self.escaped()?;
            self.code(code);
        }
        self.thing()
    }

    /// A class that a backslash begins, if it is one.
    fn named(&mut self) -> Option<bool> {
        let mut rest = self.rest.chars();
        let name = rest.next()?;
        let class = match name {
            'd' => "[0-9]",
            'D' => "[^0-9]",
            'w' => "[0-9A-Za-z_]",
            'W' => "[^0-9A-Za-z_]",
            's' => "[\\t\\n\\f\\r ]",
            'S' => "[^\\t\\n\\f\\r ]",
            'p' | 'P' => {
                self.rest = rest.as_str();
                self.property(name == 'P')?;
                return Some(true);
            }
            _ => return Some(false),
        };
        self.rest = rest.as_str();
        self.told.push_str(class);
        Some(true)
    }

    /// After `\p`. Whether Go knows the name is left to the crate, which knows the same, but reads
    /// small letters for capitals, as not every Go does.
    fn property(&mut self, mut negated: bool) -> Option<()> {
        let first = self.next()?;
        let mut name = match first {
            '{' => {
                let (name, rest) = self.rest.split_once('}')?;
                self.rest = rest;
                name.to_owned()
            }
            letter => letter.to_string(),
        };
        if let Some(rest) = name.strip_prefix('^') {
            negated = !negated;
            name = rest.to_owned();
        }
        let plain = |it: char| it.is_ascii_alphanumeric() || "_- ".contains(it);
        if name.is_empty() || !name.chars().all(plain) {
            return None;
        }
        if !name.starts_with(|it: char| it.is_ascii_uppercase()) {
            self.lacks = Some("a property's name begins with a small letter");
        }
        let sign = if negated { 'P' } else { 'p' };
        self.told.push_str(&format!("\\{sign}{{{name}}}"));
        Some(())
    }

    /// The character that is told after a backslash.
    fn escaped(&mut self) -> Option<u32> {
        let letter = self.next()?;
        let octal = |it: char| it.to_digit(8);
        match letter {
            'a' => Some(7),
            'f' => Some(12),
            'n' => Some(10),
            'r' => Some(13),
            't' => Some(9),
            'v' => Some(11),
            'x' if self.take("{") => {
                let (digits, rest) = self.rest.split_once('}')?;
                self.rest = rest;
                hexadecimal(digits)
            }
            'x' => {
                let digits = self.rest.get(..2)?;
                self.rest = &self.rest[2..];
                hexadecimal(digits)
            }
            '0'..='7' => {
                // One digit alone would be a group that matched before, which there is not.
                let begins = self.rest.starts_with(|it| octal(it).is_some());
                if letter != '0' && !begins {
                    return None;
                }
                let mut code = octal(letter)?;
                for _ in 0..2 {
                    let Some(digit) = self.rest.chars().next().and_then(octal) else {
                        break;
                    };
                    self.rest = &self.rest[1..];
                    code = code * 8 + digit;
                }
                Some(code)
            }
            _ => (letter.is_ascii() && !letter.is_ascii_alphanumeric()).then_some(letter.into()),
        }
    }

    /// After an opening bracket.
    fn class(&mut self) -> Option<()> {
        self.told.push('[');
        if self.take("^") {
            self.told.push('^');
        }
        // What closes it is itself where it begins.
        let mut first = true;
        while first || !self.take("]") {
            first = false;
            if self.rest.starts_with("[:") && self.rest[2..].contains(":]") {
                let (name, rest) = self.rest[2..].split_once(":]")?;
                if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
                    return None;
                }
                self.told.push_str(&format!("[:{name}:]"));
                self.rest = rest;
                continue;
            }
            let escapes = self.rest.strip_prefix('\\');
            if let Some(rest) = escapes {
                let whole = std::mem::replace(&mut self.rest, rest);
                if self.named()? {
                    continue;
                }
                self.rest = whole;
            }
            let low = self.member()?;
            self.code(low);
            let mut after = self.rest.chars();
            if after.next() == Some('-') && after.next().is_some_and(|it| it != ']') {
                self.rest = &self.rest[1..];
                let high = self.member()?;
                if high < low {
                    return None;
                }
                self.told.push('-');
                self.code(high);
            }
        }
        self.told.push(']');
        Some(())
    }

    fn member(&mut self) -> Option<u32> {
        match self.next()? {
            '\\' => self.escaped(),
            letter => Some(letter.into()),
        }
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
    "space", "upper", "word", "xdigit",
];
