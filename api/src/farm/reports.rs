//! The loop that takes workers' reports: report → SQL → acknowledge. A report counts only for the current attempt of its task.

use std::sync::Arc;
use std::time::Duration;

use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::http::{AttemptOutcome, EventTask, RenderEventKind};
use botflix_common::queue::{EntryId, ReportReader};
use botflix_common::report::{Report, ReportBody};
use botflix_common::task::AttemptId;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::Core;
use super::finish::Ending;
use super::loops::Backoff;
use crate::db::DbError;
use crate::db::events::NewEvent;
use crate::db::tasks::{self, graph, moves};

/// Reports taken at once.
const BATCH: usize = 64;
/// How long Redis is asked to wait for the first one.
const BLOCK: Duration = Duration::from_secs(1);

pub(super) async fn run(core: Arc<Core>) {
    let mut reader = core.queue.report_reader(Uuid::now_v7().to_string());
    let mut backoff = Backoff::default();
    while !core.stop.is_cancelled() {
        // Not given up half way when the farm stops: what Redis has handed out already would be read again only much later.
        match reader.next_batch(BATCH, BLOCK).await {
            Ok(batch) => {
                backoff.reset();
                core.take_batch(&reader, batch).await;
            }
            Err(error) => {
                warn!(%error, "reports cannot be read");
                core.metrics.loop_failed("reports");
                backoff.pause(&core.stop).await;
            }
        }
    }
}

impl Core {
    /// What is left unacknowledged here is read again, by this process or another.
    async fn take_batch(self: &Arc<Self>, reader: &ReportReader, batch: Vec<(EntryId, Report)>) {
        for (entry, report) in batch {
            if !self.take_until_it_counts(&report).await {
                return;
            }
            fail_point::pass(FailPoint::AfterTaking, Passing::default());
            if let Err(error) = reader.ack(&[entry]).await {
                // It will come again and then be stale.
                warn!(%error, attempt = %report.id, "a report could not be acknowledged");
            }
        }
    }

    /// Tries until SQL has it. `false`: the farm stops before.
    async fn take_until_it_counts(self: &Arc<Self>, report: &Report) -> bool {
        let mut backoff = Backoff::default();
        loop {
            match self.take(report).await {
                Ok(ending) => {
                    self.metrics.report_taken(&report.body, ending);
                    if ending == Ending::Stale {
                        debug!(attempt = %report.id, kind = report.body.name(), worker = report.worker, "a report that is not current");
                    }
                    return true;
                }
                Err(error) if error.is_retryable() => {
                    warn!(%error, attempt = %report.id, "a report must wait");
                    self.metrics.loop_failed("reports");
                    backoff.pause(&self.stop).await;
                    if self.stop.is_cancelled() {
                        return false;
                    }
                }
                Err(error) => {
                    // A bug. It must not keep later reports from being read; the reconciler will find the task and have it run again.
                    error!(%error, source = ?std::error::Error::source(&error), attempt = %report.id, kind = report.body.name(),
                        "a report cannot be taken and is dropped");
                    self.metrics.loop_failed("reports");
                    return true;
                }
            }
        }
    }

    async fn take(self: &Arc<Self>, report: &Report) -> Result<Ending, DbError> {
        let id = report.id;
        if let ReportBody::Done { record, .. } = &report.body {
            self.look_for_swept(record).await;
        }
        let mut change = match &report.body {
            ReportBody::Progress { fraction, .. } => {
                return self.note_progress(id, &report.worker, *fraction).await;
            }
            ReportBody::Started => return self.started(id, &report.worker).await,
            ReportBody::Done { .. } | ReportBody::Failed { .. } | ReportBody::Released => {
                self.change().await?
            }
        };
        let ending = match &report.body {
            ReportBody::Done { record, memoized } => {
                let outcome = if *memoized {
                    AttemptOutcome::Memoized
                } else {
                    AttemptOutcome::Done
                };
                change.done(id, record, outcome, &self.config).await?
            }
            ReportBody::Failed { failure } => {
                change.failed(id, failure.clone(), &self.config).await?
            }
            ReportBody::Released => change.released(id).await?,
            ReportBody::Started | ReportBody::Progress { .. } => Ending::Stale,
        };
        if ending != Ending::Stale {
            self.commit(change).await?;
        }
        Ok(ending)
    }

    async fn started(self: &Arc<Self>, id: AttemptId, worker: &str) -> Result<Ending, DbError> {
        let mut change = self.change().await?;
        // As it was queued: when it began to wait for a worker.
        let queued = tasks::head(&mut change.tx, &id.task).await?;
        let started = moves::start(&mut change.tx, id, worker, change.now_ms).await?;
        let Some(head) = queued.filter(|_| started.is_made()) else {
            return Ok(Ending::Stale);
        };
        let waited_ms = change.now_ms - head.updated_at_ms;
        for (render, shot) in graph::live_renders(&mut change.tx, &id.task).await? {
            let task = EventTask {
                kind: head.kind,
                shot,
                attempt: id.attempt,
                progress: 0.0,
                worker: Some(worker.to_owned()),
            };
            change
                .log(
                    render,
                    NewEvent::of_task(RenderEventKind::TaskStarted, task),
                )
                .await?;
        }
        self.commit(change).await?;
        self.metrics.begun(head.kind, head.lane, waited_ms);
        Ok(Ending::Noted)
    }
}
