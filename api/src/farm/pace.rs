//! How long tasks take on this farm, from what the latest ones took; read when somebody asks, and kept for a moment.

use std::time::Duration;

use botflix_common::http::Eta;
use tokio::time::Instant;

use crate::db::tasks::line;
use crate::db::{Database, DbError};

/// How old the pace may be.
const FRESH: Duration = Duration::from_secs(10);
/// Seconds per unit of expected cost while nothing was measured: the unit is a CPU-second of the machine in docs/benchmarks.md.
const UNMEASURED: Range = Range {
    low: 0.5,
    high: 2.0,
};
/// Expected costs below this say nothing of the pace.
const LEAST_COST: f64 = 0.01;
/// The share of results that were quicker than the low guess, and slower than the high one.
const TAIL: f64 = 0.2;

/// Seconds for each unit of expected cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    pub low: f64,
    pub high: f64,
}

impl Range {
    /// How long work of this cost takes when it is spread over so many places.
    pub fn of(self, cost: f64, places: u64) -> Eta {
        let each = cost.max(0.0) / places.max(1) as f64;
        Eta {
            low_seconds: each * self.low,
            high_seconds: each * self.high,
        }
    }
}

/// The pace as it was read last.
#[derive(Default)]
pub(super) struct LatestPace(tokio::sync::Mutex<Option<(Instant, Range)>>);

impl LatestPace {
    pub async fn read(&self, db: &Database) -> Result<Range, DbError> {
        // Held while it is read: one reads it, the others wait for that.
        let mut kept = self.0.lock().await;
        if let Some((at, pace)) = *kept
            && at.elapsed() < FRESH
        {
            return Ok(pace);
        }
        let pace = measured(&line::latest_results(db).await?);
        *kept = Some((Instant::now(), pace));
        Ok(pace)
    }
}

/// The pace of the farm, from `(expected cost, seconds)` of the latest results.
fn measured(results: &[(f64, f64)]) -> Range {
    let mut ratios: Vec<f64> = results
        .iter()
        .filter(|(cost, _)| *cost >= LEAST_COST)
        .map(|(cost, seconds)| seconds / cost)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let place = (share * ratios.len().saturating_sub(1) as f64).round();
        ratios.get(place as usize).copied()
    };
    match (at(TAIL), at(1.0 - TAIL)) {
        (Some(low), Some(high)) => Range { low, high },
        _ => UNMEASURED,
    }
}

pub(super) fn sum(one: Eta, other: Eta) -> Eta {
    Eta {
        low_seconds: one.low_seconds + other.low_seconds,
        high_seconds: one.high_seconds + other.high_seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_is_between_the_quick_and_the_slow_of_the_latest() {
        let results: Vec<(f64, f64)> = (1..=10).map(|seconds| (2.0, f64::from(seconds))).collect();
        let pace = measured(&results);
        assert_eq!((pace.low, pace.high), (1.5, 4.0));
        assert_eq!(measured(&[]), UNMEASURED);
        let eta = pace.of(12.0, 3);
        assert_eq!((eta.low_seconds, eta.high_seconds), (6.0, 16.0));
    }
}
