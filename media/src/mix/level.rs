//! Which gain brings the mix to a loudness under a peak. Pure.

use std::sync::Arc;

use botflix_common::task::Prediction;

use super::loudness::Stretch;

/// Close enough before encoding, LU.
pub(super) const TOLERANCE_LU: f64 = 0.05;

/// Passes over the film's sound for one goal. One to four are the rule; more mean that the peak is in the way.
pub(super) const MAX_PASSES: u32 = 7;

/// Peaks are turned down by this much at most, dB: beyond it limiting only distorts.
const MAX_LIMITING_DB: f64 = 24.0;

/// Near silence is not made loud: beyond this it is the noise of rooms and recorders that would be heard, dB. A film that needs more stays
/// softer than asked, and `check` says so in a finding.
pub(crate) const MAX_GAIN_DB: f64 = 40.0;

/// More gain lets more through the absolute gate, which changes the loudness, which changes the gain: settled in so many rounds.
const GATE_ROUNDS: u32 = 4;

/// A predicted peak may be this much too low: resampling moves peaks, and sounds are cut where no peak was measured.
const PREDICTION_MARGIN_DB: f64 = 0.3;

/// The least by which loudness is taken to follow gain when limited.
const LEAST_SLOPE: f64 = 0.15;

/// A smaller change of gain changes nothing that is measured.
const LEAST_STEP_DB: f64 = 0.005;

/// What the sound should measure before it is encoded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    /// LUFS.
    pub(super) integrated: f64,
    /// dBTP, never exceeded.
    pub(super) ceiling: f64,
}

impl Goal {
    /// The gain that does without a limiter. What has no loudness is left as it is.
    pub(super) fn gain_for(&self, mix: &Unlevelled) -> f64 {
        let mut gain_db = 0.0;
        for _ in 0..GATE_ROUNDS {
            let missing = mix
                .integrated_at(gain_db)
                .map_or(0.0, |i| self.integrated - i);
            gain_db = f64::min(gain_db + missing, MAX_GAIN_DB);
        }
        gain_db
    }

    /// The highest gain that is tried where a limiter takes some of it back.
    pub(super) fn most_gain_for(&self, mix: &Unlevelled) -> f64 {
        let over = mix.peak_at(0.0) - self.ceiling;
        (MAX_LIMITING_DB - over).clamp(-MAX_GAIN_DB, MAX_GAIN_DB)
    }
}

/// What is known of the mix before it is levelled.
pub(super) enum Unlevelled {
    /// From the facts of the clips.
    Predicted(Prediction),
    Recorded(Arc<Stretch>),
}

impl Unlevelled {
    /// LUFS at a gain.
    pub(super) fn integrated_at(&self, gain_db: f64) -> Option<f64> {
        match self {
            Self::Predicted(predicted) => predicted.integrated_lufs.map(|i| i + gain_db),
            Self::Recorded(stretch) => stretch.measured_at(gain_db).integrated,
        }
    }

    /// dBTP at a gain, no lower than it really is.
    pub(super) fn peak_at(&self, gain_db: f64) -> f64 {
        let (peak, margin) = match self {
            Self::Predicted(predicted) => (predicted.true_peak_dbtp, PREDICTION_MARGIN_DB),
            Self::Recorded(stretch) => (stretch.measured().true_peak, 0.0),
        };
        peak.map_or(f64::NEG_INFINITY, |peak| peak + margin + gain_db)
    }

    pub(super) fn is_predicted(&self) -> bool {
        matches!(self, Self::Predicted(_))
    }
}

/// Looks for the gain at which the limited sound has the wanted loudness. Loudness grows with gain, but neither evenly nor by as much: the
/// limiter takes some back, and the gate of BS.1770 lets more in.
pub(super) struct Search {
    goal: f64,
    most: f64,
    /// Gains tried and the loudness each gave.
    tried: Vec<(f64, f64)>,
}

impl Search {
    pub(super) fn new(goal: f64, most: f64) -> Self {
        Self {
            goal,
            most,
            tried: Vec::new(),
        }
    }

    /// The gain to try after `gain` gave `loudness`; `None`: near enough, or no gain will do better.
    pub(super) fn next(&mut self, gain: f64, loudness: f64) -> Option<f64> {
        let missing = self.goal - loudness;
        if missing.abs() < TOLERANCE_LU {
            return None;
        }
        let last = self.tried.last().copied();
        self.tried.push((gain, loudness));
        let slope = last.map_or(1.0, |(before, gave)| (loudness - gave) / (gain - before));
        let slope = if slope.is_finite() {
            slope.max(LEAST_SLOPE)
        } else {
            1.0
        };
        let aimed = (gain + missing / slope).min(self.most);
        let next = match (self.below(), self.above()) {
            (Some(below), Some(above)) if aimed <= below || aimed >= above => below.midpoint(above),
            _ => aimed,
        };
        ((next - gain).abs() > LEAST_STEP_DB).then_some(next)
    }

    /// The highest gain that was too soft.
    fn below(&self) -> Option<f64> {
        let soft = self
            .tried
            .iter()
            .filter(|(_, loudness)| *loudness < self.goal);
        soft.map(|(gain, _)| *gain).max_by(f64::total_cmp)
    }

    /// The lowest gain that was too loud.
    fn above(&self) -> Option<f64> {
        let loud = self
            .tried
            .iter()
            .filter(|(_, loudness)| *loudness > self.goal);
        loud.map(|(gain, _)| *gain).min_by(f64::total_cmp)
    }

    /// The gain that came nearest, and the loudness it gave.
    pub(super) fn nearest(&self) -> Option<(f64, f64)> {
        let distance = |(_, loudness): &(f64, f64)| (loudness - self.goal).abs();
        self.tried
            .iter()
            .copied()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_that_overshoots_is_closed_in_on_from_both_sides() {
        // Loudness that jumps, as it does where the gate opens.
        let loudness = |gain: f64| {
            if gain < 3.7 {
                gain * 0.5 - 20.0
            } else {
                gain * 0.5 - 18.0
            }
        };
        let mut search = Search::new(-17.5, 24.0);
        let mut gain = 2.5;
        for _ in 0..MAX_PASSES {
            match search.next(gain, loudness(gain)) {
                Some(next) => gain = next,
                None => break,
            }
        }
        let (nearest, _) = search.nearest().unwrap();
        assert!(
            (loudness(nearest) - -17.5).abs() < 1.4,
            "{nearest} {:?}",
            search.tried
        );
        assert!(search.below().unwrap() < 3.7 && search.above().unwrap() >= 3.7);
    }
}
