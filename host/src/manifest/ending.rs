//! The end of a text. libyaml-safer panics where the last line of a block scalar has no line break,
//! which people's files often lack: so it is given one, and the value is read as if it had none.

use std::borrow::Cow;

use libyaml_safer::ScalarStyle;

/// The text with a line break at its end.
pub(super) fn ended(text: &[u8]) -> Cow<'_, [u8]> {
    match text.last() {
        None | Some(b'\n' | b'\r') => Cow::Borrowed(text),
        Some(_) => Cow::Owned([text, b"\n"].concat()),
    }
}

/// A scalar's value without the line break that `ended` gave to `text`. `end` is the byte at which the
/// parser says that the scalar ends.
pub(super) fn as_written(text: &[u8], style: ScalarStyle, end: u64, mut value: String) -> String {
    let is_block = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
    let bare = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let unended = !matches!(text.last(), None | Some(b'\n' | b'\r'));
    if !(is_block && unended && end as usize > bare.len()) {
        return value;
    }
    let last = text.rsplit(|it| matches!(it, b'\n' | b'\r')).next();
    let blank = last.is_some_and(|line| line.iter().all(|it| *it == b' '));
    // A line of spaces is one of the value's if it is indented further than the others.
    let own = value.strip_suffix('\n').is_some_and(|it| {
        let line = it.rsplit('\n').next().unwrap_or_default();
        !line.is_empty() && line.bytes().all(|it| it == b' ')
    });
    if value.ends_with('\n') && (!blank || own) {
        value.pop();
    }
    value
}
