//! The end of an attempt: done, failed, handed back or lost, and what follows for the task, its dependents, its clip and its renders.

use botflix_common::failure::{Failure, FailureClass};
use botflix_common::http::{AttemptOutcome, ClipStatus, EventTask, RenderEventKind};
use botflix_common::task::{AttemptId, TaskKind, TaskOutput, TaskRecord};
use botflix_common::verdict::Verdict;

use super::change::Change;
use super::config::FarmConfig;
use super::{fallback, problems};
use crate::db::events::NewEvent;
use crate::db::tasks::attempts::{self, End};
use crate::db::tasks::moves::{self, Charge};
use crate::db::tasks::{self, TaskHead, TaskState, graph};
use crate::db::{DbError, blobs, clips, renders};

/// What became of an attempt's end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Done(TaskKind),
    /// The task runs again.
    Again(TaskKind),
    Failed(TaskKind),
    /// It has started, or made progress.
    Noted,
    /// The attempt is not the current one, or over already: nothing was changed.
    Stale,
}

impl Change {
    pub(super) async fn done(
        &mut self,
        id: AttemptId,
        (instance, record): (&str, &TaskRecord),
        outcome: AttemptOutcome,
        config: &FarmConfig,
    ) -> Result<Ending, DbError> {
        let Some(head) = tasks::head(&mut self.tx, &id.task).await? else {
            return Ok(Ending::Stale);
        };
        if record.task != id.task || kind_of(&record.output) != head.kind {
            return self.failed(id, problems::bad_record(), config).await;
        }
        let shas: Vec<_> = record.artifacts.values().map(|one| one.sha256).collect();
        if blobs::any_swept(&mut self.tx, &shas).await? {
            return self.failed(id, problems::swept(), config).await;
        }
        let (now_ms, fence) = (self.now_ms, config.fence);
        let finished = moves::finish(&mut self.tx, id, record, outcome, now_ms, fence).await?;
        if !finished.is_made() {
            return Ok(Ending::Stale);
        }
        self.attempt_over(id);
        self.praise(head.kind, instance, outcome).await?;
        if let TaskOutput::Inspect { facts } = &record.output {
            let (_, judgement) = clips::judge(facts);
            let status = match judgement.verdict {
                Verdict::Accept | Verdict::Convert => ClipStatus::Ready,
                Verdict::Refuse => ClipStatus::Refused,
            };
            if let Some(clip) = clips::of_task(&mut self.tx, &id.task).await? {
                let known =
                    clips::fate::inspected(&mut self.tx, &clip.sha256, status, facts).await?;
                if known.is_made() {
                    self.clip_decided(&clip).await?;
                }
            }
        }
        moves::release_dependents(&mut self.tx, &id.task, self.now_ms).await?;
        let ended = EventTask {
            kind: head.kind,
            shot: None,
            attempt: id.attempt,
            progress: 1.0,
            worker: Some(record.worker.clone()),
        };
        for (render, shot) in graph::live_renders(&mut self.tx, &id.task).await? {
            renders::moves::measure_progress(&mut self.tx, render).await?;
            let task = EventTask {
                shot,
                ..ended.clone()
            };
            self.log(render, NewEvent::of_task(RenderEventKind::TaskDone, task))
                .await?;
            self.publish_if_complete(render).await?;
        }
        self.wake();
        Ok(Ending::Done(head.kind))
    }

    pub(super) async fn failed(
        &mut self,
        id: AttemptId,
        failure: Failure,
        config: &FarmConfig,
    ) -> Result<Ending, DbError> {
        let Some(head) = self.current(id).await? else {
            return Ok(Ending::Stale);
        };
        self.blame(&head, &failure).await?;
        // A device may be busy or out of memory for a while, and ffmpeg does not tell that from a broken clip.
        let on_device = head.lane.is_gpu() && !fallback::is_of_the_material(&failure);
        let retry_limit = if on_device {
            config.device_retry_limit
        } else {
            config.retry_limit
        };
        let end = End::of_failure(AttemptOutcome::Retried, &failure);
        match failure.class {
            FailureClass::Permanent if !on_device => {
                let end = End::of_failure(AttemptOutcome::Failed, &failure);
                self.give_up(&head, &failure, &end).await
            }
            FailureClass::Permanent | FailureClass::Retry if head.retries >= retry_limit => {
                self.give_up(&head, &failure, &end.given_up(&failure)).await
            }
            FailureClass::Permanent | FailureClass::Retry => {
                let wait = config.backoff(head.retries);
                let due_at_ms = self.now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
                self.again(&head, Charge::Retry, due_at_ms, &end).await
            }
            FailureClass::Crash => self.crashed(&head, &end, config).await,
        }
    }

    /// Handed back unfinished by a worker that drains, or stopped after it was over already.
    pub(super) async fn released(&mut self, id: AttemptId) -> Result<Ending, DbError> {
        let end = End::silent(AttemptOutcome::Released, "The worker handed it back.");
        match self.uncharged(id, &end).await? {
            Ending::Stale => self.stopped(id).await,
            moved => Ok(moved),
        }
    }

    /// The worker of a canceled or lost attempt works at it no more. One that was lost did not die of the task after all.
    async fn stopped(&mut self, id: AttemptId) -> Result<Ending, DbError> {
        let Some(stopped) = attempts::stopped(&mut self.tx, id, self.now_ms).await? else {
            return Ok(Ending::Stale);
        };
        match stopped.outcome {
            AttemptOutcome::Canceled => self.cancel_acknowledged(stopped.after_ms),
            _ if stopped.had_started => {
                moves::forgive_crash(&mut self.tx, &id.task).await?;
                self.forgive_silence(&id.task).await?;
            }
            _ => {}
        }
        Ok(Ending::Noted)
    }

    /// Its lease ran out. One that had started is taken to have died of the task; one that had not is not charged.
    pub(super) async fn lost(
        &mut self,
        id: AttemptId,
        config: &FarmConfig,
    ) -> Result<Ending, DbError> {
        let end = End::silent(AttemptOutcome::Lost, "Its worker is gone.");
        match self.current(id).await? {
            Some(head) if head.state == TaskState::Running => {
                self.blame_for_silence(&head).await?;
                self.crashed(&head, &end, config).await
            }
            Some(head) => self.again(&head, Charge::Nothing, self.now_ms, &end).await,
            None => Ok(Ending::Stale),
        }
    }

    /// Redis does not know of it any more, through no fault of the task.
    pub(super) async fn vanished(&mut self, id: AttemptId) -> Result<Ending, DbError> {
        let end = End::silent(AttemptOutcome::Vanished, "It was lost on the way.");
        self.uncharged(id, &end).await
    }

    /// It was queued for workers that are gone, and taken out of its lane.
    pub(super) async fn recalled(&mut self, id: AttemptId) -> Result<Ending, DbError> {
        let end = End::silent(
            AttemptOutcome::Released,
            "No worker that is there takes it: it waits for one that does.",
        );
        self.uncharged(id, &end).await
    }

    /// The attempt is over and the task runs again at once.
    async fn uncharged(&mut self, id: AttemptId, end: &End<'_>) -> Result<Ending, DbError> {
        match self.current(id).await? {
            Some(head) => self.again(&head, Charge::Nothing, self.now_ms, end).await,
            None => Ok(Ending::Stale),
        }
    }

    /// The task, if this is its current attempt and it is not over.
    async fn current(&mut self, id: AttemptId) -> Result<Option<TaskHead>, DbError> {
        let head = tasks::head(&mut self.tx, &id.task).await?;
        Ok(head.filter(|head| head.attempt == id.attempt && head.is_in_flight()))
    }

    async fn crashed(
        &mut self,
        head: &TaskHead,
        end: &End<'_>,
        config: &FarmConfig,
    ) -> Result<Ending, DbError> {
        let crashes = head.crashes + 1;
        if crashes >= config.crash_limit {
            self.confine_cause(head, crashes).await?;
            let poison = problems::poison(crashes);
            return self.give_up(head, &poison, &end.given_up(&poison)).await;
        }
        self.again(head, Charge::Crash, self.now_ms, end).await
    }

    async fn again(
        &mut self,
        head: &TaskHead,
        charge: Charge,
        due_at_ms: i64,
        end: &End<'_>,
    ) -> Result<Ending, DbError> {
        let (id, now_ms) = (head.attempt_id(), self.now_ms);
        let requeued = moves::requeue(&mut self.tx, id, charge, end, due_at_ms, now_ms).await?;
        if !requeued.is_made() {
            return Ok(Ending::Stale);
        }
        self.attempt_over(head.attempt_id());
        for (render, shot) in graph::live_renders(&mut self.tx, &head.key).await? {
            let event = NewEvent::of_task(RenderEventKind::TaskRetried, told(head, shot));
            self.log(render, event.saying(end.message)).await?;
        }
        self.wake();
        Ok(Ending::Again(head.kind))
    }

    /// The task fails for good, and with it every render that needs it, unless there is another way to make it.
    async fn give_up(
        &mut self,
        head: &TaskHead,
        failure: &Failure,
        end: &End<'_>,
    ) -> Result<Ending, DbError> {
        let id = head.attempt_id();
        let failed = moves::fail(&mut self.tx, id, failure, end, self.now_ms).await?;
        if !failed.is_made() {
            return Ok(Ending::Stale);
        }
        self.attempt_over(head.attempt_id());
        if head.kind == TaskKind::Inspect
            && let Some(clip) = clips::of_task(&mut self.tx, &head.key).await?
            && clips::fate::inspection_failed(&mut self.tx, &clip.sha256)
                .await?
                .is_made()
        {
            self.clip_decided(&clip).await?;
        }
        for (render, shot) in graph::live_renders(&mut self.tx, &head.key).await? {
            let problem = problems::task_failed(head.kind, shot.as_deref(), failure);
            let event = NewEvent::of_task(RenderEventKind::TaskFailed, told(head, shot));
            self.log(render, event.saying(&failure.message)).await?;
            let freed = !fallback::is_of_the_material(failure)
                && self
                    .do_without(render, head.lane, "The encoder failed at it")
                    .await?;
            if !freed {
                self.fail_render(render, &problem).await?;
            }
        }
        Ok(Ending::Failed(head.kind))
    }

    /// A clip's verdict is known, or that there will be none: whoever waited for it moves on.
    async fn clip_decided(&mut self, clip: &clips::ClipRow) -> Result<(), DbError> {
        self.clip_changed(clip.sha256);
        for render in renders::waiting_for(&mut self.tx, &clip.sha256).await? {
            self.advance(render).await?;
        }
        Ok(())
    }
}

fn told(head: &TaskHead, shot: Option<String>) -> EventTask {
    EventTask {
        kind: head.kind,
        shot,
        attempt: head.attempt,
        progress: head.progress,
        worker: head.worker.clone(),
    }
}

fn kind_of(output: &TaskOutput) -> TaskKind {
    match output {
        TaskOutput::Inspect { .. } => TaskKind::Inspect,
        TaskOutput::Conform { .. } => TaskKind::Conform,
        TaskOutput::Mix(_) => TaskKind::Mix,
        TaskOutput::Assemble { .. } => TaskKind::Assemble,
        TaskOutput::Check { .. } => TaskKind::Check,
        TaskOutput::Package => TaskKind::Package,
    }
}
