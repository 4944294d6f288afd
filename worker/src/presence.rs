//! How a worker is seen by the farm: says hello every few seconds, leaves its metrics for the API to show, and stops taking tasks while its disk is full.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use botflix_common::queue::{Gate, Queue};
use botflix_common::report::WorkerHello;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::metrics::Metrics;
use crate::runner::TaskRunner;

const HELLO_EVERY: Duration = Duration::from_secs(3);
/// How often the metrics are left, rounded up to a hello.
const METRICS_EVERY: Duration = Duration::from_secs(9);

#[derive(Clone)]
pub(crate) struct Presence {
    queue: Queue,
    gate: Gate,
    runner: TaskRunner,
    hello: Arc<Mutex<WorkerHello>>,
    metrics: Metrics,
}

impl Presence {
    pub fn new(
        queue: Queue,
        gate: Gate,
        runner: TaskRunner,
        hello: WorkerHello,
        metrics: Metrics,
    ) -> Self {
        Self {
            queue,
            gate,
            runner,
            hello: Arc::new(Mutex::new(hello)),
            metrics,
        }
    }

    /// Renews the registration until stopped.
    pub async fn keep(self, stop: CancellationToken) {
        let mut ticks = interval(HELLO_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut left_at: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            self.mind_the_disk();
            self.announce().await;
            if left_at.is_none_or(|at| at.elapsed() >= METRICS_EVERY) {
                left_at = Some(Instant::now());
                self.leave_metrics().await;
            }
        }
    }

    /// Redis may be away: the next hello is soon.
    pub async fn announce(&self) {
        let hello = self.hello().clone();
        if let Err(error) = self.queue.hello(&hello).await {
            debug!(%error, "hello was not heard");
        }
    }

    /// What is not heard now is left again soon: these are counts since the start.
    async fn leave_metrics(&self) {
        let page = match self.metrics.text() {
            Ok(page) => page,
            Err(error) => {
                warn!(%error, "metrics cannot be written");
                return;
            }
        };
        let instance = self.hello().instance.clone();
        if let Err(error) = self.queue.leave_metrics(&instance, &page).await {
            debug!(%error, "the metrics were not left");
        }
    }

    /// No new task from here on, and everybody may know.
    pub async fn drain(&self) {
        {
            let mut hello = self.hello();
            hello.draining = true;
            self.metrics.draining();
            self.gate.close();
        }
        self.announce().await;
    }

    pub async fn goodbye(&self) {
        let instance = self.hello().instance.clone();
        if let Err(error) = self.queue.goodbye(&instance).await {
            debug!(%error, "goodbye was not heard: the registration runs out by itself");
        }
    }

    fn mind_the_disk(&self) {
        // Held to the end, so that a drain that begins meanwhile has the last word on the gate.
        let mut hello = self.hello();
        if hello.draining {
            return;
        }
        match self.runner.check_room() {
            Ok(()) if hello.disk_full => {
                warn!("scratch has room again: taking tasks");
                hello.disk_full = false;
                self.metrics.disk_full(false);
                self.gate.open();
            }
            Err(error) if !hello.disk_full => {
                warn!(%error, "no new task is taken");
                hello.disk_full = true;
                self.metrics.disk_full(true);
                self.gate.close();
            }
            Ok(()) | Err(_) => {}
        }
    }

    fn hello(&self) -> std::sync::MutexGuard<'_, WorkerHello> {
        self.hello.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
