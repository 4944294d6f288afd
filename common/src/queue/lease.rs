//! The lease that a task is given: when it must stop, and how it says that it moves. Knows nothing of Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::task::{AttemptId, Lane};

/// What a running task is told. It only ever leaves `Run` once; a lost lease outranks a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    Run,
    /// Nobody wants the result any more: stop, report nothing.
    Cancel,
    /// The attempt may be running elsewhere by now: stop, and do not count on any report being heard.
    LeaseLost,
}

/// Where an entry lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EntryKey {
    pub lane: Lane,
    pub entry: String,
}

/// A worker's hold on one attempt, given to its handler as apalis `Data`.
#[derive(Clone, Debug)]
pub struct Lease {
    pub id: AttemptId,
    pub lane: Lane,
    pub signal: watch::Receiver<Signal>,
    pub(super) key: EntryKey,
    pub(super) pulse: Arc<Pulse>,
}

impl Lease {
    /// Says that the task moves. A task that does not say so for the stall limit is no longer renewed and loses its lease.
    pub fn progressed(&self) {
        self.pulse.beat();
    }

    /// Whether the lease was no longer renewed since the task did not move.
    pub fn stalled(&self) -> bool {
        self.pulse.stalled.load(Ordering::Relaxed)
    }

    /// Waits until the task must stop; forever, if it need not.
    pub async fn lost_or_canceled(&self) -> Signal {
        let mut signal = self.signal.clone();
        match signal.wait_for(|signal| *signal != Signal::Run).await {
            Ok(signal) => *signal,
            // The backend is gone, and with it the renewals.
            Err(_) => Signal::LeaseLost,
        }
    }
}

/// When a task last moved.
#[derive(Debug)]
pub(super) struct Pulse {
    born: Instant,
    last_beat_ms: AtomicU64,
    stalled: AtomicBool,
}

impl Pulse {
    pub(super) fn new() -> Self {
        Self {
            born: Instant::now(),
            last_beat_ms: AtomicU64::new(0),
            stalled: AtomicBool::new(false),
        }
    }

    pub(super) fn beat(&self) {
        let now_ms = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_beat_ms.fetch_max(now_ms, Ordering::Relaxed);
    }

    /// Notes whether it was silent for too long.
    pub(super) fn judge(&self, stalled: bool) {
        self.stalled.store(stalled, Ordering::Relaxed);
    }

    pub(super) fn silence(&self) -> Duration {
        let last = Duration::from_millis(self.last_beat_ms.load(Ordering::Relaxed));
        self.born.elapsed().saturating_sub(last)
    }
}
