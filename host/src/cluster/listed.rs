//! Waiting until what is watched is known.

use std::time::Duration;

use tokio::sync::watch as signal;

use super::ClusterError;

/// How long the first list of a kind may take: one that never ends, as behind a conversion webhook
/// that hangs, stops the kits that have the kind, and not the host.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until each of these kinds has been listed once.
pub(super) async fn all_listed(
    kinds: Vec<(String, signal::Receiver<bool>)>,
) -> Result<(), ClusterError> {
    for (kind, mut listed) in kinds {
        // An error means that the watch is gone, as at shutdown.
        let listed = listed.wait_for(|listed| *listed);
        if tokio::time::timeout(DEADLINE, listed).await.is_err() {
            return Err(ClusterError::NotListed(kind));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_kind_whose_list_never_ends_is_not_waited_for_without_end() {
        let (_listed, quick) = signal::channel(true);
        let (_never, hanging) = signal::channel(false);
        let began = tokio::time::Instant::now();
        let waiting = all_listed(vec![("ConfigMap".into(), quick), ("Thing".into(), hanging)]);
        let ended = tokio::time::timeout(10 * DEADLINE, waiting).await;
        let error = ended.expect("it gives up").expect_err("it is not listed");
        assert!(
            matches!(&error, ClusterError::NotListed(kind) if kind == "Thing"),
            "{error}"
        );
        assert_eq!(began.elapsed(), DEADLINE);
    }
}
