//! How running tasks are told to hand back what they are at. Knows nothing of why.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// Tells those that run now; those that start afterwards are not meant.
#[derive(Debug, Default)]
pub(crate) struct HandBack(Mutex<CancellationToken>);

impl HandBack {
    /// For one task: canceled when it is to be handed back.
    pub fn token(&self) -> CancellationToken {
        self.current().clone()
    }

    /// Whoever runs now hands back.
    pub fn all(&self) {
        std::mem::take(&mut *self.current()).cancel();
    }

    /// Also whoever starts from here on.
    pub fn for_good(&self) {
        self.current().cancel();
    }

    fn current(&self) -> MutexGuard<'_, CancellationToken> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_starts_afterwards_is_not_meant_unless_it_is_for_good() {
        let hand_back = HandBack::default();
        let early = hand_back.token();
        hand_back.all();
        let late = hand_back.token();
        assert!(early.is_cancelled() && !late.is_cancelled());
        hand_back.for_good();
        assert!(late.is_cancelled() && hand_back.token().is_cancelled());
    }
}
