//! The loop that takes workers' reports: report → SQL → acknowledge. A report counts only for the current attempt of its task.
//!
//! Reports that are there at the same time share a transaction: on a busy farm a commit for each would cost more than all their moves.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::hash::TaskKey;
use botflix_common::http::{AttemptOutcome, EventTask, RenderEventKind};
use botflix_common::queue::{EntryId, ReportReader};
use botflix_common::report::{Report, ReportBody};
use botflix_common::task::{AttemptId, Lane, TaskKind};
use tokio::time::Instant;
use tracing::{debug, error, warn};
use uuid::Uuid;

use super::Core;
use super::change::Change;
use super::finish::Ending;
use super::loops::Backoff;
use crate::db::DbError;
use crate::db::events::NewEvent;
use crate::db::tasks::{self, TaskHead, graph, moves};

/// Reports taken at once.
const BATCH: usize = 64;
/// How long reports may keep the graph to themselves before whoever else waits for it, a submission say, has its turn.
const TURN: Duration = Duration::from_millis(40);
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

/// What a report did, and what is counted of it once it is true.
struct Applied {
    ending: Ending,
    /// Of a start: the task, and how long it has waited for a worker.
    begun: Option<(TaskKind, Lane, i64)>,
}

impl Applied {
    fn only(ending: Ending) -> Self {
        Self {
            ending,
            begun: None,
        }
    }
}

impl Core {
    /// What is left unacknowledged here is read again, by this process or another.
    async fn take_batch(
        self: &Arc<Self>,
        reader: &ReportReader,
        mut batch: Vec<(EntryId, Report)>,
    ) {
        // Starts are told together, and before whatever else is told of the same attempts; otherwise the order stays.
        batch.sort_by_key(|(_, report)| !is_start(report));
        let (entries, reports): (Vec<EntryId>, Vec<Report>) = batch.into_iter().unzip();
        let mut taken = 0;
        while let Some(rest) = reports.get(taken..).filter(|rest| !rest.is_empty()) {
            let done = match self.take_together(rest).await {
                Ok(done) => done,
                Err(error) => {
                    debug!(%error, "reports are taken one by one");
                    0
                }
            };
            let done = match (done, rest.first()) {
                (0, Some(first)) if !self.take_until_it_counts(first).await => return,
                (0, _) => 1,
                _ => done,
            };
            let entries = entries.get(taken..taken + done).unwrap_or_default();
            fail_point::pass(FailPoint::AfterTaking, Passing::default());
            if let Err(error) = reader.ack(entries).await {
                // They will come again and then be stale.
                warn!(%error, reports = done, "reports could not be acknowledged");
            }
            taken += done;
        }
    }

    /// As many of these as fit into one transaction of the graph: all of them become true, or none. Returns how many: 0 where one is as good
    /// alone.
    async fn take_together(self: &Arc<Self>, reports: &[Report]) -> Result<usize, DbError> {
        let moves = reports
            .iter()
            .take_while(|one| moves_the_graph(one))
            .count();
        let reports = reports.get(..moves).unwrap_or_default();
        if reports.len() < 2 {
            return Ok(0);
        }
        self.look_for_swept_of(reports).await;
        let began = Instant::now();
        let mut change = self.change().await?;
        let starts: Vec<(AttemptId, &str)> = reports
            .iter()
            .take_while(|one| is_start(one))
            .map(|one| (one.id, one.worker.as_str()))
            .collect();
        let mut applied = change.started(&starts).await?;
        for report in reports.get(starts.len()..).unwrap_or_default() {
            if !applied.is_empty() && began.elapsed() >= TURN {
                break;
            }
            applied.push(self.apply(&mut change, report).await?);
        }
        self.commit(change).await?;
        let taken = applied.len();
        for (applied, report) in applied.into_iter().zip(reports) {
            self.count(&applied, report);
        }
        Ok(taken)
    }

    fn count(&self, applied: &Applied, report: &Report) {
        if let Some((kind, lane, waited_ms)) = applied.begun {
            self.metrics.begun(kind, lane, waited_ms);
        }
        self.metrics.report_taken(&report.body, applied.ending);
        if applied.ending == Ending::Stale {
            debug!(attempt = %report.id, kind = report.body.name(), worker = report.worker, "a report that is not current");
        }
    }

    /// Tries until SQL has it. `false`: the farm stops before.
    async fn take_until_it_counts(self: &Arc<Self>, report: &Report) -> bool {
        let mut backoff = Backoff::default();
        loop {
            match self.take(report).await {
                Ok(applied) => {
                    self.count(&applied, report);
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

    async fn take(self: &Arc<Self>, report: &Report) -> Result<Applied, DbError> {
        if let ReportBody::Progress { fraction, .. } = report.body {
            let noted = self
                .note_progress(report.id, &report.worker, fraction)
                .await?;
            return Ok(Applied::only(noted));
        }
        self.look_for_swept_of(std::slice::from_ref(report)).await;
        let mut change = self.change().await?;
        let applied = self.apply(&mut change, report).await?;
        if applied.ending != Ending::Stale {
            self.commit(change).await?;
        }
        Ok(applied)
    }

    /// Before the graph is locked: it asks storage.
    async fn look_for_swept_of(&self, reports: &[Report]) {
        let records = reports.iter().filter_map(|report| match &report.body {
            ReportBody::Done { record, .. } => Some(&**record),
            _ => None,
        });
        self.look_for_swept(records).await;
    }

    /// One that is stale leaves the change as it was.
    async fn apply(&self, change: &mut Change, report: &Report) -> Result<Applied, DbError> {
        let id = report.id;
        let ending = match &report.body {
            ReportBody::Started => {
                let started = change.started(&[(id, &report.worker)]).await?.pop();
                return Ok(started.unwrap_or(Applied::only(Ending::Stale)));
            }
            ReportBody::Done { record, memoized } => {
                let outcome = if *memoized {
                    AttemptOutcome::Memoized
                } else {
                    AttemptOutcome::Done
                };
                let told = (report.worker.as_str(), &**record);
                change.done(id, told, outcome, &self.config).await?
            }
            ReportBody::Failed { failure } => {
                change.failed(id, failure.clone(), &self.config).await?
            }
            ReportBody::Released => change.released(id).await?,
            ReportBody::Progress { .. } => Ending::Stale,
        };
        Ok(Applied::only(ending))
    }
}

/// Progress does not, and goes its own way.
fn moves_the_graph(report: &Report) -> bool {
    match report.body {
        ReportBody::Progress { .. } => false,
        ReportBody::Started
        | ReportBody::Done { .. }
        | ReportBody::Failed { .. }
        | ReportBody::Released => true,
    }
}

fn is_start(report: &Report) -> bool {
    matches!(report.body, ReportBody::Started)
}

impl Change {
    /// What became of each, in their order. A task has one attempt that counts: told twice of one, the second time is stale.
    async fn started(&mut self, starts: &[(AttemptId, &str)]) -> Result<Vec<Applied>, DbError> {
        let keys: Vec<TaskKey> = starts.iter().map(|(id, _)| id.task).collect();
        // As they were queued: when they began to wait for a worker.
        let queued = tasks::heads(&mut self.tx, &keys).await?;
        let started = moves::start_all(&mut self.tx, starts, self.now_ms).await?;
        let mut started: HashMap<AttemptId, &TaskHead> = started
            .into_iter()
            .filter_map(|id| Some((id, queued.get(&id.task)?)))
            .collect();
        let workers: HashMap<AttemptId, &str> = starts.iter().copied().collect();
        let moved: HashMap<TaskKey, AttemptId> = started.keys().map(|id| (id.task, *id)).collect();
        let mut events = Vec::new();
        let moved_keys: Vec<TaskKey> = moved.keys().copied().collect();
        for (key, render, shot) in graph::live_renders_of(&mut self.tx, &moved_keys).await? {
            let (Some(id), Some(head)) = (moved.get(&key), queued.get(&key)) else {
                continue;
            };
            let task = EventTask {
                kind: head.kind,
                shot,
                attempt: id.attempt,
                progress: 0.0,
                worker: workers.get(id).map(|worker| (*worker).to_owned()),
            };
            let event = NewEvent::of_task(RenderEventKind::TaskStarted, task);
            events.push((render, event));
        }
        self.log_all(events).await?;
        let now_ms = self.now_ms;
        let applied = starts.iter().map(|(id, _)| match started.remove(id) {
            Some(head) => Applied {
                ending: Ending::Noted,
                begun: Some((head.kind, head.lane, now_ms - head.updated_at_ms)),
            },
            None => Applied::only(Ending::Stale),
        });
        Ok(applied.collect())
    }
}
