//! How long to wait until the next poll.

use std::time::Duration;

/// Longest pause after failures, unless the interval itself is longer.
const LIMIT: Duration = Duration::from_secs(600);
/// Part of a pause by which it is shorter or longer, so that hosts do not poll in step.
const JITTER: f64 = 0.1;

/// Pauses between polls: the interval, doubled with each failure in a row up to ten minutes,
/// ±10 %. Pure: chance comes in as a number.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    interval: Duration,
}

impl Backoff {
    pub fn new(interval: Duration) -> Self {
        Self { interval }
    }

    /// `failures` in a row so far; `random` is from 0 to 1.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        let doubled = self.interval.saturating_mul(1 << failures.min(16));
        let pause = doubled.min(LIMIT.max(self.interval));
        pause.mul_f64(1.0 + JITTER * (2.0 * random.clamp(0.0, 1.0) - 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_with_failures_up_to_ten_minutes() {
        let backoff = Backoff::new(Duration::from_secs(30));
        let seconds: Vec<u64> = (0..8)
            .map(|failures| backoff.delay(failures, 0.5).as_secs())
            .collect();
        assert_eq!(seconds, [30, 60, 120, 240, 480, 600, 600, 600]);
    }

    #[test]
    fn chance_moves_a_pause_by_a_tenth_at_most() {
        let backoff = Backoff::new(Duration::from_secs(100));
        assert_eq!(backoff.delay(0, 0.0).as_secs(), 90);
        assert_eq!(backoff.delay(0, 1.0).as_secs(), 110);
    }

    #[test]
    fn a_long_interval_is_never_shortened_by_failures() {
        let backoff = Backoff::new(Duration::from_secs(3600));
        assert_eq!(backoff.delay(5, 0.5).as_secs(), 3600);
    }
}
