//! Bounded work that cannot be held up by what hangs.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

/// Lets a number of pieces of work run at once. One that takes long keeps running, and gives its
/// turn away: so a webhook that hangs delays those who call it, and nobody else.
#[derive(Clone)]
pub struct Turns {
    free: Arc<Semaphore>,
    patience: Duration,
}

impl Turns {
    /// Work that takes longer than `patience` no longer uses what the bound protects: it waits
    /// for something.
    pub fn new(at_once: usize, patience: Duration) -> Self {
        Self {
            free: Arc::new(Semaphore::new(at_once)),
            patience,
        }
    }

    pub async fn take<T>(&self, work: impl Future<Output = T>) -> T {
        // The semaphore is never closed; without a turn the work would run all the same.
        let turn = self.free.acquire().await;
        let mut work = pin!(work);
        match tokio::time::timeout(self.patience, &mut work).await {
            Ok(done) => done,
            Err(_) => {
                drop(turn);
                work.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn work_that_hangs_gives_its_turn_away() {
        let turns = Turns::new(1, PATIENCE);
        let began = tokio::time::Instant::now();
        let hanging = turns.take(tokio::time::sleep(Duration::from_secs(30)));
        let quick = turns.take(async { began.elapsed() });
        let ((), waited) = tokio::join!(hanging, quick);
        assert_eq!(waited, PATIENCE);
        assert_eq!(began.elapsed(), Duration::from_secs(30));
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_bound_runs_at_once() {
        let turns = Turns::new(2, PATIENCE);
        let running = AtomicUsize::new(0);
        let most = AtomicUsize::new(0);
        let short = || {
            turns.take(async {
                let now = running.fetch_add(1, Ordering::Relaxed) + 1;
                most.fetch_max(now, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(100)).await;
                running.fetch_sub(1, Ordering::Relaxed);
            })
        };
        tokio::join!(short(), short(), short(), short());
        assert_eq!(most.into_inner(), 2);
    }
}
