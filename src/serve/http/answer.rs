//! The body of a response, and how it ends: whole, or as a fault has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    /// The connection ends after half of the body.
    CutOff,
    /// Half of the body comes, and then nothing until the client goes.
    Stalled,
}

/// Its memory counts among the answers that are being made or sent until it is gone.
#[derive(Debug)]
pub(super) struct AnswerBody {
    left: Option<Bytes>,
    promised: u64,
    ending: Ending,
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
    pub(super) fn new(content: Vec<u8>, permit: Option<OwnedSemaphorePermit>, ending: Ending) -> AnswerBody {
        let promised = content.len() as u64;
        let mut bytes = Bytes::from_owner(ContentWithPermit(content, permit));
        if ending != Ending::Whole {
            bytes.truncate(bytes.len() / 2);
        }
        AnswerBody {
            left: Some(bytes).filter(|bytes| !bytes.is_empty()),
            promised,
            ending,
            pause: None,
        }
    }

    /// Its `Content-Length`.
    pub(super) fn promised(&self) -> u64 {
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
        match (self.left.take(), self.ending) {
            (Some(bytes), _) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            (None, Ending::Whole) => Poll::Ready(None),
            (None, Ending::CutOff) => {
                let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(PAUSE)));
                let cut = |()| Some(Err(io::ErrorKind::ConnectionAborted.into()));
                pause.as_mut().poll(context).map(cut)
            }
            (None, Ending::Stalled) => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_none() && self.ending == Ending::Whole
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised)
    }
}
