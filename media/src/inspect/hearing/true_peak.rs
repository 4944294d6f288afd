//! The highest true peak of a sound of any layout and rate, by oversampling (ITU-R BS.1770-4, annex 2). Costs little: only what could be higher
//! than all before it is interpolated.
//!
//! Additions stand in the order of libebur128's meter, whose filter this is, so that both say the same number to the last bit.

use std::f64::consts::PI;

/// Taps of the filter over all its phases.
const TAPS: usize = 48;
/// Frames looked at together when deciding that nothing in them can matter.
const SCAN_FRAMES: usize = 64;
/// Sounds of this rate and more are oversampled twice, of twice this rate not at all.
const DENSE_RATE_HZ: u32 = 96_000;
/// Room for the rounding of sums when a bound is held against a value.
const ROUNDING: f32 = 1.000_1;

pub struct TruePeak {
    /// Of each phase: coefficients, newest sample first.
    phases: Vec<Vec<f32>>,
    /// An interpolated value is at most this many times the largest of its samples.
    overshoot: f32,
    channels: Vec<Channel>,
}

#[derive(Default)]
struct Channel {
    /// The samples before the next, as many as there are taps in a phase less one, then those that are looked at.
    samples: Vec<f32>,
    highest: f32,
}

impl TruePeak {
    pub fn new(channels: u16, sample_rate_hz: u32) -> Self {
        let factor = match sample_rate_hz / DENSE_RATE_HZ {
            0 => 4,
            1 => 2,
            _ => 1,
        };
        let phases = if factor > 1 {
            phases(factor)
        } else {
            Vec::new()
        };
        let sum = |phase: &Vec<f32>| phase.iter().map(|tap| tap.abs()).sum::<f32>();
        let overshoot = phases.iter().map(sum).fold(1.0f32, f32::max) * ROUNDING;
        let before = phases.first().map_or(0, |phase| phase.len() - 1);
        let channel = || Channel {
            samples: vec![0.0; before],
            highest: 0.0,
        };
        Self {
            phases,
            overshoot,
            channels: (0..channels).map(|_| channel()).collect(),
        }
    }

    /// Interleaved, whole frames.
    pub fn push(&mut self, samples: &[f32]) {
        let count = self.channels.len().max(1);
        for frames in samples.chunks(count * SCAN_FRAMES) {
            for (number, channel) in self.channels.iter_mut().enumerate() {
                let added = frames.iter().skip(number).step_by(count);
                channel.look(added, &self.phases, self.overshoot);
            }
        }
    }

    /// An amplitude, of the highest channel; 0: digital silence.
    pub fn highest(&self) -> f64 {
        self.channels
            .iter()
            .map(|channel| f64::from(channel.highest))
            .fold(0.0, f64::max)
    }
}

impl Channel {
    fn look<'a>(
        &mut self,
        added: impl Iterator<Item = &'a f32>,
        phases: &[Vec<f32>],
        overshoot: f32,
    ) {
        let before = self.samples.len();
        self.samples.extend(added);
        let new = self.samples.len() - before;
        let largest = |samples: &[f32]| samples.iter().fold(0.0f32, |m, s| m.max(s.abs()));
        let largest_of_all = largest(&self.samples);
        let largest_new = largest(self.samples.get(before..).unwrap_or_default());
        self.highest = self.highest.max(largest_new);
        if largest_of_all * overshoot > self.highest {
            for phase in phases {
                self.highest = self.highest.max(interpolated(&self.samples, phase, new));
            }
        }
        self.samples.drain(..new);
    }
}

/// The largest value of one phase. Tap by tap over all samples, so that several are worked on at once.
fn interpolated(samples: &[f32], phase: &[f32], new: usize) -> f32 {
    let mut values = [0.0f32; SCAN_FRAMES];
    let values = values.get_mut(..new).unwrap_or_default();
    for (age, tap) in phase.iter().enumerate() {
        let from = phase.len() - 1 - age;
        for (value, sample) in values
            .iter_mut()
            .zip(samples.get(from..).unwrap_or_default())
        {
            *value += sample * tap;
        }
    }
    values.iter().fold(0.0f32, |m, value| m.max(value.abs()))
}

/// A sinc under a Hann window, cut into `factor` phases.
fn phases(factor: usize) -> Vec<Vec<f32>> {
    let coefficient = |at: usize| {
        let at = at as f64;
        let window = 0.5 * (1.0 - (2.0 * PI * at / TAPS as f64).cos());
        let angle = (at - TAPS as f64 / 2.0) * PI / factor as f64;
        let sinc = if angle.abs() > 1e-6 {
            angle.sin() / angle
        } else {
            1.0
        };
        (window * sinc) as f32
    };
    (0..factor)
        .map(|phase| (phase..TAPS).step_by(factor).map(coefficient).collect())
        .collect()
}

#[cfg(test)]
mod tests {
    use ebur128::{EbuR128, Mode};

    use super::*;

    #[test]
    fn every_rate_and_layout_has_the_peak_of_libebur128() {
        for (rate, channels) in [
            (48_000, 2),
            (44_100, 1),
            (48_000, 6),
            (96_000, 2),
            (192_000, 3),
        ] {
            let mut state = 7u32;
            let samples: Vec<f32> = (0..rate / 4 * u32::from(channels))
                .map(|at| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    let white = (state >> 8) as f32 / 8_388_608.0 - 1.0;
                    white * (at as f32 / 9_000.0).sin().powi(3)
                })
                .collect();
            let mut theirs = EbuR128::new(channels.into(), rate, Mode::TRUE_PEAK).unwrap();
            let mut ours = TruePeak::new(channels, rate);
            for part in samples.chunks(usize::from(channels) * 777) {
                theirs.add_frames_f32(part).unwrap();
                ours.push(part);
            }
            let peak = (0..u32::from(channels))
                .map(|channel| theirs.true_peak(channel).unwrap())
                .fold(0.0, f64::max);
            assert!(
                (ours.highest() - peak).abs() < 1e-6,
                "{rate} Hz × {channels}: {} {peak}",
                ours.highest()
            );
        }
    }
}
