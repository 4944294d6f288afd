//! The apalis backend of a worker: turns what the reader brings into apalis tasks, and closes down without dropping anything.
//!
//! Redis' troubles never reach apalis: reading, renewing and acknowledging are tasks of their own that go on trying.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use crate::task::{Lane, TaskMessage};

use super::acks::{ACKS_WAITING, AckLayer, Acknowledger};
use super::book::Book;
use super::delivery::{FarmTask, hand_back_task};
use super::gate::Gate;
use super::keeper::{Keeper, fence};
use super::lease::EntryKey;
use super::reader::Reader;
use super::tally::LeaseTally;
use super::{FARM_GROUP, Queue, QueueConfig, QueueError, scripts};

/// Delivers the tasks of some lanes to one apalis worker. When it is dropped without being closed, its leases run out.
pub struct LaneBackend {
    queue: Queue,
    consumer: String,
    gate: Gate,
    wishes: mpsc::Sender<()>,
    tasks: Option<mpsc::Receiver<FarmTask>>,
    wish: Wish,
    layer: AckLayer,
    book: Arc<Book>,
    stop_reading: CancellationToken,
    reading: TaskTracker,
    keeping: TaskTracker,
    stop_keeping: CancellationToken,
    closing: Closing,
    _stop_when_dropped: (DropGuard, DropGuard),
}

/// Whether the reader was asked for a task that it has not brought yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    None,
    Made,
}

enum Closing {
    NotYet,
    UnderWay(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl LaneBackend {
    /// Starts reading as soon as the worker has a free slot, from the first lane that has something. Call within a tokio runtime.
    ///
    /// `consumer` must be unique to this process: it owns the leases.
    pub fn start(
        queue: &Queue,
        lanes: Vec<Lane>,
        consumer: impl Into<String>,
    ) -> Result<Self, QueueError> {
        let consumer = consumer.into();
        if lanes.is_empty() || consumer.is_empty() {
            return Err(QueueError::Config(
                "a worker needs a name and a lane".to_owned(),
            ));
        }
        let (wishes, wishes_made) = mpsc::channel(1);
        let (task_sender, tasks) = mpsc::channel(1);
        let (acks, acks_made) = mpsc::channel(ACKS_WAITING);
        let book = Arc::new(Book::new());
        let (gate, gate_seen) = Gate::new(lanes.clone(), Arc::clone(&book));
        let (stop_reading, stop_keeping) = (CancellationToken::new(), CancellationToken::new());
        let (reading, keeping) = (TaskTracker::new(), TaskTracker::new());

        let reader = Reader::new(
            queue,
            lanes,
            consumer.clone(),
            Arc::clone(&book),
            gate_seen,
            stop_reading.clone(),
        );
        reading.spawn(reader.run(wishes_made, task_sender));
        spawn_keeping(queue, &consumer, &book, acks_made, &keeping, &stop_keeping);

        Ok(Self {
            queue: queue.clone(),
            consumer,
            gate,
            wishes,
            tasks: Some(tasks),
            wish: Wish::None,
            layer: AckLayer {
                acks,
                book: Arc::clone(&book),
            },
            book,
            _stop_when_dropped: (
                stop_reading.clone().drop_guard(),
                stop_keeping.clone().drop_guard(),
            ),
            stop_reading,
            reading,
            keeping,
            stop_keeping,
            closing: Closing::NotYet,
        })
    }

    /// What happens to this backend's leases.
    pub fn lease_tally(&self) -> LeaseTally {
        self.book.tally()
    }

    pub fn gate(&self) -> Gate {
        self.gate.clone()
    }

    /// What must be done once no task runs any more: stop reading, put back what was not started, have every end acknowledged.
    fn close(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.gate.close();
        self.stop_reading.cancel();
        let (queue, consumer, book) = (
            self.queue.clone(),
            self.consumer.clone(),
            Arc::clone(&self.book),
        );
        let (reading, keeping) = (self.reading.clone(), self.keeping.clone());
        let stop_keeping = self.stop_keeping.clone();
        let tasks = self.tasks.take();
        Box::pin(async move {
            reading.close();
            reading.wait().await;
            let link = queue.new_link();
            if let Some(mut tasks) = tasks {
                tasks.close();
                while let Ok(task) = tasks.try_recv() {
                    hand_back_task(&queue, &link, &consumer, &book, &task).await;
                }
            }
            // After a whole lease without an answer there is nothing left to acknowledge: the entries are no longer ours.
            let patience = queue.config.lease;
            if tokio::time::timeout(patience, book.emptied())
                .await
                .is_err()
            {
                warn!("finished tasks stay unacknowledged: Redis does not answer");
            }
            stop_keeping.cancel();
            keeping.close();
            keeping.wait().await;
            forget_consumer(&queue, &consumer).await;
        })
    }
}

fn spawn_keeping(
    queue: &Queue,
    consumer: &str,
    book: &Arc<Book>,
    acks: mpsc::Receiver<EntryKey>,
    tracker: &TaskTracker,
    stop: &CancellationToken,
) {
    // One for both: their commands are short, and none of them waits in Redis. A farm has thousands of workers, and Redis counts connections.
    let link = queue.new_link();
    let keeper = Keeper {
        link: link.clone(),
        names: queue.names.clone(),
        config: Arc::clone(&queue.config),
        consumer: consumer.to_owned(),
        book: Arc::clone(book),
    };
    let acknowledger = Acknowledger {
        link,
        names: queue.names.clone(),
        consumer: consumer.to_owned(),
        book: Arc::clone(book),
    };
    tracker.spawn(keeper.run(stop.clone()));
    tracker.spawn(acknowledger.run(acks, stop.clone()));
    tracker.spawn(fence(
        Arc::clone(book),
        Arc::clone(&queue.config),
        stop.clone(),
    ));
}

/// Leaves no trace in the groups. What fails here, [`Queue::forget_idle_consumers`] does later.
async fn forget_consumer(queue: &Queue, consumer: &str) {
    for lane in Lane::ALL {
        let mut script = scripts::FORGET.key(queue.names.lane(lane));
        script.arg(FARM_GROUP).arg(0).arg(consumer);
        if let Err(error) = queue.link.script::<u64>(&script).await {
            debug!(%error, consumer, "a consumer could not be forgotten");
            return;
        }
    }
}

impl Backend for LaneBackend {
    type Task = FarmTask;
    type Error = Infallible;

    fn poll_ready(
        &mut self,
        _: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    /// Called only when the worker has a free slot.
    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Self::Task, Self::Error>>> {
        let Some(tasks) = self.tasks.as_mut() else {
            return Poll::Ready(None);
        };
        if self.wish == Wish::None && self.wishes.try_send(()).is_ok() {
            self.wish = Wish::Made;
        }
        match tasks.poll_recv(cx) {
            Poll::Ready(Some(task)) => {
                self.wish = Wish::None;
                Poll::Ready(Some(Ok(task)))
            }
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Called when the last running task has ended.
    fn poll_close(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Result<(), Self::Error>> {
        if matches!(self.closing, Closing::NotYet) {
            self.closing = Closing::UnderWay(self.close());
        }
        if let Closing::UnderWay(closing) = &mut self.closing {
            std::task::ready!(closing.as_mut().poll(cx));
            self.closing = Closing::Done;
        }
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for LaneBackend {
    type Args = TaskMessage;
    type Id = TaskId;
    type Kind = Ephemeral;
    type Config = QueueConfig;
    type Layer = AckLayer;

    fn config(&self) -> &QueueConfig {
        self.queue.config()
    }

    fn middleware(&mut self, _: &mut WorkerContext) -> AckLayer {
        self.layer.clone()
    }
}

impl fmt::Debug for LaneBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaneBackend")
            .field("consumer", &self.consumer)
            .field("gate", &self.gate)
            .finish_non_exhaustive()
    }
}
