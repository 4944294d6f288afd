//! How the loops run: each for itself, through every error, and started again should one panic.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::error;

use super::config::Reconciling;
use super::{Core, dispatcher, housekeeping, leader, reconciler, reports};

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

pub(super) fn start(core: &Arc<Core>) {
    keep_running(core, "leader", leader::run);
    keep_running(core, "bell", leader::listen);
    keep_running(core, "dispatcher", dispatcher::run);
    keep_running(core, "reports", reports::run);
    if core.config.reconciler == Reconciling::On {
        keep_running(core, "reconciler", reconciler::run);
        keep_running(core, "housekeeping", housekeeping::run);
    }
}

fn keep_running<F>(core: &Arc<Core>, name: &'static str, run: fn(Arc<Core>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let core = Arc::clone(core);
    let tracker = core.tracker.clone();
    tracker.spawn(async move {
        let mut backoff = Backoff::default();
        while !core.stop.is_cancelled() {
            // A task of its own, so that a panic in it ends nothing else.
            let round = core.tracker.spawn(run(Arc::clone(&core))).await;
            if let Err(panic) = round {
                error!(loop_name = name, %panic, "a loop of the farm panicked and is started again");
                core.metrics.loop_failed(name);
                backoff.pause(&core.stop).await;
            }
        }
    });
}

/// The pause after a failure: longer after each, from the start again once something worked.
pub(super) struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST_PAUSE }
    }
}

impl Backoff {
    pub fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// Ends early when the farm stops.
    pub async fn pause(&mut self, stop: &CancellationToken) {
        let pause = self.next;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}
