//! How a task ends: acknowledged once its handler has succeeded and Redis answers, or left for the reaper.
//!
//! An entry whose handler failed, panicked, was dropped or lost its lease is not acknowledged: nothing was reported for it, so the
//! API must see it as lost, which the reaper arranges when the lease has run out.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::task::Task;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::task::TaskMessage;

use super::book::Book;
use super::config::Names;
use super::connection::{Backoff, Link};
use super::lease::{EntryKey, Lease, Signal};
use super::producer::REMEMBERED_AFTERWARDS;
use super::{FARM_GROUP, scripts};

/// Acknowledgements that may wait for Redis before finished tasks wait with them.
pub(super) const ACKS_WAITING: usize = 1_024;

/// The layer that the backend puts around every handler.
#[derive(Clone, Debug)]
pub struct AckLayer {
    pub(super) acks: mpsc::Sender<EntryKey>,
    pub(super) book: Arc<Book>,
}

impl<S> tower::Layer<S> for AckLayer {
    type Service = AckService<S>;

    fn layer(&self, inner: S) -> AckService<S> {
        AckService {
            inner,
            layer: self.clone(),
        }
    }
}

#[derive(Clone, Debug)]
pub struct AckService<S> {
    inner: S,
    layer: AckLayer,
}

impl<S> tower::Service<Task<TaskMessage>> for AckService<S>
where
    S: tower::Service<Task<TaskMessage>>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, task: Task<TaskMessage>) -> Self::Future {
        let ending = task.data().get::<Lease>().map(|lease| Ending {
            lease: lease.clone(),
            layer: self.layer.clone(),
            state: EndingState::Open,
        });
        let handler = self.inner.call(task);
        Box::pin(async move {
            let result = handler.await;
            if let Some(ending) = ending
                && result.is_ok()
            {
                ending.acknowledge().await;
            }
            result
        })
    }
}

/// Stands for a handler that has not ended. Dropped while open, it leaves the lease to run out.
struct Ending {
    lease: Lease,
    layer: AckLayer,
    state: EndingState,
}

enum EndingState {
    Open,
    /// The acknowledging task forgets the entry from here on.
    HandedOver,
}

impl Ending {
    async fn acknowledge(mut self) {
        if *self.lease.signal.borrow() == Signal::LeaseLost {
            return;
        }
        self.layer.book.end(&self.lease.key);
        match self.layer.acks.send(self.lease.key.clone()).await {
            Ok(()) => self.state = EndingState::HandedOver,
            Err(_) => warn!(attempt = %self.lease.id, "the backend is gone"),
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        match self.state {
            EndingState::HandedOver => {}
            EndingState::Open => {
                warn!(attempt = %self.lease.id, "a task ended unacknowledged: its lease is left to run out");
                self.layer.book.forget(&self.lease.key);
            }
        }
    }
}

/// Acknowledges one entry after the other, each until Redis has answered.
pub(super) struct Acknowledger {
    pub link: Link,
    pub names: Names,
    pub consumer: String,
    pub book: Arc<Book>,
}

impl Acknowledger {
    pub(super) async fn run(self, mut acks: mpsc::Receiver<EntryKey>, stop: CancellationToken) {
        loop {
            let key = tokio::select! {
                () = stop.cancelled() => return,
                key = acks.recv() => key,
            };
            let Some(key) = key else { return };
            self.acknowledge(&key, &stop).await;
            self.book.forget(&key);
        }
    }

    async fn acknowledge(&self, key: &EntryKey, stop: &CancellationToken) {
        let mut script = scripts::ACK.key(self.names.lane(key.lane));
        script
            .arg(FARM_GROUP)
            .arg(&self.consumer)
            .arg(&key.entry)
            .arg(self.names.seen_prefix())
            .arg(REMEMBERED_AFTERWARDS.as_secs());
        let mut backoff = Backoff::new();
        while !stop.is_cancelled() {
            match self.link.script::<u8>(&script).await {
                Ok(1) => return,
                Ok(_) => {
                    // Also the second time, when the answer to the first was lost.
                    debug!(entry = key.entry, "acknowledged what was not ours any more");
                    return;
                }
                Err(error) => {
                    warn!(%error, entry = key.entry, "an acknowledgement must wait");
                    backoff.pause(stop).await;
                }
            }
        }
    }
}
