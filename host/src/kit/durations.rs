//! Durations as Kubernetes writes them: `30s`, `5m`, `1h30m` (Go's time.ParseDuration).

use std::time::Duration;

/// `None` if it is not one, or not longer than nothing.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut whole = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let amount: u64 = rest[..digits].parse().ok()?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit())
            .map_or(rest.len(), |end| digits + end);
        let milliseconds = match &rest[digits..unit_end] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        whole = whole.checked_add(Duration::from_millis(amount.checked_mul(milliseconds)?))?;
        rest = &rest[unit_end..];
    }
    (whole > Duration::ZERO).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, seconds) in [("30s", 30), ("5m", 300), ("1h30m", 5400), ("90m0s", 5400)] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "5", "s", "5d", "-1s", "0s", "1.5h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
