//! What happens to the leases of one backend, counted. Knows nothing of Redis, nor of how the numbers are shown.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What can happen to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEvent {
    Taken,
    Renewed,
    /// Its task showed no progress for the stall limit: no longer renewed.
    Stalled,
    Lost,
    Canceled,
    /// Not taken: its payload is newer than this process understands. It goes back to its lane.
    Declined,
}

impl LeaseEvent {
    pub const ALL: [Self; 6] = [
        Self::Taken,
        Self::Renewed,
        Self::Stalled,
        Self::Lost,
        Self::Canceled,
        Self::Declined,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Renewed => "renewed",
            Self::Stalled => "stalled",
            Self::Lost => "lost",
            Self::Canceled => "canceled",
            Self::Declined => "declined",
        }
    }
}

/// Counts since the backend's start. Cheap to clone; all clones count together.
#[derive(Clone, Debug, Default)]
pub struct LeaseTally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    taken: AtomicU64,
    renewed: AtomicU64,
    stalled: AtomicU64,
    lost: AtomicU64,
    canceled: AtomicU64,
    declined: AtomicU64,
    /// The latest, and its version.
    declined_last: Mutex<Option<(Instant, u64)>>,
}

impl LeaseTally {
    pub fn count(&self, event: LeaseEvent) -> u64 {
        self.counter(event).load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, event: LeaseEvent) {
        self.counter(event).fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn declined(&self, version: u64) {
        self.note(LeaseEvent::Declined);
        *self.declined_last() = Some((Instant::now(), version));
    }

    /// The version of a payload that was declined within this time.
    pub fn declined_within(&self, time: Duration) -> Option<u64> {
        let last = *self.declined_last();
        last.filter(|(at, _)| at.elapsed() <= time)
            .map(|(_, version)| version)
    }

    fn declined_last(&self) -> MutexGuard<'_, Option<(Instant, u64)>> {
        self.0
            .declined_last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn counter(&self, event: LeaseEvent) -> &AtomicU64 {
        match event {
            LeaseEvent::Taken => &self.0.taken,
            LeaseEvent::Renewed => &self.0.renewed,
            LeaseEvent::Stalled => &self.0.stalled,
            LeaseEvent::Lost => &self.0.lost,
            LeaseEvent::Canceled => &self.0.canceled,
            LeaseEvent::Declined => &self.0.declined,
        }
    }
}
