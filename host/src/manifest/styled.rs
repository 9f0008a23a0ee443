//! Scalars with their tags and styles, and what kubectl's reader refuses of them.

use libyaml_safer::{Mark, ScalarStyle};

use super::scalar::{Scalar, resolve};

/// Whether the quoted text between two marks has the escape `\/`: it is YAML 1.2's, which Go's
/// reader does not know, and libyaml-safer does. `text` is `None` where it cannot have one.
pub(super) fn has_slash(text: Option<&[u8]>, start: &Mark, end: &Mark) -> bool {
    let Some(text) = text.and_then(|text| std::str::from_utf8(text).ok()) else {
        return false;
    };
    let offset = |mark: &Mark| {
        let before: usize = text
            .split_inclusive('\n')
            .take(mark.line as usize)
            .map(str::len)
            .sum();
        let columns = text[before..]
            .chars()
            .take(mark.column as usize)
            .map(char::len_utf8);
        before + columns.sum::<usize>()
    };
    let quoted = &text[offset(start)..offset(end).max(offset(start))];
    let mut escaped = false;
    for character in quoted.chars() {
        if escaped && character == '/' {
            return true;
        }
        escaped = character == '\\' && !escaped;
    }
    false
}

pub(super) fn short(tag: &str) -> String {
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    }
}

pub(super) fn scalar(
    tag: Option<&str>,
    value: String,
    plain: bool,
    style: ScalarStyle,
) -> Result<Scalar, String> {
    let tag = tag.map(short).unwrap_or_default();
    if tag.is_empty() && (!plain || style != ScalarStyle::Plain) {
        return Ok(Scalar::Text(value));
    }
    resolve(&tag, &value)
}
