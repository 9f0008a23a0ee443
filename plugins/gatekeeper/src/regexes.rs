//! Rego's functions of regular expressions, as Go carries them out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use go_regexp::{Refusal, Regex};
use regorus::{Engine, Value};

use crate::program::told;

/// What went wrong that may not be taken for something undefined. The engine takes an error in a
/// function for that, so it is handed on beside it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Option<String>>>);

impl Faults {
    fn tell(&self, fault: String) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(fault);
    }

    /// The first since it was asked last.
    pub fn take(&self) -> Option<String> {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        first.take()
    }
}

/// Patterns that are read already.
#[derive(Clone)]
struct Patterns {
    read: BTreeMap<String, Result<Regex, Refusal>>,
    faults: Faults,
}

impl Patterns {
    /// None if it is no pattern to Go either, or a fault.
    fn get(&mut self, pattern: &str) -> Option<Regex> {
        let read = match self.read.get(pattern) {
            Some(read) => read.clone(),
            None => {
                let read = go_regexp::compile(pattern);
                self.read.insert(pattern.to_owned(), read.clone());
                read
            }
        };
        if let Err(Refusal::Lacks(why)) = &read {
            let fault = format!("the pattern {pattern:?} cannot be used here: {why}");
            self.faults.tell(fault);
        }
        read.ok()
    }
}

type Function = fn(&mut Patterns, &[Value]) -> Option<Value>;

pub const OLDER: &str = "re_match";

const FUNCTIONS: [(&str, u8, Function); 8] = [
    ("regex.match", 2, matches),
    (OLDER, 2, matches),
    ("regex.is_valid", 1, is_valid),
    ("regex.find_n", 3, find),
    ("regex.find_all_string_submatch_n", 3, find_groups),
    ("regex.split", 2, split),
    ("regex.replace", 3, replace),
    ("regex.template_match", 4, template_match),
];

pub fn add(engine: &mut Engine, v1: bool, faults: &Faults) -> Result<(), String> {
    let all = FUNCTIONS.iter().filter(|it| !v1 || it.0 != OLDER);
    for (name, arguments, function) in all {
        let mut patterns = Patterns {
            read: BTreeMap::new(),
            faults: faults.clone(),
        };
        let call = move |given: Vec<Value>| {
            Ok(function(&mut patterns, &given).unwrap_or(Value::Undefined))
        };
        engine
            .add_extension((*name).to_owned(), *arguments, Box::new(call))
            .map_err(|error| told(&error))?;
    }
    Ok(())
}

fn matches(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let [Value::String(pattern), Value::String(text)] = given else {
        return None;
    };
    Some(Value::Bool(patterns.get(pattern)?.is_match(text)))
}

fn is_valid(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    Some(Value::Bool(match given {
        [Value::String(pattern)] => patterns.get(pattern).is_some(),
        _ => false,
    }))
}

/// The pattern, the text, and how many are wanted.
fn several<'g>(patterns: &mut Patterns, given: &'g [Value]) -> Option<(Regex, &'g str, usize)> {
    let [Value::String(pattern), Value::String(text), number] = given else {
        return None;
    };
    let pattern = patterns.get(pattern)?;
    let number = number.as_i64().ok()?;
    // Less than none are all.
    Some((pattern, text, usize::try_from(number).unwrap_or(usize::MAX)))
}

fn find(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let (pattern, text, most) = several(patterns, given)?;
    let found = pattern.find_iter(text).take(most);
    let found = found.map(|it| it.as_str().into());
    Some(found.collect::<Vec<Value>>().into())
}

fn find_groups(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let (pattern, text, most) = several(patterns, given)?;
    let found = pattern.captures_iter(text).take(most).map(|groups| {
        let groups = groups.iter().map(|it| it.map_or("", |it| it.as_str()));
        groups.map(Value::from).collect::<Vec<Value>>().into()
    });
    Some(found.collect::<Vec<Value>>().into())
}

/// Not between nothing and nothing at the beginning and the end, as Rust has it.
fn split(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let [Value::String(pattern), Value::String(text)] = given else {
        return None;
    };
    let compiled = patterns.get(pattern)?;
    if text.is_empty() && !pattern.is_empty() {
        return Some(vec![Value::from("")].into());
    }
    let mut parts: Vec<Value> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for found in compiled.find_iter(text) {
        end = found.start();
        if found.end() != 0 {
            parts.push(text.get(begin..end)?.into());
        }
        begin = found.end();
    }
    if end != text.len() {
        parts.push(text.get(begin..)?.into());
    }
    Some(parts.into())
}

fn replace(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let [
        Value::String(text),
        Value::String(pattern),
        Value::String(by),
    ] = given
    else {
        return None;
    };
    let pattern = patterns.get(pattern)?;
    Some(pattern.replace_all(text, by.as_ref()).as_ref().into())
}

/// A text with patterns in it, between two letters.
fn template_match(patterns: &mut Patterns, given: &[Value]) -> Option<Value> {
    let [template, text, start, end] = given else {
        return None;
    };
    let letter = |it: &Value| {
        let it = it.as_string().ok()?;
        let mut letters = it.chars();
        letters
            .next()
            .filter(|it| it.is_ascii() && letters.next().is_none())
    };
    let (template, text) = (template.as_string().ok()?, text.as_string().ok()?);
    let (start, end) = (letter(start)?, letter(end)?);
    let mut whole = String::from("^");
    let (mut depth, mut inside) = (0_usize, String::new());
    for letter in template.chars() {
        let before = depth;
        if letter == start {
            depth += 1;
        } else if letter == end {
            depth = depth.checked_sub(1)?;
        }
        match (before, depth) {
            (0, 0) => whole.push_str(&go_regexp::escape(letter.encode_utf8(&mut [0; 4]))),
            (0, _) => {}
            (_, 0) => {
                patterns.get(&format!("^{inside}$"))?;
                whole.push_str(&format!("({inside})"));
                inside.clear();
            }
            _ => inside.push(letter),
        }
    }
    whole.push('$');
    let whole = patterns.get(&whole).filter(|_| depth == 0)?;
    Some(Value::Bool(whole.is_match(text)))
}
