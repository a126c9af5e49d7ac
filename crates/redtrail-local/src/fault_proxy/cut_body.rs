//! A body that ends before the length that its answer has declared.

use std::convert::Infallible;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame};

pub(super) struct CutBody {
    bytes: Bytes,
    ending: bool,
}

impl CutBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self {
            bytes,
            ending: false,
        }
    }
}

impl Body for CutBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.bytes.is_empty() {
            let bytes = mem::take(&mut self.bytes);
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if !mem::replace(&mut self.ending, true) {
            // hyper closes at once when a body ends too early, and drops what it has not written
            // yet. It writes while it waits for more.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(None)
    }
}
