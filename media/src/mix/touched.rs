//! Where a limiter would change the mix. Pure.

use std::ops::Range;

use super::loudness::{Stretch, amplitude};
use super::stage::Level;

/// Steps of 100 ms before a peak that it may reach into: its attack, and the step that interpolation comes late by.
const STEPS_BEFORE: usize = 1;

/// Steps after a peak until the gain is back at unity for the ear and the meter: ten times the constant of the release.
const STEPS_AFTER: usize = 8;

/// Longer runs are cut, so that they can be played side by side: 20 s.
const MAX_STEPS: usize = 200;

/// What the limiter keeps below its ceiling, with room for rounding: 0.02 dB.
const MARGIN: f64 = 0.9977;

/// Runs of steps whose energy is not that of the unlimited mix, ascending and apart.
pub(super) fn runs(mix: &Stretch, level: Level) -> Vec<Range<usize>> {
    let Some(ceiling) = level.ceiling else {
        return Vec::new();
    };
    let limit = amplitude(ceiling - level.gain_db) * MARGIN;
    joined(mix.above(limit as f32), mix.steps())
}

fn joined(peaks: impl Iterator<Item = usize>, steps: usize) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for step in peaks {
        let run = step.saturating_sub(STEPS_BEFORE)..(step + STEPS_AFTER + 1).min(steps);
        match runs.last_mut().filter(|last| last.end >= run.start) {
            None => runs.push(run),
            Some(last) if last.len() < MAX_STEPS => last.end = run.end,
            Some(last) => {
                let next = last.end..run.end;
                if !next.is_empty() {
                    runs.push(next);
                }
            }
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_touches_a_step_before_and_its_release() {
        assert_eq!(
            joined([0, 20, 23, 98].into_iter(), 100),
            [0..9, 19..32, 97..100]
        );
        assert!(joined([].into_iter(), 100).is_empty());
    }

    #[test]
    fn peaks_all_over_are_cut_into_runs_that_cover_everything_once() {
        let runs = joined(0..1000, 1000);
        assert!(runs.len() >= 4);
        assert!(runs.array_windows().all(|[a, b]| a.end == b.start));
        assert_eq!((runs[0].start, runs[runs.len() - 1].end), (0, 1000));
    }
}
