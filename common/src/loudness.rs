//! The loudness of a film that is put together from measured parts (ITU-R BS.1770-4), without decoding anything. Pure.
//!
//! Energies of 100 ms of each part, scaled by its gain, are laid end to end on the film's own grid, and the blocks of 400 ms, which overlap
//! by three quarters and may span a join, are gated over the whole. Parts that sound at the same time cannot be predicted so.

use crate::facts::levels::{LEVELS_PER_SECOND, Levels};
use crate::units::SAMPLE_RATE_HZ;

/// BS.1770-4: a block's loudness is −0.691 + 10 log₁₀ of its weighted mean square.
const OFFSET_LU: f64 = -0.691;
const ABSOLUTE_GATE_LUFS: f64 = -70.0;
const RELATIVE_GATE_LU: f64 = -10.0;
/// 400 ms of 100 ms each.
const LEVELS_PER_BLOCK: usize = 4;
const SAMPLES_PER_LEVEL: i64 = SAMPLE_RATE_HZ as i64 / LEVELS_PER_SECOND as i64;
/// Twelve hours. A film of more is not predicted.
const MAX_FILM_SAMPLES: i64 = 12 * 3600 * SAMPLE_RATE_HZ as i64;

/// A part of the film, following the one before it.
#[derive(Clone, Copy, Debug)]
pub struct Part<'a> {
    /// `None`: silence.
    pub levels: Option<&'a Levels>,
    /// Where in the sound of `levels` it starts, in seconds from its first sample; before 0 and past its end there is silence.
    pub start_seconds: f64,
    pub seconds: f64,
    pub gain_db: f64,
}

/// LUFS of the parts one after another. `None`: no 400 ms of it are above −70 LUFS, or there is more of it than twelve hours.
pub fn integrated<'a>(parts: impl IntoIterator<Item = Part<'a>>) -> Option<f64> {
    let mut film = Timeline::default();
    for part in parts {
        film.append(&part)?;
    }
    gated(&film.finish())
}

/// LUFS of one sound as it is.
pub fn of_levels(levels: &Levels) -> Option<f64> {
    gated(&levels.energies().collect::<Vec<_>>())
}

/// Integrated loudness of consecutive 100 ms energies.
pub fn gated(energies: &[f64]) -> Option<f64> {
    let blocks: Vec<f64> = energies
        .windows(LEVELS_PER_BLOCK)
        .map(|block| block.iter().sum::<f64>() / LEVELS_PER_BLOCK as f64)
        .filter(|energy| lufs(*energy) > ABSOLUTE_GATE_LUFS)
        .collect();
    let gate = lufs(mean(&blocks)?) + RELATIVE_GATE_LU;
    let loud: Vec<f64> = blocks
        .into_iter()
        .filter(|energy| lufs(*energy) > gate)
        .collect();
    mean(&loud).map(lufs)
}

/// The loudness that the loudest `share` of all 400 ms blocks reaches: how loud it is where something happens.
pub fn loudest_share(energies: &[f64], share: f64) -> Option<f64> {
    let mut blocks: Vec<f64> = energies
        .windows(LEVELS_PER_BLOCK)
        .map(|block| block.iter().sum::<f64>() / LEVELS_PER_BLOCK as f64)
        .collect();
    blocks.sort_by(|a, b| b.total_cmp(a));
    let wanted = ((blocks.len() as f64 * share).ceil() as usize).max(1);
    let energy = mean(blocks.get(..wanted.min(blocks.len()))?)?;
    (energy > 0.0).then(|| lufs(energy))
}

pub fn lufs(energy: f64) -> f64 {
    OFFSET_LU + 10.0 * energy.log10()
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Energies on the film's grid of 100 ms, while parts of any length are appended. Counted in samples of the film, so that nothing drifts.
#[derive(Default)]
struct Timeline {
    length: i64,
    done: Vec<f64>,
    /// Energy × samples of the level that is not complete yet.
    open: f64,
}

impl Timeline {
    fn append(&mut self, part: &Part<'_>) -> Option<()> {
        let (length, start) = (samples(part.seconds)?, samples(part.start_seconds)?);
        let end = self.length.checked_add(length)?;
        if length < 0 || end > MAX_FILM_SAMPLES {
            return None;
        }
        let gain = 10f64.powf(part.gain_db / 10.0);
        let origin = self.length;
        while self.length < end {
            // Up to the next edge of the film's grid or of the part's own, whichever comes first.
            let place = start + (self.length - origin);
            let to_edge = |at: i64| SAMPLES_PER_LEVEL - at.rem_euclid(SAMPLES_PER_LEVEL);
            let step = to_edge(self.length)
                .min(to_edge(place))
                .min(end - self.length);
            let energy = part.levels.map_or(0.0, |levels| at(levels, place));
            self.open += energy * gain * step as f64;
            self.length += step;
            if self.length % SAMPLES_PER_LEVEL == 0 {
                let energy = std::mem::take(&mut self.open);
                self.done.push(energy / SAMPLES_PER_LEVEL as f64);
            }
        }
        Some(())
    }

    /// What is left is less than a level and belongs to no whole block.
    fn finish(self) -> Vec<f64> {
        self.done
    }
}

/// `None`: no length or place on a film.
fn samples(seconds: f64) -> Option<i64> {
    let samples = seconds * f64::from(SAMPLE_RATE_HZ);
    (samples.abs() <= MAX_FILM_SAMPLES as f64).then(|| samples.round() as i64)
}

fn at(levels: &Levels, place: i64) -> f64 {
    usize::try_from(place.div_euclid(SAMPLES_PER_LEVEL)).map_or(0.0, |index| levels.energy(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(levels: &Levels, start_seconds: f64, seconds: f64, gain_db: f64) -> Part<'_> {
        Part {
            levels: Some(levels),
            start_seconds,
            seconds,
            gain_db,
        }
    }

    #[test]
    fn a_steady_sound_is_as_loud_in_pieces_as_whole() {
        let steady = Levels::from_energies([0.01; 100]);
        let whole = of_levels(&steady).unwrap();
        assert!((whole - lufs(0.01)).abs() < 0.006);
        // Odd lengths, which end between the edges of both grids.
        let pieces = (0..30).map(|n| part(&steady, 0.37 * f64::from(n % 7), 0.3333, 0.0));
        assert!((integrated(pieces).unwrap() - whole).abs() < 1e-6);
        let louder = integrated([part(&steady, 0.0, 10.0, 6.0)]).unwrap();
        assert!((louder - whole - 6.0).abs() < 1e-9);
    }

    #[test]
    fn silence_is_gated_out_and_nothing_but_silence_has_no_loudness() {
        let steady = Levels::from_energies([0.01; 50]);
        let silence = Part {
            levels: None,
            start_seconds: 0.0,
            seconds: 60.0,
            gain_db: 0.0,
        };
        assert_eq!(integrated([silence]), None);
        let mixed = integrated([part(&steady, 0.0, 5.0, 0.0), silence]).unwrap();
        // The three blocks across the edge are quieter, and above the gate.
        assert!((mixed - lufs(0.01)).abs() < 0.2, "{mixed}");
        let late = integrated([part(&steady, -2.0, 7.0, 0.0)]).unwrap();
        assert!((late - lufs(0.01)).abs() < 0.2, "{late}");
    }

    #[test]
    fn lengths_that_are_no_lengths_predict_nothing() {
        let steady = Levels::from_energies([0.01; 50]);
        for start in [0.1, 0.299_999_999, -0.000_001, 1.0 / 3.0] {
            // Places a hair's breadth beside an edge of the grid.
            assert!(integrated([part(&steady, start, 1.2, 0.0); 9]).is_some());
        }
        for seconds in [-1.0, f64::NAN, f64::INFINITY, 1e308] {
            assert_eq!(integrated([part(&steady, 0.0, seconds, 0.0)]), None);
        }
    }
}
