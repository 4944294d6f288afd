//! Latencies, and how they are said.

use std::time::Duration;

/// Sorted, in milliseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Latencies(Vec<f64>);

impl Latencies {
    pub fn of(took: impl IntoIterator<Item = Duration>) -> Self {
        let mut ms: Vec<f64> = took
            .into_iter()
            .map(|one| one.as_secs_f64() * 1e3)
            .collect();
        ms.sort_by(f64::total_cmp);
        Self(ms)
    }

    /// The smallest that is not smaller than this share of all.
    pub fn at(&self, share: f64) -> Option<f64> {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied()
    }

    /// `p50 / p99`
    pub fn told(&self) -> String {
        match (self.at(0.5), self.at(0.99)) {
            (Some(half), Some(most)) => format!("{half:.1} / {most:.1}"),
            _ => "–".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let all = Latencies::of((1..=100).rev().map(Duration::from_millis));
        assert_eq!(all.told(), "50.0 / 99.0");
        assert_eq!(Latencies::default().told(), "–");
    }
}
