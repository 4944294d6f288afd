//! Workers and attempts for the tests: an apalis worker whose handler is a closure, and waiting with a deadline.

use std::sync::Arc;
use std::time::{Duration, Instant};

use apalis::prelude::*;
use botflix_common::hash::TaskKey;
use botflix_common::queue::{Gate, LaneBackend, Lease, LeaseTally, Queue};
use botflix_common::task::{AttemptId, Lane, PAYLOAD_VERSION, TaskKind, TaskMessage};
use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

type Handler =
    Arc<dyn Fn(TaskMessage, Lease) -> BoxFuture<'static, Result<(), BoxDynError>> + Send + Sync>;

pub fn attempt(name: &str, number: u32) -> AttemptId {
    AttemptId {
        task: TaskKey::of(name.as_bytes()),
        attempt: number,
    }
}

pub fn message(id: AttemptId) -> TaskMessage {
    TaskMessage {
        version: PAYLOAD_VERSION,
        id,
        kind: TaskKind::Conform,
        demand: None,
    }
}

pub struct Worker {
    stop: Arc<Notify>,
    running: JoinHandle<Result<(), WorkerError>>,
    pub gate: Gate,
    pub tally: LeaseTally,
}

impl Worker {
    pub fn start<F>(
        queue: &Queue,
        lanes: Vec<Lane>,
        name: &str,
        slots: usize,
        handler: impl Fn(TaskMessage, Lease) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<(), BoxDynError>> + Send + 'static,
    {
        let backend = LaneBackend::start(queue, lanes, name).unwrap();
        let gate = backend.gate();
        let tally = backend.lease_tally();
        let stop = Arc::new(Notify::new());
        let handler: Handler = Arc::new(move |message, lease| Box::pin(handler(message, lease)));
        let worker = WorkerBuilder::new(name.to_owned())
            .backend(backend)
            .concurrency(slots)
            .data(handler)
            .build(handle);
        let stopped = Arc::clone(&stop);
        let running = tokio::spawn(worker.run_until(async move {
            stopped.notified().await;
            Ok::<(), WorkerError>(())
        }));
        Self {
            stop,
            running,
            gate,
            tally,
        }
    }

    /// Begins to drain.
    pub fn stop(&self) {
        self.stop.notify_one();
    }

    /// As if the worker's future had been dropped.
    pub fn abort(&self) {
        self.running.abort();
    }

    pub async fn join(self) {
        self.stop.notify_one();
        within(Duration::from_secs(20), self.running)
            .await
            .unwrap()
            .unwrap();
    }
}

async fn handle(
    message: TaskMessage,
    lease: Data<Lease>,
    handler: Data<Handler>,
) -> Result<(), BoxDynError> {
    let handler = Arc::clone(&handler);
    handler(message, lease.0).await
}

/// A handler that says which attempts it ran.
pub fn noting(
    ran: &mpsc::Sender<AttemptId>,
) -> impl Fn(TaskMessage, Lease) -> BoxFuture<'static, Result<(), BoxDynError>> + Send + Sync + use<>
{
    let ran = ran.clone();
    move |message, _| {
        let ran = ran.clone();
        Box::pin(async move {
            ran.send(message.id).await?;
            Ok(())
        })
    }
}

pub async fn within<T>(limit: Duration, wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, wait)
        .await
        .expect("took too long")
}

pub async fn next<T>(receiver: &mut mpsc::Receiver<T>) -> T {
    within(Duration::from_secs(15), receiver.recv())
        .await
        .expect("the sender is gone")
}

/// Polls until it is so.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while !is_so().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub async fn eventually_empty(queue: &Queue, lane: Lane) {
    eventually("the lane is empty", async || {
        queue
            .depth(lane)
            .await
            .is_ok_and(|depth| depth.waiting + depth.held == 0)
    })
    .await;
}
