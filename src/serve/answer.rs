//! What goes out of an answer, and how it ends: whole, or as a fault has it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Sleep;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With all that was promised.
    Whole,
    /// Half-way, with the connection.
    CutOff,
    /// Never: half of it comes, and then nothing until the client goes.
    Stalled,
}

/// A body. Its memory counts among the answers that are being made or sent until it is gone.
#[derive(Debug)]
pub(super) struct Answer {
    left: Option<Bytes>,
    promised: u64,
    ending: Ending,
    /// Runs out before the connection is cut off, so that what there is has been sent.
    pause: Option<Pin<Box<Sleep>>>,
}

/// How long that is.
const PAUSE: Duration = Duration::from_millis(20);

struct Counted(
    Vec<u8>,
    #[allow(dead_code, reason = "it is held, not read")] Option<OwnedSemaphorePermit>,
);

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Answer {
    /// Of these bytes; `permit` is given back when they are sent.
    pub(super) fn new(content: Vec<u8>, permit: Option<OwnedSemaphorePermit>, ending: Ending) -> Answer {
        let promised = content.len() as u64;
        let mut bytes = Bytes::from_owner(Counted(content, permit));
        if ending != Ending::Whole {
            bytes.truncate(bytes.len() / 2);
        }
        Answer {
            left: Some(bytes).filter(|bytes| !bytes.is_empty()),
            promised,
            ending,
            pause: None,
        }
    }

    /// How many bytes it promises.
    pub(super) fn promised(&self) -> u64 {
        self.promised
    }
}

impl Body for Answer {
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
