//! The worker's side of the reports: a local queue that keeps on trying until Redis has each report.
//!
//! What decides something (started, done, failed, released) is never dropped and keeps its order. Progress is only the latest of each
//! attempt, and is dropped when Redis is away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::report::{Report, ReportBody};
use crate::task::AttemptId;

use super::Queue;
use super::connection::{Backoff, Link};
use super::error::QueueError;

/// Reports that may wait for Redis before tasks wait with them.
const REPORTS_WAITING: usize = 1_024;
/// Attempts whose progress may wait to be sent.
const PROGRESS_WAITING: usize = 1_024;
/// Bytes of one report.
const REPORT_LIMIT_BYTES: usize = 8 * 1024 * 1024;

/// Sends reports. Cheap to clone; all clones share one order.
#[derive(Clone, Debug)]
pub struct ReportSender {
    outbox: mpsc::Sender<Outgoing>,
    progress: Arc<LatestProgress>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
enum Outgoing {
    Report {
        text: String,
        sent: Option<oneshot::Sender<()>>,
    },
    /// Everything before this has been sent.
    Mark(oneshot::Sender<()>),
}

#[derive(Debug, Default)]
struct LatestProgress {
    waiting: Mutex<HashMap<AttemptId, Report>>,
    changed: Notify,
}

impl LatestProgress {
    fn waiting(&self) -> MutexGuard<'_, HashMap<AttemptId, Report>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Starts a sender. Call within a tokio runtime; see [`ReportSender::close`].
    pub fn report_sender(&self) -> ReportSender {
        let (outbox, outgoing) = mpsc::channel(REPORTS_WAITING);
        let sender = ReportSender {
            outbox,
            progress: Arc::default(),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
        };
        let postman = Postman {
            // Shared with the hellos of the same process, which may wait for a long report; leases are kept over another.
            link: self.link.clone(),
            stream: self.names.reports(),
            progress: Arc::clone(&sender.progress),
            stop: sender.stop.clone(),
        };
        sender.tracker.spawn(postman.run(outgoing));
        sender
    }
}

impl ReportSender {
    /// Hands a report over. Waits only while about a thousand others wait for Redis; progress never waits.
    pub async fn send(&self, report: Report) -> Result<(), QueueError> {
        match report.body {
            ReportBody::Progress { .. } => {
                self.note_progress(report);
                Ok(())
            }
            ReportBody::Started
            | ReportBody::Done { .. }
            | ReportBody::Failed { .. }
            | ReportBody::Released => self.enqueue(&report, None).await,
        }
    }

    /// Resolves when Redis has the report, however long that takes. An attempt must be reported so before it is acknowledged.
    pub async fn send_durable(&self, report: Report) -> Result<(), QueueError> {
        let (sent, arrived) = oneshot::channel();
        self.enqueue(&report, Some(sent)).await?;
        arrived.await.map_err(|_| QueueError::Closed)
    }

    /// Waits until everything handed over so far has been sent, at most for `patience`; then stops. What is left then is lost: its
    /// attempts stay unacknowledged and are reaped.
    pub async fn close(&self, patience: Duration) -> Result<(), QueueError> {
        let flushed = tokio::time::timeout(patience, self.flush()).await;
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
        flushed.unwrap_or(Err(QueueError::Timeout(patience)))
    }

    async fn flush(&self) -> Result<(), QueueError> {
        let (mark, reached) = oneshot::channel();
        let handed_over = self.outbox.send(Outgoing::Mark(mark)).await;
        handed_over.map_err(|_| QueueError::Closed)?;
        reached.await.map_err(|_| QueueError::Closed)
    }

    fn note_progress(&self, report: Report) {
        let mut waiting = self.progress.waiting();
        if waiting.len() < PROGRESS_WAITING || waiting.contains_key(&report.id) {
            waiting.insert(report.id, report);
            self.progress.changed.notify_one();
        }
    }

    async fn enqueue(
        &self,
        report: &Report,
        sent: Option<oneshot::Sender<()>>,
    ) -> Result<(), QueueError> {
        let text = serde_json::to_string(report).map_err(QueueError::Unwritable)?;
        if text.len() > REPORT_LIMIT_BYTES {
            return Err(QueueError::TooLarge {
                bytes: text.len(),
                limit_bytes: REPORT_LIMIT_BYTES,
            });
        }
        // Progress that did not leave yet is overtaken by this.
        self.progress.waiting().remove(&report.id);
        let handed_over = self.outbox.send(Outgoing::Report { text, sent }).await;
        handed_over.map_err(|_| QueueError::Closed)
    }
}

/// The one task that talks to Redis.
struct Postman {
    link: Link,
    stream: String,
    progress: Arc<LatestProgress>,
    stop: CancellationToken,
}

impl Postman {
    /// Ends when stopped, or when every sender is gone and all is sent.
    async fn run(self, mut outgoing: mpsc::Receiver<Outgoing>) {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                next = outgoing.recv() => match next {
                    Some(Outgoing::Report { text, sent }) => {
                        if !self.post_for_sure(&text).await {
                            return;
                        }
                        tell(sent);
                    }
                    Some(Outgoing::Mark(reached)) => tell(Some(reached)),
                    None => return,
                },
                () = self.progress.changed.notified() => self.post_progress().await,
            }
        }
    }

    /// `false`: stopped before Redis had it.
    async fn post_for_sure(&self, text: &str) -> bool {
        let mut backoff = Backoff::new();
        loop {
            match self.post(text).await {
                Ok(()) => return true,
                Err(error) => warn!(%error, "a report must wait"),
            }
            backoff.pause(&self.stop).await;
            if self.stop.is_cancelled() {
                return false;
            }
        }
    }

    async fn post_progress(&self) {
        let waiting = std::mem::take(&mut *self.progress.waiting());
        for report in waiting.into_values() {
            let posted = match serde_json::to_string(&report) {
                Ok(text) => self.post(&text).await,
                Err(source) => Err(QueueError::Unwritable(source)),
            };
            if let Err(error) = posted {
                debug!(%error, "progress was dropped");
                return;
            }
        }
    }

    async fn post(&self, text: &str) -> Result<(), QueueError> {
        let mut command = redis::cmd("XADD");
        command.arg(&self.stream).arg("*").arg("r").arg(text);
        self.link.query::<String>(&command).await.map(|_| ())
    }
}

/// Whoever waited may have gone.
fn tell(waiter: Option<oneshot::Sender<()>>) {
    if let Some(waiter) = waiter
        && waiter.send(()).is_err()
    {
        debug!("nobody waited for a report to arrive");
    }
}
