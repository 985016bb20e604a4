//! The body of a response, and how it ends: whole, or as a fault has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

use super::faults::InjectedFault;

/// Its memory counts among the answers that are being made or sent until it is gone.
#[derive(Debug)]
pub(super) struct AnswerBody {
    left: Option<Bytes>,
    promised: u64,
    /// Stops it half-way, if it is a cut or a stall.
    fault: Option<InjectedFault>,
    /// Runs out before the connection is cut off, so that what there is has been sent.
    pause: Option<Pin<Box<Sleep>>>,
}

const PAUSE: Duration = Duration::from_millis(20);

struct ContentWithPermit(
    Vec<u8>,
    #[allow(dead_code, reason = "it is held, not read")] Option<OwnedSemaphorePermit>,
);

impl AsRef<[u8]> for ContentWithPermit {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl AnswerBody {
    /// `permit` is given back when the content has been sent.
    pub(super) fn new(
        content: Vec<u8>,
        permit: Option<OwnedSemaphorePermit>,
        fault: Option<InjectedFault>,
    ) -> AnswerBody {
        let promised = content.len() as u64;
        let mut bytes = Bytes::from_owner(ContentWithPermit(content, permit));
        let fault = fault.filter(|fault| matches!(fault, InjectedFault::Cut | InjectedFault::Stall));
        if fault.is_some() {
            bytes.truncate(bytes.len() / 2);
        }
        AnswerBody {
            left: Some(bytes).filter(|bytes| !bytes.is_empty()),
            promised,
            fault,
            pause: None,
        }
    }

    pub(super) fn content_length(&self) -> u64 {
        self.promised
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match (self.left.take(), self.fault) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Some(InjectedFault::Cut)) => {
                let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
                let cut = |()| Some(Err(io::ErrorKind::ConnectionAborted.into()));
                pause.as_mut().poll(context).map(cut)
            }
            (None, Some(_)) => Poll::Pending,
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && self.fault.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
