//! How long tasks take on this farm, from what the latest ones took. Pure.

use botflix_common::http::Eta;
use botflix_common::task::TaskKind;

/// Results of a kind below which all kinds together say more.
const ENOUGH: usize = 5;
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

/// The pace of the farm, from `(kind, expected cost, seconds)` of the latest results.
pub(super) fn measured(results: &[(TaskKind, f64, f64)], kind: Option<TaskKind>) -> Range {
    let ratios = |wanted: &dyn Fn(TaskKind) -> bool| {
        let mut ratios: Vec<f64> = results
            .iter()
            .filter(|(kind, cost, _)| wanted(*kind) && *cost >= LEAST_COST)
            .map(|(_, cost, seconds)| seconds / cost)
            .collect();
        ratios.sort_by(f64::total_cmp);
        ratios
    };
    let own = kind.map(|wanted| ratios(&|kind| kind == wanted));
    let ratios = own
        .filter(|own| own.len() >= ENOUGH)
        .unwrap_or_else(|| ratios(&|_| true));
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
        let results: Vec<(TaskKind, f64, f64)> = (1..=10)
            .map(|seconds| (TaskKind::Conform, 2.0, f64::from(seconds)))
            .collect();
        let pace = measured(&results, Some(TaskKind::Conform));
        assert_eq!((pace.low, pace.high), (1.5, 4.0));
        // Of a kind that was hardly done, what all kinds say.
        assert_eq!(measured(&results, Some(TaskKind::Mix)), pace);
        assert_eq!(measured(&[], None), UNMEASURED);
        let eta = pace.of(12.0, 3);
        assert_eq!((eta.low_seconds, eta.high_seconds), (6.0, 16.0));
    }
}
