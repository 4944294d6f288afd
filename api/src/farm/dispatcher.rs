//! The loop that fills the queue: ready tasks, fairly between directors, and no more than the workers will soon take.
//!
//! The order of its steps is what makes a crash harmless anywhere: queued in SQL (the truth), then the attempt's input in object storage,
//! then the message. What stops half way is in SQL and not in Redis, which the reconciler sees.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::http::AttemptOutcome;
use botflix_common::queue::QueueError;
use botflix_common::report::WorkerHello;
use botflix_common::storage::StorageError;
use botflix_common::storage_key;
use botflix_common::task::{
    AttemptId, Demand, Lane, TaskInput, TaskKind, TaskMessage, TaskRecord, TaskSpec,
};
use futures::StreamExt;
use tokio::time::Instant;
use tracing::warn;

use super::Core;
use super::blame;
use super::loops::Backoff;
use super::share::Shares;
use super::turns;
use crate::clock;
use crate::db::tasks::attempts::End;
use crate::db::tasks::moves::Charge;
use crate::db::tasks::{self, moves, pick};
use crate::db::{DbError, clips};

/// Attempts queued in one transaction of a lane.
const BATCH: u64 = 256;
/// Attempts delivered to storage and Redis at the same time.
const DELIVERIES: usize = 32;
/// How old the list of workers may be. It is long where there are many, and work comes many times a second.
const WORKERS_FRESH: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Queue(#[from] QueueError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("what it is to do could not be read")]
    NoInput,
}

/// An attempt on its way to Redis.
#[derive(Clone, Copy)]
struct Outgoing {
    id: AttemptId,
    kind: TaskKind,
    lane: Lane,
}

/// What the dispatcher remembers from round to round.
#[derive(Default)]
struct Memory {
    /// Whose turn it is in each lane.
    turns: HashMap<Lane, Shares>,
    workers_seen: Option<Instant>,
}

pub(super) async fn run(core: Arc<Core>) {
    let mut backoff = Backoff::default();
    let mut memory = Memory::default();
    while !core.stop.is_cancelled() {
        if !core.leadership.leads() {
            // What is to be handed out is for the leader to see.
            memory = Memory::default();
            tokio::select! {
                () = core.stop.cancelled() => {}
                () = core.leadership.gained() => {}
                () = core.dispatch.notified() => core.rouse().await,
            }
            continue;
        }
        match core.dispatch_all(&mut memory).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                warn!(%error, "dispatching failed");
                core.metrics.loop_failed("dispatcher");
                backoff.pause(&core.stop).await;
            }
        }
        tokio::select! {
            () = core.stop.cancelled() => {}
            () = core.dispatch.notified() => {}
            () = tokio::time::sleep(core.config.dispatch_every) => {}
        }
    }
}

/// Tasks of a lane that the workers run at once.
pub(super) fn slots(lane: Lane, workers: &[WorkerHello]) -> u64 {
    workers
        .iter()
        .filter(|worker| worker.takes_tasks_of(lane))
        .map(|worker| u64::from(worker.slots))
        .sum()
}

/// The most memory that a worker which takes tasks of the lane gives to them. One that does not say how much has as much as it takes; where
/// nobody takes tasks, nobody is in the way of those that will come.
fn memory_limit(lane: Lane, workers: &[WorkerHello]) -> u64 {
    let taking = workers.iter().filter(|worker| worker.takes_tasks_of(lane));
    let limits = taking.map(|worker| match worker.budget {
        Some(budget) if budget.memory_bytes > 0 => budget.memory_bytes,
        _ => u64::MAX,
    });
    limits.max().unwrap_or(u64::MAX)
}

/// With the bytes that it reads: its clips, and what the tasks before it made.
fn demand_of(spec: &TaskSpec, records: &[TaskRecord], sizes: &HashMap<Sha, u64>) -> Demand {
    let clips = spec.clips();
    let clips: u64 = clips.iter().filter_map(|clip| sizes.get(clip)).sum();
    let reads_artifacts = !matches!(spec, TaskSpec::Package(_));
    let artifacts = records.iter().flat_map(|record| record.artifacts.values());
    let made: u64 = artifacts.map(|artifact| artifact.bytes).sum();
    let input_bytes = clips.saturating_add(if reads_artifacts { made } else { 0 });
    Demand::of(spec, input_bytes)
}

pub(super) fn takes(lane: Lane, workers: &[WorkerHello]) -> pick::Takes {
    pick::Takes {
        memory_bytes: memory_limit(lane, workers),
        refused: blame::refused(lane, workers),
    }
}

impl Core {
    async fn dispatch_all(&self, memory: &mut Memory) -> Result<(), DispatchError> {
        let due = pick::due(&self.db, clock::now_ms()).await?;
        if due.is_empty() {
            return Ok(());
        }
        // Also the proof that Redis is there: nothing is queued in SQL while it is away.
        self.see_workers(memory).await?;
        let workers = self.workers();
        for lane in due {
            let depth = self.depth(lane, &workers);
            let shares = memory.turns.entry(lane).or_default();
            let takes = takes(lane, &workers);
            let outgoing = self.enqueue(lane, (depth, &takes), shares).await?;
            if outgoing.len() as u64 >= BATCH {
                // There may be more, and room for it.
                self.dispatch.notify_one();
            }
            self.deliver_all(&outgoing).await;
        }
        Ok(())
    }

    async fn see_workers(&self, memory: &mut Memory) -> Result<(), DispatchError> {
        let fresh = |seen: Instant| seen.elapsed() < WORKERS_FRESH;
        if memory.workers_seen.is_some_and(fresh) {
            return Ok(self.queue.ping().await?);
        }
        let seen = Instant::now();
        let workers = self.queue.workers().await?;
        self.meet(&workers);
        // As long as nobody is there, whoever comes is seen at once.
        memory.workers_seen = (!workers.is_empty()).then_some(seen);
        Ok(())
    }

    /// How many tasks of a lane may be queued or running at once.
    fn depth(&self, lane: Lane, workers: &[WorkerHello]) -> u64 {
        match slots(lane, workers) {
            0 => self.config.depth_without_workers,
            slots => slots.saturating_mul(self.config.depth_per_slot),
        }
    }

    /// ready → queued for as many as fit, in one transaction.
    async fn enqueue(
        &self,
        lane: Lane,
        (depth, takes): (u64, &pick::Takes),
        shares: &mut Shares,
    ) -> Result<Vec<Outgoing>, DispatchError> {
        let now_ms = clock::now_ms();
        let mut tx = self.db.write_graph().await?;
        let (mut busy, mut in_lane) = (HashMap::new(), 0);
        for (director, of, tasks) in pick::busy(&mut tx).await? {
            *busy.entry(director).or_insert(0) += tasks;
            in_lane += if of == lane { tasks } else { 0 };
        }
        let free = depth.saturating_sub(in_lane).min(BATCH);
        if free == 0 {
            return Ok(Vec::new());
        }
        let settings = (&self.config, now_ms, takes);
        let queued = turns::hand_out(&mut tx, lane, free, &busy, shares, settings).await?;
        tx.commit().await?;
        let outgoing = queued.into_iter().map(|(id, next)| {
            let kind = next.kind;
            let waited_ms = now_ms - next.ready_since_ms;
            self.metrics.dispatched(kind, lane, waited_ms);
            Outgoing { id, kind, lane }
        });
        Ok(outgoing.collect())
    }

    async fn deliver_all(&self, outgoing: &[Outgoing]) {
        let keys: Vec<TaskKey> = outgoing.iter().map(|one| one.id.task).collect();
        let mut inputs = match tasks::inputs(&self.db, &keys).await {
            Ok(inputs) => inputs,
            Err(error) => {
                warn!(%error, "what attempts are to do cannot be read at once");
                self.inputs_one_by_one(&keys).await
            }
        };
        let sizes = self.sizes_of_clips(inputs.values()).await;
        let deliveries: Vec<_> = outgoing
            .iter()
            .map(|one| {
                let input = inputs.remove(&one.id.task);
                let demand = input
                    .as_ref()
                    .map(|(spec, records)| demand_of(spec, records, &sizes));
                (*one, input, demand)
            })
            .collect();
        futures::stream::iter(deliveries)
            .for_each_concurrent(DELIVERIES, |(outgoing, input, demand)| {
                self.deliver_or_take_back(outgoing, input, demand)
            })
            .await;
    }

    /// None where they cannot be read now: then less disk is taken to be needed, and a worker's disk has the last word.
    async fn sizes_of_clips(
        &self,
        inputs: impl Iterator<Item = &tasks::Input>,
    ) -> HashMap<Sha, u64> {
        let clips: HashSet<Sha> = inputs.flat_map(|(spec, _)| spec.clips()).collect();
        let clips: Vec<Sha> = clips.into_iter().collect();
        clips::sizes(&self.db, &clips)
            .await
            .inspect_err(|error| warn!(%error, "the sizes of clips cannot be read"))
            .unwrap_or_default()
    }

    /// One that cannot be read is not in the way of the others.
    async fn inputs_one_by_one(&self, keys: &[TaskKey]) -> HashMap<TaskKey, tasks::Input> {
        let mut inputs = HashMap::with_capacity(keys.len());
        for key in keys {
            match tasks::inputs(&self.db, std::slice::from_ref(key)).await {
                Ok(one) => inputs.extend(one),
                Err(error) => warn!(%error, task = %key, "what a task is to do cannot be read"),
            }
        }
        inputs
    }

    async fn deliver_or_take_back(
        &self,
        outgoing: Outgoing,
        input: Option<tasks::Input>,
        demand: Option<Demand>,
    ) {
        let Err(error) = self.deliver(outgoing, input, demand).await else {
            return;
        };
        warn!(%error, attempt = %outgoing.id, "an attempt could not be delivered");
        self.metrics.loop_failed("dispatcher");
        if let Err(error) = self.take_back(outgoing.id).await {
            // The reconciler will miss it in Redis.
            warn!(%error, attempt = %outgoing.id, "nor could it be taken back");
        }
    }

    async fn deliver(
        &self,
        outgoing: Outgoing,
        input: Option<tasks::Input>,
        demand: Option<Demand>,
    ) -> Result<(), DispatchError> {
        let Outgoing { id, kind, lane } = outgoing;
        let version = self.queue.config().payload_version;
        let (spec, records) = input.ok_or(DispatchError::NoInput)?;
        let input = TaskInput {
            version,
            spec,
            upstream: records
                .into_iter()
                .map(|record| (record.task, record))
                .collect::<BTreeMap<_, _>>(),
        };
        self.storage
            .put_json(&storage_key::input(&id), &input)
            .await?;
        let message = TaskMessage {
            version,
            id,
            kind,
            demand,
        };
        fail_point::pass(FailPoint::BeforePush, Passing::of(kind, id));
        self.queue.push(lane, &message).await?;
        fail_point::pass(FailPoint::AfterPush, Passing::of(kind, id));
        Ok(())
    }

    /// queued → ready: the next attempt is another one, so it does not matter whether this one reached Redis after all.
    async fn take_back(&self, id: AttemptId) -> Result<(), DbError> {
        let now_ms = clock::now_ms();
        let mut tx = self.db.write_graph().await?;
        // Each attempt is a row in a director's log: a storage that is away for hours must not fill it.
        let wait = self.config.backoff(id.attempt.saturating_sub(1));
        let due_at_ms = now_ms + i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let end = End::silent(
            AttemptOutcome::Vanished,
            "It could not be put into the queue.",
        );
        let moved = moves::requeue(&mut tx, id, Charge::Nothing, &end, due_at_ms, now_ms).await?;
        if moved.is_made() {
            tx.commit().await?;
        }
        Ok(())
    }
}
