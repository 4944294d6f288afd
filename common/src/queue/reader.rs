//! Takes entries from the lanes, one at a time and only while there is room for something, in the order of the worker's lanes.
//!
//! A worker reads only what nobody has read before; it never takes over another's entry. The one exception is its own: when the answer
//! to a read was lost, Redis has given the entry to this consumer without its knowing, and the next read asks for that first.

mod admission;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use redis::streams::StreamReadReply;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::task::{Lane, TaskMessage};

use super::book::Book;
use super::connection::{Backoff, millis};
use super::delivery::{Because, Delivery, FarmTask, Unreadable, hand_back, hand_back_task};
use super::error::QueueError;
use super::gate::{Openings, Pace};
use super::lease::Lease;
use super::refusals::Refusals;
use super::{FARM_GROUP, Link, Queue};

/// How long Redis holds a read open when there is nothing. Also how late a closed gate is noticed.
const READ_BLOCKS: Duration = Duration::from_secs(1);
/// How often a worker looks that leaves tasks to others.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

pub(super) struct Reader {
    queue: Queue,
    link: Link,
    lanes: Vec<Lane>,
    consumer: String,
    book: Arc<Book>,
    gate: watch::Receiver<Openings>,
    stop: CancellationToken,
    /// The newest entry of each lane that was dealt with: an own entry after it was given to us in an answer that was lost.
    newest: HashMap<Lane, String>,
    answer: Answer,
    refusals: Refusals,
    lanes_seen: Seen,
}

/// What the last read that waited has shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// Nothing lay in any lane: what comes is brought by the next wait, and need not be looked for.
    Empty,
    Unknown,
}

/// Whether the answer to the last read arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Arrived,
    MayBeLost,
}

impl Reader {
    pub(super) fn new(
        queue: &Queue,
        lanes: Vec<Lane>,
        consumer: String,
        book: Arc<Book>,
        gate: watch::Receiver<Openings>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            link: queue.new_link(),
            queue: queue.clone(),
            lanes,
            consumer,
            book,
            gate,
            stop,
            newest: HashMap::new(),
            answer: Answer::Arrived,
            refusals: Refusals::default(),
            lanes_seen: Seen::Unknown,
        }
    }

    /// Answers each wish with one task, until stopped.
    pub(super) async fn run(
        mut self,
        mut wishes: mpsc::Receiver<()>,
        tasks: mpsc::Sender<FarmTask>,
    ) {
        loop {
            let wish = tokio::select! {
                () = self.stop.cancelled() => return,
                wish = wishes.recv() => wish,
            };
            if wish.is_none() {
                return;
            }
            let Some(task) = self.next_task().await else {
                return;
            };
            if let Err(mpsc::error::SendError(task)) = tasks.send(task).await {
                hand_back_task(&self.queue, &self.link, &self.consumer, &self.book, &task).await;
                return;
            }
        }
    }

    /// Waits for the next task. `None` when stopped.
    async fn next_task(&mut self) -> Option<FarmTask> {
        let mut backoff = Backoff::new();
        while !self.stop.is_cancelled() {
            let openings = self.wait_for_room().await?;
            match self.step(&openings).await {
                Ok(Some(task)) => return Some(task),
                Ok(None) => backoff.reset(),
                Err(error) => {
                    self.answer = Answer::MayBeLost;
                    if error.is_no_group() {
                        self.make_lanes().await;
                    } else {
                        warn!(%error, "the lanes cannot be read");
                    }
                    backoff.pause(&self.stop.clone()).await;
                }
            }
        }
        None
    }

    /// Waits until a task may be taken, and says from where.
    async fn wait_for_room(&mut self) -> Option<Openings> {
        let mut count = self.book.count();
        loop {
            let mut openings = self.gate.borrow_and_update().clone();
            count.borrow_and_update();
            let (tasks, used) = self.book.in_use();
            openings.lanes = openings.lanes_with_room(tasks, &used);
            // One moment for both looks: between two of them an end might pass unnoticed.
            let now = Instant::now();
            openings
                .lanes
                .retain(|lane| !self.refusals.leaves_alone(*lane, now));
            if !openings.lanes.is_empty() {
                return Some(openings);
            }
            let next_end = self.refusals.next_end(now);
            let looks_again = async {
                match next_end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.stop.cancelled() => return None,
                changed = self.gate.changed() => changed.ok()?,
                changed = count.changed() => changed.ok()?,
                () = looks_again => {}
            }
        }
    }

    /// One read. `None`: nothing came, or nothing that can be run.
    async fn step(&mut self, openings: &Openings) -> Result<Option<FarmTask>, QueueError> {
        let mut deliveries = self.read(openings).await?.into_iter();
        let Some(first) = deliveries.next() else {
            return Ok(None);
        };
        // A read over several lanes may bring one of each: there is a slot for the first only.
        for surplus in deliveries {
            self.hand_back(&surplus, Because::NotHere).await?;
        }
        let closed = !self.gate.borrow().takes(first.lane);
        if closed || self.stop.is_cancelled() {
            self.hand_back(&first, Because::NotHere).await?;
            return Ok(None);
        }
        self.accept(first).await
    }

    async fn read(&mut self, openings: &Openings) -> Result<Vec<Delivery>, QueueError> {
        if self.answer == Answer::MayBeLost {
            let own: Vec<String> = self
                .lanes
                .iter()
                .map(|lane| {
                    self.newest
                        .get(lane)
                        .cloned()
                        .unwrap_or_else(|| "0".to_owned())
                })
                .collect();
            let given = self.read_after(&self.lanes, &own, None).await?;
            if !given.is_empty() {
                return Ok(given);
            }
            self.answer = Answer::Arrived;
        }
        let lanes = &openings.lanes;
        // With several lanes the order counts, so look without waiting first. A farm has thousands of idle workers: they look once, and then wait.
        let look = lanes.len() > 1 && self.lanes_seen == Seen::Unknown;
        if look || openings.pace == Pace::Yielding {
            for lane in lanes {
                let new = self.read_after(&[*lane], &[">".to_owned()], None).await?;
                if !new.is_empty() {
                    return Ok(new);
                }
            }
        }
        match openings.pace {
            Pace::Eager => {
                let new = vec![">".to_owned(); lanes.len()];
                self.lanes_seen = Seen::Unknown;
                let brought = self.read_after(lanes, &new, Some(READ_BLOCKS)).await?;
                if brought.is_empty() {
                    self.lanes_seen = Seen::Empty;
                }
                Ok(brought)
            }
            Pace::Yielding => {
                self.pause(LOOKS_EVERY).await;
                Ok(Vec::new())
            }
        }
    }

    async fn pause(&self, time: Duration) {
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = tokio::time::sleep(time) => {}
        }
    }

    async fn read_after(
        &self,
        lanes: &[Lane],
        after: &[String],
        blocks: Option<Duration>,
    ) -> Result<Vec<Delivery>, QueueError> {
        let mut command = redis::cmd("XREADGROUP");
        command
            .arg("GROUP")
            .arg(FARM_GROUP)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(1);
        if let Some(blocks) = blocks {
            command.arg("BLOCK").arg(millis(blocks));
        }
        command.arg("STREAMS");
        for lane in lanes {
            command.arg(self.queue.names.lane(*lane));
        }
        command.arg(after);
        let reply: Option<StreamReadReply> = self
            .link
            .query_once(&command, blocks.unwrap_or_default())
            .await?;
        let mut deliveries = Vec::new();
        for stream in reply.into_iter().flat_map(|reply| reply.keys) {
            let lane = lanes
                .iter()
                .find(|lane| self.queue.names.lane(**lane) == stream.key);
            if let Some(lane) = lane {
                deliveries.extend(
                    stream
                        .ids
                        .into_iter()
                        .map(|entry| Delivery { lane: *lane, entry }),
                );
            }
        }
        Ok(deliveries)
    }

    async fn accept(&mut self, delivery: Delivery) -> Result<Option<FarmTask>, QueueError> {
        match delivery.parse(self.queue.config.payload_version) {
            Ok(message) => self.admit(&delivery, message).await,
            Err(Unreadable::TooNew { version }) => {
                self.decline(&delivery, version).await?;
                Ok(None)
            }
            Err(why) => {
                delivery
                    .bury(&self.queue, &self.link, &self.consumer, &why)
                    .await?;
                self.dealt_with(&delivery);
                Ok(None)
            }
        }
    }

    /// Gives it to whoever understands it, as the same attempt, and leaves its lane alone for a moment: it may come right back.
    async fn decline(&mut self, delivery: &Delivery, version: u64) -> Result<(), QueueError> {
        warn!(
            version,
            understood = self.queue.config.payload_version,
            lane = delivery.lane.name(),
            "a task is newer than this worker understands: it goes back to its lane. Upgrade the worker"
        );
        self.hand_back(delivery, Because::NotHere).await?;
        self.book.tally().declined(version);
        self.refusals.stay_away(delivery.lane);
        Ok(())
    }

    fn dealt_with(&mut self, delivery: &Delivery) {
        self.newest.insert(delivery.lane, delivery.entry.id.clone());
    }

    async fn hand_back(&mut self, delivery: &Delivery, because: Because) -> Result<(), QueueError> {
        let key = delivery.key();
        hand_back(&self.queue, &self.link, &self.consumer, &key, because).await?;
        self.dealt_with(delivery);
        Ok(())
    }

    async fn make_lanes(&self) {
        for lane in &self.lanes {
            if let Err(error) = self.queue.ensure_lane(&self.link, *lane).await {
                warn!(%error, lane = lane.name(), "the lane cannot be made");
            }
        }
    }
}

/// What apalis is given.
fn task_of(message: TaskMessage, lease: Lease) -> FarmTask {
    TaskBuilder::new(message)
        .task_id(TaskId::from_string(lease.id.to_string()))
        .data(lease)
        .build()
}
