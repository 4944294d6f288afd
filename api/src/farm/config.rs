//! The farm's settings. The defaults are what the guarantees are stated for; tests shorten the waits.

use std::time::Duration;

use super::housekeeping::Retention;
use crate::db::tasks::moves::Fence;

#[derive(Debug, thiserror::Error)]
pub enum FarmError {
    #[error("farm settings: {0}")]
    Config(String),
    #[error("the farm's metrics cannot be registered")]
    Metrics(#[from] prometheus::Error),
}

#[derive(Clone, Debug)]
pub struct FarmConfig {
    /// How often the dispatcher looks without being told.
    pub dispatch_every: Duration,
    /// Tasks in a lane, per free slot of its workers, that are queued or running at most.
    pub depth_per_slot: u64,
    /// Tasks queued in a lane for which no worker is known, so that the first one finds work.
    pub depth_without_workers: u64,
    pub reconcile_every: Duration,
    /// How long a process leads the farm without renewing it. One that is killed is replaced within this and one renewal.
    pub lead_lease: Duration,
    /// How often the leader renews, and the others ask.
    pub lead_renewed_every: Duration,
    /// A queued or running task that has not moved for this long should be seen in Redis.
    pub settled_after: Duration,
    /// A task that should be in Redis and is not seen there twice, this far apart, is queued anew.
    pub absent_for: Duration,
    /// A lane of an encoder that no worker has had for this long is given up: its films are made by the processor.
    pub encoder_absent_for: Duration,
    /// How long the first retry waits; every further one twice as long.
    pub first_backoff: Duration,
    pub longest_backoff: Duration,
    /// Retries after which a task fails.
    pub retry_limit: u32,
    /// Retries of a segment that an encoder on a device has failed at, before the film is made without it.
    pub device_retry_limit: u32,
    /// Crashes after which a task is taken for poison.
    pub crash_limit: u32,
    /// A body in `incoming` that nobody wrote to for this long was cut off.
    pub incoming_age: Duration,
    /// How long what nobody uses is kept.
    pub retention: Retention,
    /// Shares of the farm of directors who say that they make clips for free, and of those who pay; an operator may give one another.
    pub weight_of_free: f64,
    pub weight_of_paid: f64,
    /// Tasks of one director that are queued or running at once. `None`: as many as there is room for.
    pub tasks_per_director: Option<u64>,
    /// Renders of one director that have not ended; more are refused for now.
    pub renders_per_director: u64,
    /// Progress of one render is written at most this often.
    pub progress_every: Duration,
    pub(super) fence: Fence,
    pub(super) reconciler: Reconciling,
}

/// Off only in the test that shows what the reconciler is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reconciling {
    On,
    Off,
}

impl Default for FarmConfig {
    fn default() -> Self {
        Self {
            dispatch_every: Duration::from_secs(1),
            depth_per_slot: 2,
            depth_without_workers: 4,
            reconcile_every: Duration::from_secs(2),
            lead_lease: Duration::from_secs(10),
            lead_renewed_every: Duration::from_secs(3),
            settled_after: Duration::from_secs(10),
            absent_for: Duration::from_secs(5),
            // Longer than a worker's restart.
            encoder_absent_for: Duration::from_secs(60),
            first_backoff: Duration::from_secs(1),
            longest_backoff: Duration::from_secs(60),
            retry_limit: 10,
            device_retry_limit: 2,
            crash_limit: 3,
            incoming_age: Duration::from_secs(24 * 60 * 60),
            retention: Retention::default(),
            weight_of_free: 1.0,
            weight_of_paid: 4.0,
            tasks_per_director: None,
            renders_per_director: 1000,
            progress_every: Duration::from_secs(1),
            fence: Fence::Up,
            reconciler: Reconciling::On,
        }
    }
}

impl FarmConfig {
    /// Completions of any attempt are accepted: shows in a test that the fence matters.
    #[doc(hidden)]
    #[must_use]
    pub fn without_fence(mut self) -> Self {
        self.fence = Fence::Down;
        self
    }

    /// Nothing is healed: shows in a test that the reconciler matters.
    #[doc(hidden)]
    #[must_use]
    pub fn without_reconciler(mut self) -> Self {
        self.reconciler = Reconciling::Off;
        self
    }

    /// Refuses settings whose relation is wrong.
    pub fn check(&self) -> Result<(), FarmError> {
        let refuse = |why: &str| Err(FarmError::Config(why.to_owned()));
        let periods = [
            self.dispatch_every,
            self.reconcile_every,
            self.progress_every,
            self.lead_renewed_every,
        ];
        if periods
            .iter()
            .any(|period| *period < Duration::from_millis(10))
        {
            return refuse("nothing is done more often than every 10 ms");
        }
        if self.depth_per_slot == 0 || self.depth_without_workers == 0 {
            return refuse("a queue of depth 0 would stand still");
        }
        if self.absent_for <= self.reconcile_every {
            return refuse(
                "absent_for must be longer than reconcile_every, or one scan would be believed",
            );
        }
        if !(self.weight_of_free > 0.0 && self.weight_of_paid > 0.0) {
            return refuse("a share of nothing would stand still");
        }
        if self.lead_lease < 2 * self.lead_renewed_every {
            return refuse("lead_lease must outlast a renewal that fails once");
        }
        if self.encoder_absent_for <= self.reconcile_every {
            return refuse(
                "encoder_absent_for must be longer than reconcile_every, or one scan would be believed",
            );
        }
        if self.retry_limit == 0 || self.crash_limit == 0 {
            return refuse("a task must be allowed its first attempt");
        }
        if self.first_backoff > self.longest_backoff {
            return refuse("first_backoff must not be longer than longest_backoff");
        }
        Ok(())
    }

    /// How long to wait before the retry that follows `retries` others.
    pub(super) fn backoff(&self, retries: u32) -> Duration {
        self.first_backoff
            .saturating_mul(2_u32.saturating_pow(retries))
            .min(self.longest_backoff)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_up_to_its_cap() {
        let config = FarmConfig::default();
        let seconds: Vec<u64> = [0, 1, 2, 5, 6, 40]
            .map(|retries| config.backoff(retries).as_secs())
            .to_vec();
        assert_eq!(seconds, [1, 2, 4, 32, 60, 60]);
    }

    #[test]
    fn one_scan_is_never_enough_to_call_a_task_absent() {
        let mut config = FarmConfig::default();
        assert!(config.check().is_ok());
        config.absent_for = config.reconcile_every;
        assert!(config.check().is_err());
    }
}
