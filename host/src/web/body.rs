//! An answer's bytes, and the turn that they hold until they are taken.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

/// Handed to the connection at once; it asks for more when that is sent.
const PIECE: usize = 64 << 10;

/// The turn ends with it.
pub(super) struct Held {
    left: Bytes,
    _turn: Option<OwnedSemaphorePermit>,
}

impl Held {
    pub(super) fn new(bytes: Bytes, turn: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            left: bytes,
            _turn: turn,
        }
    }
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let size = self.left.len().min(PIECE);
        let piece = self.left.split_to(size);
        Poll::Ready((!piece.is_empty()).then_some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left.len() as u64)
    }
}
