//! Waiting for a condition.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const PAUSE: Duration = Duration::from_millis(20);

/// Looks until `condition` gives something, or the deadline has passed: then panics with `what`
/// was waited for and the last reason why not.
pub fn wait_for<T>(
    what: &str,
    deadline: Duration,
    mut condition: impl FnMut() -> Result<T, String>,
) -> T {
    let began = Instant::now();
    loop {
        match condition() {
            Ok(found) => return found,
            Err(reason) if began.elapsed() > deadline => {
                panic!("{what}: not within {deadline:?}; the last look said: {reason}")
            }
            Err(_) => std::thread::park_timeout(PAUSE),
        }
    }
}
