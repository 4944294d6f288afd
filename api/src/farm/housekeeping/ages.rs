//! How long what is kept.

use std::time::Duration;

use botflix_common::http::Leftover;

use crate::clock;
use crate::farm::FarmConfig;

/// How long things are kept that nobody uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// How often the leader looks.
    pub every: Duration,
    /// Progress events of a render, after its end.
    pub events: Duration,
    /// Results that no unfinished render needs.
    pub results: Duration,
    /// What lies in storage and nobody refers to: longer than any worker takes from an upload to its report.
    pub orphans: Duration,
}

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Retention {
    fn default() -> Self {
        Self {
            every: HOUR,
            events: 90 * DAY,
            results: 30 * DAY,
            orphans: 7 * DAY,
        }
    }
}

/// Until when a thing of each kind must have been left alone to go now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ages {
    now_ms: i64,
    pub incoming: Duration,
    orphans: Duration,
    results: Duration,
    keys: Duration,
    events: Duration,
}

impl Ages {
    pub fn of(config: &FarmConfig) -> Self {
        Self {
            now_ms: clock::now_ms(),
            incoming: config.incoming_age,
            orphans: config.retention.orphans,
            results: config.retention.results,
            keys: DAY,
            events: config.retention.events,
        }
    }

    /// One age for everything: to look at what is left over, whatever its age.
    pub fn all(age: Duration) -> Self {
        Self {
            now_ms: clock::now_ms(),
            incoming: age,
            orphans: age,
            results: age,
            keys: age,
            events: age,
        }
    }

    pub fn until_ms(&self, what: Leftover) -> i64 {
        let age = match what {
            Leftover::Incoming => self.incoming,
            Leftover::Input | Leftover::Blob | Leftover::Record => self.orphans,
            Leftover::Result => self.results,
            Leftover::IdempotencyKey => self.keys,
            Leftover::Events => self.events,
        };
        self.now_ms
            .saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
    }
}
