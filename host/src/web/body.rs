//! An answer's bytes, and the turn that they hold until they are taken.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream as _, StreamExt as _};
use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::Refusal;

/// Handed to the connection at once; it asks for more when that is sent.
const PIECE: usize = 64 << 10;

/// Why an answer is not whole: the words are in the log, the connection just ends.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off: {0}")]
pub(super) struct BrokeOff(String);

/// The turn ends with it.
pub(super) struct Held {
    pieces: BoxStream<'static, Result<Bytes, BrokeOff>>,
    left: Option<u64>,
    _turns: Vec<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn whole(bytes: Bytes, turns: Vec<OwnedSemaphorePermit>) -> Self {
        let left = Some(bytes.len() as u64);
        let pieces = stream::unfold(bytes, |mut bytes| async move {
            let piece = bytes.split_to(bytes.len().min(PIECE));
            (!piece.is_empty()).then_some((Ok(piece), bytes))
        });
        Self {
            pieces: pieces.boxed(),
            left,
            _turns: turns,
        }
    }

    /// What was made of the lines already comes first. Each piece has to come within `patience`.
    pub(super) fn lines(
        first: Option<Bytes>,
        lines: BoxStream<'static, Result<Bytes, Refusal>>,
        patience: Duration,
        turns: Vec<OwnedSemaphorePermit>,
    ) -> Self {
        let rest = stream::unfold(Some(lines), move |lines| async move {
            let mut lines = lines?;
            let broken = match timeout(patience, lines.next()).await {
                Ok(None) => return None,
                Ok(Some(Ok(piece))) => return Some((Ok(piece), Some(lines))),
                Ok(Some(Err(refusal))) => refusal.message,
                Err(_) => format!("nothing came for {patience:?}"),
            };
            tracing::warn!(reason = %broken, "an answer to the command line broke off");
            // What came before it is sent before the connection ends.
            tokio::task::yield_now().await;
            Some((Err(BrokeOff(broken)), None))
        });
        Self {
            pieces: stream::iter(first.map(Ok)).chain(rest).boxed(),
            left: None,
            _turns: turns,
        }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = BrokeOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokeOff>>> {
        let piece = ready!(Pin::new(&mut self.pieces).poll_next(context));
        if let (Some(left), Some(Ok(piece))) = (&mut self.left, &piece) {
            *left -= piece.len() as u64;
        }
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
