//! What happens to the leases of one backend, counted. Knows nothing of Redis, nor of how the numbers are shown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What can happen to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseEvent {
    Taken,
    Renewed,
    /// Its task showed no progress for the stall limit: no longer renewed.
    Stalled,
    Lost,
    Canceled,
}

impl LeaseEvent {
    pub const ALL: [Self; 5] = [
        Self::Taken,
        Self::Renewed,
        Self::Stalled,
        Self::Lost,
        Self::Canceled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Renewed => "renewed",
            Self::Stalled => "stalled",
            Self::Lost => "lost",
            Self::Canceled => "canceled",
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
}

impl LeaseTally {
    pub fn count(&self, event: LeaseEvent) -> u64 {
        self.counter(event).load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, event: LeaseEvent) {
        self.counter(event).fetch_add(1, Ordering::Relaxed);
    }

    fn counter(&self, event: LeaseEvent) -> &AtomicU64 {
        match event {
            LeaseEvent::Taken => &self.0.taken,
            LeaseEvent::Renewed => &self.0.renewed,
            LeaseEvent::Stalled => &self.0.stalled,
            LeaseEvent::Lost => &self.0.lost,
            LeaseEvent::Canceled => &self.0.canceled,
        }
    }
}
