//! The true-peak envelope: how high the reconstructed waveform goes around each sample, by four-fold oversampling (ITU-R BS.1770-4, annex 2).
//! Knows stereo frames, nothing of gain or files.

use std::f64::consts::PI;

/// One sample of each channel.
pub(super) type Frame = [f32; 2];

/// Samples on which one interpolated value depends.
pub(super) const TAPS: usize = 12;

/// The envelope of a frame is known when this many later frames are.
pub(super) const DELAY_FRAMES: usize = TAPS / 2;

/// Oversampling of annex 2 at 48 kHz.
const FACTOR: usize = 4;

/// Frames looked at together when deciding that nothing in them can matter.
const SCAN_FRAMES: usize = 64;

/// Interpolates between samples with a windowed sinc of 49 taps, the filter of the meter that judges the result (libebur128's).
pub(super) struct Envelope {
    /// Coefficients of the three phases between two samples, oldest sample first.
    phases: [[f32; TAPS]; FACTOR - 1],
    /// An interpolated value is at most this many times the largest of its samples.
    overshoot: f32,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Envelope {
    pub(super) fn new() -> Self {
        let phases = phases();
        let overshoot = phases
            .iter()
            .map(|phase| phase.iter().map(|tap| tap.abs()).sum())
            .fold(1.0f32, f32::max);
        Self {
            phases,
            overshoot,
            left: vec![0.0; TAPS - 1],
            right: vec![0.0; TAPS - 1],
        }
    }

    /// One value for each frame of `block`, belonging to the frame [`DELAY_FRAMES`] earlier: the highest of it and of the three points between
    /// it and its successor, over both channels. Where nothing can reach `floor` the value may be 0.
    pub(super) fn follow(&mut self, block: &[Frame], floor: f32, mut emit: impl FnMut(f32)) {
        for chunk in block.chunks(SCAN_FRAMES) {
            self.left.extend(chunk.iter().map(|[left, _]| *left));
            self.right.extend(chunk.iter().map(|[_, right]| *right));
            let highest = self
                .left
                .iter()
                .chain(&self.right)
                .fold(0.0f32, |highest, sample| highest.max(sample.abs()));
            if highest * self.overshoot < floor {
                chunk.iter().for_each(|_| emit(0.0));
            } else {
                let windows = self.left.array_windows().zip(self.right.array_windows());
                for (left, right) in windows {
                    emit(self.peak(left).max(self.peak(right)));
                }
            }
            self.left.drain(..chunk.len());
            self.right.drain(..chunk.len());
        }
    }

    /// Samples lie at -5 … 6 around the interval that is interpolated; the one at 0 is the sixth.
    fn peak(&self, window: &[f32; TAPS]) -> f32 {
        let [_, _, _, _, _, here, ..] = window;
        self.phases.iter().fold(here.abs(), |peak, phase| {
            let value: f32 = window
                .iter()
                .zip(phase)
                .map(|(sample, tap)| sample * tap)
                .sum();
            peak.max(value.abs())
        })
    }
}

/// The highest true peak of a stream. Costs little: only what could be higher than all before it is interpolated.
pub(super) struct TruePeak {
    envelope: Envelope,
    highest: f32,
}

impl TruePeak {
    pub(super) fn new() -> Self {
        Self {
            envelope: Envelope::new(),
            highest: 0.0,
        }
    }

    /// Frames that are not looked at themselves, but that what follows is interpolated with.
    pub(super) fn warm(&mut self, block: &[Frame]) {
        self.envelope.follow(block, f32::INFINITY, |_| ());
    }

    pub(super) fn add(&mut self, block: &[Frame]) {
        for part in block.chunks(SCAN_FRAMES) {
            let mut highest = self.highest;
            self.envelope.follow(part, self.highest, |peak| {
                highest = highest.max(peak);
            });
            self.highest = highest;
        }
    }

    /// An amplitude; 0: digital silence. The last [`DELAY_FRAMES`] frames are not in it, as what would follow them is unknown.
    pub(super) fn highest(&self) -> f32 {
        self.highest
    }
}

/// A sinc through the samples, windowed by a raised cosine over 12 sample intervals, at 1/4, 2/4 and 3/4 of the interval.
fn phases() -> [[f32; TAPS]; FACTOR - 1] {
    let half_width = (TAPS / 2) as f64;
    std::array::from_fn(|phase| {
        let offset = (phase + 1) as f64 / FACTOR as f64;
        std::array::from_fn(|tap| {
            let distance = tap as f64 - (DELAY_FRAMES as f64 - 1.0) - offset;
            let sinc = (PI * distance).sin() / (PI * distance);
            let window = 0.5 * (1.0 + (PI * distance / half_width).cos());
            (sinc * window) as f32
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_whose_samples_miss_its_crest_shows_its_crest() {
        // A quarter of the sample rate at 45°: samples at ±0.7071, the crest at 1 (EBU Tech 3341 §2.9, the +3 dB case).
        let frames: Vec<Frame> = (0..480)
            .map(|n| {
                let value = (PI / 2.0 * f64::from(n) + PI / 4.0).sin() as f32;
                [value, 0.0]
            })
            .collect();
        let mut values = Vec::new();
        Envelope::new().follow(&frames, 0.1, |value| values.push(value));
        let steady = &values[100..400];
        let highest = steady.iter().copied().fold(0.0f32, f32::max);
        assert!((0.95..1.02).contains(&highest), "{highest}");
    }

    #[test]
    fn the_envelope_does_not_depend_on_how_the_stream_is_cut() {
        let frames: Vec<Frame> = (0..1000u32)
            .map(|n| [(n as f32 * 0.7).sin(), (n as f32 * 1.9).cos() * 0.3])
            .collect();
        let mut whole = Vec::new();
        Envelope::new().follow(&frames, 0.0, |value| whole.push(value));
        let mut parts = Vec::new();
        let mut envelope = Envelope::new();
        for part in frames.chunks(77) {
            envelope.follow(part, 0.0, |value| parts.push(value));
        }
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), frames.len());
    }
}
