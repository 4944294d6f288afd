//! The loop that compares what SQL believes with what Redis knows, and sets right what a crash or a lost Redis left behind.
//!
//! Periodic, idempotent, takes no input; the leader runs it, and were there two, every repair is a guarded write. It never believes one
//! scan: something is absent, or odd, only when it was so twice.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::id::RenderId;
use botflix_common::queue::QueueError;
use botflix_common::report::WorkerHello;
use botflix_common::task::{AttemptId, Lane};
use tokio::time::Instant;
use tracing::{info, warn};

use super::Core;
use super::dispatcher::{slots, takes};
use super::finish::Ending;
use super::housekeeping::Housekeeping;
use super::loops::Backoff;
use super::workers::{Stored, WorkersError};
use crate::clock;
use crate::db::tasks::{self, TaskHead, pick};
use crate::db::{DbError, quarantine, renders};

/// Renders set right in one round.
const RENDERS: u32 = 100;

#[derive(Debug, thiserror::Error)]
pub(super) enum ReconcileError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Workers(#[from] WorkersError),
}

/// How an attempt came to be lost.
#[derive(Clone, Copy, Debug)]
enum Loss {
    /// Its lease ran out.
    Lease,
    /// Redis does not know it.
    Vanished,
    /// Nobody who is there takes it.
    Stranded,
}

/// What scans of one lane found wrong.
#[derive(Default)]
struct Suspicions {
    /// In SQL and not in Redis.
    absent: Suspects<AttemptId>,
    /// In Redis and not current in SQL.
    odd: Suspects<AttemptId>,
    /// Queued, and nobody who is there takes it.
    stranded: Suspects<AttemptId>,
}

/// What all scans found so far.
#[derive(Default)]
struct Memory {
    lanes: HashMap<Lane, Suspicions>,
    /// Lanes with work that no worker serves.
    unserved: Suspects<Lane>,
    /// Of workers, in SQL.
    stored: Stored,
}

/// What is under suspicion, since when; dropped as soon as one scan clears it.
struct Suspects<T>(HashMap<T, Instant>);

impl<T> Default for Suspects<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T: Copy + Eq + Hash> Suspects<T> {
    /// Takes what a scan saw and returns what every scan has seen for at least `long_enough`.
    fn confirm(&mut self, seen: &HashSet<T>, long_enough: Duration) -> Vec<T> {
        self.0.retain(|id, _| seen.contains(id));
        for id in seen {
            self.0.entry(*id).or_insert_with(Instant::now);
        }
        let confirmed = self
            .0
            .iter()
            .filter(|(_, since)| since.elapsed() >= long_enough);
        confirmed.map(|(id, _)| *id).collect()
    }
}

pub(super) async fn run(core: Arc<Core>) {
    let mut memory = Memory::default();
    let mut backoff = Backoff::default();
    let mut housekeeping = Housekeeping::default();
    while !core.stop.is_cancelled() {
        let round = if core.leadership.leads() {
            let round = core.reconcile(&mut memory).await;
            core.leadership.round_ended(round.is_ok());
            round
        } else {
            core.metrics.levels.leads(false);
            // What was suspected before another led is old news when this process leads again.
            memory = Memory::default();
            core.look_around().await
        };
        match round {
            Ok(()) => backoff.reset(),
            Err(error) => {
                // What was not seen was not absent.
                memory.unserved = Suspects::default();
                warn!(%error, "reconciling failed");
                core.metrics.loop_failed("reconciler");
                backoff.pause(&core.stop).await;
            }
        }
        if core.leadership.leads() {
            housekeeping.round(&core).await;
        }
        tokio::select! {
            () = core.stop.cancelled() => {}
            () = tokio::time::sleep(core.config.reconcile_every) => {}
        }
    }
}

impl Core {
    /// What every process must know to plan a film as its neighbours do.
    async fn look_around(&self) -> Result<(), ReconcileError> {
        self.look_back().await?;
        self.meet(&self.queue.workers().await?);
        Ok(())
    }

    async fn reconcile(self: &Arc<Self>, memory: &mut Memory) -> Result<(), ReconcileError> {
        // First what needs no Redis.
        self.look_back().await?;
        self.advance_overlooked().await?;
        let census = tasks::census(&self.db).await?;
        self.metrics.levels.tasks(&census);
        let now_ms = clock::now_ms();
        let since = tasks::waiting_since(&self.db).await?;
        self.metrics.levels.queue_ages(&since, now_ms);
        let confined = quarantine::count(&self.db).await?;
        self.metrics.levels.quarantined(confined);
        let unfinished = renders::unfinished(&self.db).await?;
        self.metrics.levels.renders(&unfinished, now_ms);
        let workers = self.queue.workers().await?;
        self.meet(&workers);
        self.metrics.levels.workers(&workers);
        for lane in Lane::ALL {
            let reaped = self.queue.reap(lane, self.queue.config().lease).await?;
            self.end_all(reaped, Loss::Lease).await;
            let suspicions = memory.lanes.entry(lane).or_default();
            self.compare(lane, suspicions).await?;
            self.recall(lane, &workers, &mut suspicions.stranded)
                .await?;
        }
        let picture = self.picture().await?;
        for lane in Lane::ALL {
            for (reason, tasks) in picture.waits(lane) {
                self.metrics.levels.waits(lane, reason, tasks);
            }
        }
        let unserved = census
            .iter()
            .map(|one| one.lane)
            .filter(|lane| lane.is_gpu() && slots(*lane, &workers) == 0)
            .collect();
        let patience = self.config.encoder_absent_for;
        for lane in memory.unserved.confirm(&unserved, patience) {
            self.free_from(lane).await?;
        }
        self.mind_workers(&mut memory.stored, &workers).await?;
        Ok(())
    }

    /// Renders that wait although all their clips are decided.
    async fn advance_overlooked(self: &Arc<Self>) -> Result<(), DbError> {
        for id in renders::overlooked(&self.db, RENDERS).await? {
            match self.advance(id).await {
                Ok(()) => {
                    self.metrics.healed("overlooked");
                    info!(render = %id, "a render that had been overlooked moves on");
                }
                // The others are none the worse for it.
                Err(error) => warn!(%error, render = %id, "a render cannot be moved on"),
            }
        }
        Ok(())
    }

    async fn advance(self: &Arc<Self>, id: RenderId) -> Result<(), DbError> {
        let mut change = self.change().await?;
        change.advance(id).await?;
        self.commit(change).await
    }

    async fn compare(
        self: &Arc<Self>,
        lane: Lane,
        suspicions: &mut Suspicions,
    ) -> Result<(), ReconcileError> {
        // SQL first: what is queued after this is not expected in the snapshot.
        let believed = tasks::in_flight(&self.db, lane).await?;
        // A worker reports first and lets go after: of what is gone from the lane, the end may wait among the reports.
        let behind = self.queue.reports_behind().await?;
        let snapshot = self.queue.snapshot(lane).await?;
        let held = snapshot
            .entries
            .iter()
            .filter(|entry| entry.holder.is_some())
            .count();
        self.metrics
            .levels
            .queue_depth(lane, snapshot.entries.len() - held, held);
        let known: HashSet<AttemptId> = snapshot.entries.iter().map(|entry| entry.id).collect();
        let current: HashSet<AttemptId> = believed.iter().map(TaskHead::attempt_id).collect();

        let settled_ms = self.config.settled_after.as_millis();
        let settled = clock::now_ms() - i64::try_from(settled_ms).unwrap_or(i64::MAX);
        let absent = believed
            .iter()
            .filter(|task| task.updated_at_ms <= settled && !snapshot.truncated)
            .map(TaskHead::attempt_id)
            .filter(|id| !known.contains(id))
            .collect();
        let long_enough = self.config.absent_for.max(behind);
        let absent = suspicions.absent.confirm(&absent, long_enough);
        self.end_all(absent, Loss::Vanished).await;
        // Over or canceled, yet in the queue or at a worker: called off, so that nobody spends time on it.
        let odd = known.difference(&current).copied().collect();
        for id in suspicions.odd.confirm(&odd, self.config.absent_for) {
            self.call_off(lane, id).await?;
            self.metrics.healed("called_off");
        }
        Ok(())
    }

    /// Takes out of a lane what those who would have taken it left there: its places are for what others can do.
    async fn recall(
        self: &Arc<Self>,
        lane: Lane,
        workers: &[WorkerHello],
        suspects: &mut Suspects<AttemptId>,
    ) -> Result<(), ReconcileError> {
        let stranded = if slots(lane, workers) == 0 {
            Vec::new()
        } else {
            pick::stranded(&self.db, lane, &takes(lane, workers)).await?
        };
        let stranded = stranded.into_iter().collect();
        for id in suspects.confirm(&stranded, self.config.absent_for) {
            // One that somebody looks at just now is for a later round.
            if self.queue.remove(lane, id).await? {
                self.end_all(vec![id], Loss::Stranded).await;
            }
        }
        Ok(())
    }

    /// One that cannot be ended now is in SQL and not in Redis: a later round finds it so.
    async fn end_all(self: &Arc<Self>, attempts: Vec<AttemptId>, loss: Loss) {
        for id in attempts {
            if let Err(error) = self.end(id, loss).await {
                warn!(%error, attempt = %id, "a lost attempt cannot be ended yet");
                self.metrics.loop_failed("reconciler");
            }
        }
    }

    async fn end(self: &Arc<Self>, id: AttemptId, loss: Loss) -> Result<(), DbError> {
        let mut change = self.change().await?;
        let ending = match loss {
            Loss::Lease => change.lost(id, &self.config).await?,
            Loss::Vanished => change.vanished(id).await?,
            Loss::Stranded => change.recalled(id).await?,
        };
        if ending == Ending::Stale {
            return Ok(());
        }
        self.commit(change).await?;
        self.metrics.attempt_healed(loss.name(), ending);
        warn!(attempt = %id, loss = loss.name(), "an attempt was lost: its task runs again");
        Ok(())
    }
}

impl Loss {
    fn name(self) -> &'static str {
        match self {
            Self::Lease => "lease",
            Self::Vanished => "vanished",
            Self::Stranded => "stranded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::hash::TaskKey;

    #[tokio::test(start_paused = true)]
    async fn one_scan_is_not_believed_and_one_that_clears_starts_anew() {
        let id = AttemptId {
            task: TaskKey::of(b"task"),
            attempt: 1,
        };
        let (wrong, fine) = (HashSet::from([id]), HashSet::new());
        let (mut suspects, five) = (Suspects::default(), Duration::from_secs(5));
        assert!(suspects.confirm(&wrong, five).is_empty());
        tokio::time::advance(five).await;
        assert!(suspects.confirm(&fine, five).is_empty());
        assert!(suspects.confirm(&wrong, five).is_empty());
        tokio::time::advance(five).await;
        assert_eq!(suspects.confirm(&wrong, five), [id]);
    }
}
