//! Whether a worker takes new tasks. Knows nothing of why not.

use tokio::sync::watch;

/// Whether new tasks are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateState {
    Open,
    Closed,
}

/// Lets a worker stop taking tasks and take them again: paused, draining, disk full. What runs goes on.
#[derive(Clone, Debug)]
pub struct Gate(watch::Sender<GateState>);

impl Gate {
    pub(super) fn new() -> (Self, watch::Receiver<GateState>) {
        let (gate, seen) = watch::channel(GateState::Open);
        (Self(gate), seen)
    }

    pub fn open(&self) {
        self.0.send_replace(GateState::Open);
    }

    /// A read that is under way may still bring a task for up to a second: it goes back to its lane.
    pub fn close(&self) {
        self.0.send_replace(GateState::Closed);
    }

    pub fn is_open(&self) -> bool {
        *self.0.borrow() == GateState::Open
    }
}
