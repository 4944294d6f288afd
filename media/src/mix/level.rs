//! Brings the mix to a loudness under a peak: gain and limiter, repeated until the integrated loudness is met. Works from file to file; knows
//! no ffmpeg.

use std::path::Path;

use botflix_common::units::SAMPLE_RATE_HZ;
use tokio_util::sync::CancellationToken;

use super::limiter::Limiter;
use super::loudness::{Meter, amplitude};
use super::pcm::{self, Writer};
use crate::{MediaError, Progress};

/// Close enough before encoding, LU.
const TOLERANCE_LU: f64 = 0.05;

/// Passes over the film's sound for one goal. One to four are the rule; more mean that the peak is in the way.
const MAX_PASSES: u32 = 7;

/// Limiting beyond this only distorts, dB.
const MAX_LIMITING_DB: f64 = 24.0;

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
    /// The gain that would do without a limiter.
    pub(super) fn gain_for(&self, integrated: Option<f64>) -> f64 {
        integrated.map_or(0.0, |i| self.integrated - i)
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Levelled {
    pub(super) gain_db: f64,
    /// LUFS after gain and limiter.
    pub(super) integrated: Option<f64>,
}

/// One raw file in, one out; blocking.
pub(super) struct Leveller<'a> {
    pub(super) bed: &'a Path,
    pub(super) out: &'a Path,
    pub(super) total_samples: u64,
    pub(super) cancel: CancellationToken,
    pub(super) progress: Progress,
}

impl Leveller<'_> {
    /// The loudness of the unlevelled mix.
    pub(super) fn measure(&self) -> Result<Option<f64>, MediaError> {
        let mut meter = Meter::of_loudness()?;
        self.each_block(|block| meter.add(block.as_flattened()))?;
        meter.integrated()
    }

    /// Writes the mix, whose own loudness is `bed`, as near to `goal` as limiting allows, beginning with `gain_db`. A mix without loudness is
    /// limited only.
    pub(super) fn reach(
        &self,
        goal: Goal,
        bed: Option<f64>,
        gain_db: f64,
    ) -> Result<Levelled, MediaError> {
        let most = goal.gain_for(bed) + MAX_LIMITING_DB;
        let mut search = Search::new(goal.integrated, most);
        let mut gain_db = gain_db.min(most);
        for _ in 0..MAX_PASSES {
            let levelled = self.render(gain_db, goal.ceiling)?;
            let next = levelled
                .integrated
                .and_then(|integrated| search.next(gain_db, integrated));
            match next {
                Some(next) => gain_db = next,
                None => return Ok(levelled),
            }
        }
        self.render(search.nearest().unwrap_or(gain_db), goal.ceiling)
    }

    /// The mix at a gain, limited, to `out`.
    fn render(&self, gain_db: f64, ceiling: f64) -> Result<Levelled, MediaError> {
        let gain = amplitude(gain_db) as f32;
        let mut limiter = Limiter::new(amplitude(ceiling) as f32);
        let mut meter = Meter::of_loudness()?;
        let mut writer = Writer::create(self.out)?;
        let (mut scaled, mut finished) = (Vec::new(), Vec::new());
        self.each_block(|block| {
            scaled.clear();
            scaled.extend(
                block
                    .iter()
                    .map(|[left, right]| [left * gain, right * gain]),
            );
            finished.clear();
            limiter.push(&scaled, &mut finished);
            meter.add(finished.as_flattened())?;
            writer.write(&finished)
        })?;
        finished.clear();
        limiter.finish(&mut finished);
        meter.add(finished.as_flattened())?;
        writer.write(&finished)?;
        writer.finish()?;
        Ok(Levelled {
            gain_db,
            integrated: meter.integrated()?,
        })
    }

    fn each_block(
        &self,
        mut work: impl FnMut(&[super::true_peak::Frame]) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let mut done = 0u64;
        let mut told = 0u64;
        pcm::read(self.bed, |block| {
            if self.cancel.is_cancelled() {
                return Err(MediaError::Canceled);
            }
            done += block.len() as u64;
            // Once per ten seconds of sound: often enough to be seen moving.
            if done - told > u64::from(SAMPLE_RATE_HZ) * 10 {
                told = done;
                self.progress
                    .report(done as f64 / self.total_samples.max(1) as f64, None);
            }
            work(block)
        })
    }
}

/// Looks for the gain at which the limited sound has the wanted loudness. Loudness grows with gain, but neither evenly nor by as much: the
/// limiter takes some back, and the gate of BS.1770 lets more in.
struct Search {
    goal: f64,
    most: f64,
    /// Gains tried and the loudness each gave.
    tried: Vec<(f64, f64)>,
}

impl Search {
    fn new(goal: f64, most: f64) -> Self {
        Self {
            goal,
            most,
            tried: Vec::new(),
        }
    }

    /// The gain to try after `gain` gave `loudness`; `None`: near enough, or no gain will do better.
    fn next(&mut self, gain: f64, loudness: f64) -> Option<f64> {
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

    fn nearest(&self) -> Option<f64> {
        let distance = |(_, loudness): &&(f64, f64)| (loudness - self.goal).abs();
        let nearest = self
            .tried
            .iter()
            .min_by(|a, b| distance(a).total_cmp(&distance(b)));
        nearest.map(|(gain, _)| *gain)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Four seconds of short loud bursts over a soft tone: far more crest than a film at −14 LUFS and −1 dBTP may have.
    fn bursts(dir: &Path) -> (PathBuf, u64) {
        let path = dir.join("bed.f32");
        let mut writer = Writer::create(&path).unwrap();
        for n in 0..192_000u32 {
            let level = if n % 12_000 < 400 { 0.5 } else { 0.02 };
            let value = (f64::from(n) * 0.05).sin() * level;
            writer.write(&[[value as f32, value as f32]]).unwrap();
        }
        writer.finish().unwrap();
        (path, 192_000)
    }

    #[test]
    fn the_gain_is_repeated_until_the_limited_sound_meets_the_target() {
        let dir = tempfile::tempdir().unwrap();
        let (bed, total_samples) = bursts(dir.path());
        let leveller = Leveller {
            bed: &bed,
            out: &dir.path().join("out.f32"),
            total_samples,
            cancel: CancellationToken::new(),
            progress: Progress::none(),
        };
        let goal = Goal {
            integrated: -14.0,
            ceiling: -1.5,
        };
        let loudness = leveller.measure().unwrap();
        let gain = goal.gain_for(loudness);
        assert!(peak(&bed) + gain > 0.0, "the limiter has work");
        let levelled = leveller.reach(goal, loudness, gain).unwrap();
        assert!(
            (levelled.integrated.unwrap() - goal.integrated).abs() < TOLERANCE_LU,
            "{levelled:?}"
        );
        assert!(peak(leveller.out) <= goal.ceiling, "{}", peak(leveller.out));
        assert!(
            (levelled.gain_db - gain).abs() > 0.3,
            "gain alone would have done: {levelled:?}"
        );
    }

    fn peak(file: &Path) -> f64 {
        let mut meter = Meter::of_loudness_and_peak().unwrap();
        pcm::read(file, |block| meter.add(block.as_flattened())).unwrap();
        meter.finish().unwrap().true_peak.unwrap()
    }

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
        let nearest = search.nearest().unwrap();
        assert!(
            (loudness(nearest) - -17.5).abs() < 1.4,
            "{nearest} {:?}",
            search.tried
        );
        assert!(search.below().unwrap() < 3.7 && search.above().unwrap() >= 3.7);
    }
}
