//! A look-ahead true-peak limiter for a stream of stereo frames: what comes out never exceeds the ceiling between samples either, and where
//! nothing would exceed it, nothing is touched. Knows no files and no loudness.

use std::collections::VecDeque;

use botflix_common::units::SAMPLE_RATE_HZ;

use super::Frame;
use super::loudness::CHANNELS;
use crate::bs1770::true_peak::{Envelope, Run, TAPS};

/// The gain starts to fall this long before a peak: 5 ms, a ramp too short to hear as pumping and too long to hear as a click.
const ATTACK_FRAMES: usize = SAMPLE_RATE_HZ as usize * 5 / 1000;

/// Time constant of the way back to unity, seconds.
const RELEASE_SECONDS: f64 = 0.08;

/// Kept below the ceiling for the rounding of the filters: 0.01 dB.
const HEADROOM: f32 = 0.998_85;

/// A reduced gain is held around a peak for all samples on which its interpolation depends.
const HOLD_FRAMES: usize = ATTACK_FRAMES + TAPS + 1;

/// Frames that are inside the limiter at any time.
pub(super) const LATENCY_FRAMES: usize = ATTACK_FRAMES + TAPS;

/// A gain this near to unity is unity: 0.00001 dB.
const UNITY: f64 = 1.0 - 1e-6;

pub(super) struct Limiter {
    ceiling: f32,
    envelope: Envelope,
    gain: Gain,
    /// As many frames as the gain lags behind, and in front of them the frames of the block; silence at first.
    delayed: Vec<Frame>,
    /// Frames of that first silence which are still to be dropped.
    to_drop: usize,
}

impl Limiter {
    /// `ceiling` is an amplitude: 1.0 is 0 dBTP.
    pub(super) fn new(ceiling: f32) -> Self {
        Self {
            ceiling: ceiling * HEADROOM,
            envelope: Envelope::new(CHANNELS, SAMPLE_RATE_HZ),
            gain: Gain::unity(),
            delayed: vec![[0.0; 2]; LATENCY_FRAMES],
            to_drop: LATENCY_FRAMES,
        }
    }

    /// Takes the next frames and appends to `out` those that are finished. Call [`Self::finish`] for the rest.
    pub(super) fn push(&mut self, block: &[Frame], out: &mut Vec<Frame>) {
        self.delayed.extend_from_slice(block);
        let begin = out.len();
        out.extend(self.delayed.drain(..block.len()));
        let mut rest = out.get_mut(begin..).unwrap_or_default().iter_mut();
        let (ceiling, gain) = (self.ceiling, &mut self.gain);
        self.envelope.follow(block.as_flattened(), ceiling, |run| {
            match run {
                Run::Below(count) if gain.is_at_rest() => {
                    // Passed as they are.
                    for _ in rest.by_ref().take(count) {}
                }
                Run::Below(count) => {
                    let frames = rest.by_ref().take(count);
                    frames.for_each(|frame| scale(frame, gain.next(1.0)));
                }
                Run::Peaks(peaks) => {
                    for (peak, frame) in peaks.iter().zip(rest.by_ref()) {
                        let needed = if *peak > ceiling { ceiling / peak } else { 1.0 };
                        scale(frame, gain.next(needed));
                    }
                }
            }
            ceiling
        });
        let dropped = self.to_drop.min(block.len());
        self.to_drop -= dropped;
        out.drain(begin..begin + dropped);
    }

    /// The frames that were still inside: in all, as many come out as went in.
    pub(super) fn finish(mut self, out: &mut Vec<Frame>) {
        self.push(&[[0.0; 2]; LATENCY_FRAMES], out);
    }
}

fn scale([left, right]: &mut Frame, gain: f32) {
    *left *= gain;
    *right *= gain;
}

/// From what each frame needs to a gain that gets there in time and without a click.
struct Gain {
    lowest: SlidingMinimum,
    /// After release, before the ramp.
    released: f64,
    release_per_frame: f64,
    ramp: MovingMean,
    /// Frames since one needed less than unity.
    untouched: usize,
}

impl Gain {
    fn unity() -> Self {
        Self {
            lowest: SlidingMinimum::new(HOLD_FRAMES),
            released: 1.0,
            release_per_frame: (-1.0 / (RELEASE_SECONDS * f64::from(SAMPLE_RATE_HZ))).exp(),
            ramp: MovingMean::of_ones(ATTACK_FRAMES + 1),
            untouched: usize::MAX,
        }
    }

    /// For frames that need nothing every gain would be 1.
    fn is_at_rest(&self) -> bool {
        self.untouched > HOLD_FRAMES && self.ramp.is_of_ones()
    }

    /// The gain for the frame [`LATENCY_FRAMES`] before the one whose need this is.
    fn next(&mut self, needed: f32) -> f32 {
        if needed < 1.0 {
            self.untouched = 0;
        } else if self.is_at_rest() {
            return 1.0;
        }
        self.untouched = self.untouched.saturating_add(1);
        let held = f64::from(self.lowest.push(needed));
        let recovering = 1.0 - (1.0 - self.released) * self.release_per_frame;
        let recovering = if recovering > UNITY { 1.0 } else { recovering };
        self.released = held.min(recovering);
        self.ramp.push(self.released) as f32
    }
}

/// The smallest of the last `length` values; values before the first count as 1, and so do those that were not told because they would have
/// been, as long as `length` ones were told before.
struct SlidingMinimum {
    length: u64,
    next: u64,
    /// Rising values, each the smallest from its position on.
    candidates: VecDeque<(u64, f32)>,
}

impl SlidingMinimum {
    fn new(length: usize) -> Self {
        Self {
            length: length as u64,
            next: 0,
            candidates: VecDeque::new(),
        }
    }

    fn push(&mut self, value: f32) -> f32 {
        while self
            .candidates
            .back()
            .is_some_and(|(_, last)| *last >= value)
        {
            self.candidates.pop_back();
        }
        self.candidates.push_back((self.next, value));
        self.next += 1;
        while self
            .candidates
            .front()
            .is_some_and(|(at, _)| at + self.length < self.next)
        {
            self.candidates.pop_front();
        }
        self.candidates.front().map_or(1.0, |(_, lowest)| *lowest)
    }
}

/// The mean of the last values, all 1 at first.
struct MovingMean {
    values: Box<[f64]>,
    oldest: usize,
    sum: f64,
    /// Values that are not 1.
    others: usize,
}

impl MovingMean {
    fn of_ones(length: usize) -> Self {
        Self {
            values: vec![1.0; length].into(),
            oldest: 0,
            sum: length as f64,
            others: 0,
        }
    }

    fn is_of_ones(&self) -> bool {
        self.others == 0
    }

    fn push(&mut self, value: f64) -> f64 {
        let count = self.values.len();
        if let Some(place) = self.values.get_mut(self.oldest) {
            let gone = std::mem::replace(place, value);
            self.sum += value - gone;
            self.others = (self.others + usize::from(value != 1.0)) - usize::from(gone != 1.0);
        }
        self.oldest = if self.oldest + 1 == count {
            0
        } else {
            self.oldest + 1
        };
        if self.others == 0 {
            // What additions and subtractions left over.
            self.sum = count as f64;
        }
        self.sum / count as f64
    }
}

#[cfg(test)]
mod tests {
    use ebur128::{EbuR128, Mode};

    use super::*;

    const CEILING: f32 = 0.891_25; // −1 dBTP

    fn limited(frames: &[Frame]) -> Vec<Frame> {
        let mut limiter = Limiter::new(CEILING);
        let mut out = Vec::new();
        for block in frames.chunks(1000) {
            limiter.push(block, &mut out);
        }
        limiter.finish(&mut out);
        out
    }

    fn true_peak(frames: &[Frame]) -> f64 {
        let mut meter = EbuR128::new(2, SAMPLE_RATE_HZ, Mode::TRUE_PEAK).unwrap();
        meter.add_frames_f32(frames.as_flattened()).unwrap();
        meter.true_peak(0).unwrap().max(meter.true_peak(1).unwrap())
    }

    /// Deterministic noise in −1 … 1.
    fn noise(count: usize) -> Vec<Frame> {
        let mut state = 0x2545_f491_4f6c_dd1du64;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 40) as f32 / (1u32 << 23) as f32 - 1.0
        };
        (0..count).map(|_| [next(), next()]).collect()
    }

    #[test]
    fn a_peak_between_samples_is_brought_under_the_ceiling() {
        // Samples at ±0.88, below the ceiling; the waveform reaches 1.25.
        let frames: Vec<Frame> = (0..48_000u32)
            .map(|n| {
                let value = 1.25
                    * (std::f32::consts::FRAC_PI_2 * (n % 4) as f32 + std::f32::consts::FRAC_PI_4)
                        .sin();
                [value, -value]
            })
            .collect();
        assert!(frames.iter().all(|[left, _]| left.abs() < CEILING));
        assert!(true_peak(&frames) > 1.15);
        assert!(true_peak(&limited(&frames)) <= f64::from(CEILING));
    }

    #[test]
    fn loud_noise_stays_under_the_ceiling_and_near_it() {
        let frames: Vec<Frame> = noise(96_000)
            .iter()
            .map(|[l, r]| [l * 3.0, r * 3.0])
            .collect();
        let peak = true_peak(&limited(&frames));
        assert!(peak <= f64::from(CEILING), "{peak}");
        assert!(peak > 0.8, "{peak}");
    }

    #[test]
    fn what_stays_below_the_ceiling_passes_bit_for_bit() {
        let frames: Vec<Frame> = noise(10_000)
            .iter()
            .map(|[l, r]| [l * 0.2, r * 0.2])
            .collect();
        assert_eq!(limited(&frames), frames);
    }

    #[test]
    fn as_many_frames_come_out_as_went_in_even_of_a_stream_shorter_than_the_look_ahead() {
        for count in [0, 1, 100, LATENCY_FRAMES, 5000] {
            assert_eq!(limited(&noise(count)).len(), count);
        }
    }

    #[test]
    fn only_the_surroundings_of_a_peak_get_softer() {
        let mut frames = vec![[0.1f32, 0.1]; 96_000];
        frames[48_000] = [2.0, 0.1];
        let out = limited(&frames);
        assert_eq!(out[47_000], [0.1, 0.1]);
        assert!(out[48_000][0] <= CEILING);
        assert!(out[48_050][1] < 0.06);
        assert!(out[95_000][1] > 0.099);
    }
}
