//! Colours, and a diff in them.

use std::io::IsTerminal as _;

use clap::builder::styling::{AnsiColor, Style};

use crate::sandbox::clean;

pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const PLACE: Style = AnsiColor::Cyan.on_default();
pub(super) const FAINT: Style = Style::new().dimmed();
/// Bytes of a line that is shown.
const LINE: usize = 4096;

/// Whether standard output is a terminal of somebody who wants colours (<https://no-color.org>).
pub(super) fn wanted() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

pub(super) fn painted(text: &str, style: Style, color: bool) -> String {
    if color {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// A unified diff, each line made fit to be shown, for it quotes the component.
pub(super) fn difference(difference: &str, color: bool) -> String {
    let mut text = String::new();
    for line in difference.lines() {
        let clean = clean(line, LINE);
        let shown = match clean.bytes().next() {
            Some(b'+') => painted(&clean, GOOD, color),
            Some(b'-') => painted(&clean, BAD, color),
            Some(b'@') => painted(&clean, PLACE, color),
            _ => clean,
        };
        text.push_str(&format!("  {shown}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_diff_is_coloured_and_cannot_command_the_terminal() {
        let told = difference("-a\u{1b}[2J\n+b\n c\n", true);
        assert_eq!(
            told,
            "  \u{1b}[31m-a\u{fffd}[2J\u{1b}[0m\n  \u{1b}[32m+b\u{1b}[0m\n   c\n"
        );
        assert_eq!(difference("+b\n", false), "  +b\n");
    }
}
