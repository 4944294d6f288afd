//! What one worker leaves to others: attempts that it has put back, and lanes that it stays away from because of them. Knows nothing of Redis.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use crate::task::{AttemptId, Lane};

/// How long a lane is left alone that brings again what was put back: others get at it meanwhile, and nobody turns in circles.
const STAYS_AWAY: Duration = Duration::from_secs(3);
/// Attempts that are remembered; more are forgotten all at once.
const REMEMBERED: usize = 1_000;

#[derive(Debug, Default)]
pub(super) struct Refusals {
    known: HashSet<AttemptId>,
    away: HashMap<Lane, Instant>,
}

impl Refusals {
    /// An attempt goes back. The second time its lane is left alone for a while.
    pub(super) fn note(&mut self, lane: Lane, id: AttemptId) {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        if !self.known.insert(id) {
            self.stay_away(lane);
        }
    }

    /// What the lane brings is nothing for this worker.
    pub(super) fn stay_away(&mut self, lane: Lane) {
        self.away.insert(lane, Instant::now() + STAYS_AWAY);
    }

    pub(super) fn leaves_alone(&self, lane: Lane, now: Instant) -> bool {
        self.away.get(&lane).is_some_and(|until| now < *until)
    }

    /// When the next lane may be read again, of those that are left alone `now`.
    pub(super) fn next_end(&self, now: Instant) -> Option<Instant> {
        self.away
            .values()
            .filter(|until| **until > now)
            .min()
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::TaskKey;

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_brings_the_same_again_is_left_alone_for_a_while() {
        let mut refusals = Refusals::default();
        let id = AttemptId {
            task: TaskKey::of(b"task"),
            attempt: 1,
        };
        refusals.note(Lane::Cpu, id);
        assert!(!refusals.leaves_alone(Lane::Cpu, Instant::now()));
        assert_eq!(refusals.next_end(Instant::now()), None);
        refusals.note(Lane::Cpu, id);
        assert!(
            refusals.leaves_alone(Lane::Cpu, Instant::now())
                && !refusals.leaves_alone(Lane::Io, Instant::now())
        );
        tokio::time::advance(STAYS_AWAY).await;
        assert!(!refusals.leaves_alone(Lane::Cpu, Instant::now()));
        assert_eq!(refusals.next_end(Instant::now()), None);
    }
}
