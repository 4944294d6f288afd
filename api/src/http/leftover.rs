//! What is left of a request's body when the answer is ready early: read and thrown away for a while.
//!
//! A client that is still sending when it is refused would otherwise find its connection reset and never read why.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::header;
use bytes::Bytes;
use futures::StreamExt;
use http_body::{Frame, SizeHint};
use tokio_util::task::TaskTracker;

/// A sender that has not noticed the answer by then is cut off.
const PATIENCE: Duration = Duration::from_secs(5);
const LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Where a body ends up that a handler did not read to its end.
#[derive(Clone, Default)]
pub struct Leftover(Arc<Mutex<Option<Body>>>);

/// The request with a body that comes back when it is dropped unread.
pub fn watch(request: Request) -> (Request, Leftover) {
    let leftover = Leftover::default();
    // A sender that waits for "100 Continue" has sent nothing, and must not be told to begin.
    if request.headers().contains_key(header::EXPECT) || request.body().is_end_stream() {
        return (request, leftover);
    }
    let slot = leftover.clone();
    let request = request.map(|body| {
        Body::new(Watched {
            body: Some(body),
            slot,
        })
    });
    (request, leftover)
}

impl Leftover {
    /// Reads on beside the answer, within limits.
    pub fn drain(self, tasks: &TaskTracker) {
        let Some(body) = self.take() else { return };
        tasks.spawn(async move {
            let mut pieces = body.into_data_stream();
            let read = async {
                let mut read = 0;
                while let Some(Ok(piece)) = pieces.next().await {
                    read += piece.len();
                    if read > LIMIT_BYTES {
                        break;
                    }
                }
                read
            };
            let read = tokio::time::timeout(PATIENCE, read).await;
            tracing::debug!(?read, "the rest of a refused body was thrown away");
        });
    }

    fn take(&self) -> Option<Body> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

struct Watched {
    body: Option<Body>,
    slot: Leftover,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut().body.as_mut() {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map(HttpBody::size_hint)
            .unwrap_or_default()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let unread = self.body.take().filter(|body| !body.is_end_stream());
        *self.slot.0.lock().unwrap_or_else(PoisonError::into_inner) = unread;
    }
}
