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
    left: Side,
    right: Side,
}

/// One channel: what is left of the frames before, and the frames looked at now.
struct Side {
    samples: [f32; TAPS - 1 + SCAN_FRAMES],
}

impl Side {
    const EMPTY: Self = Self {
        samples: [0.0; TAPS - 1 + SCAN_FRAMES],
    };

    /// Takes the next samples behind the last `TAPS - 1`, and returns the highest magnitude of all that is there.
    fn take(&mut self, next: impl Iterator<Item = f32>) -> f32 {
        let places = self.samples.iter_mut().skip(TAPS - 1);
        let mut highest = 0.0f32;
        for (place, sample) in places.zip(next) {
            *place = sample;
            highest = highest.max(sample.abs());
        }
        let before = self.samples.iter().take(TAPS - 1);
        before.fold(highest, |highest, sample| highest.max(sample.abs()))
    }

    /// Raises `peaks` to what the waveform reaches from each sample to its successor. Summed tap by tap over all samples, which the compiler
    /// does several at a time.
    fn raise(&self, phases: &[[f32; TAPS]; FACTOR - 1], peaks: &mut [f32; SCAN_FRAMES]) {
        let here = self.samples.iter().skip(DELAY_FRAMES - 1);
        for (peak, sample) in peaks.iter_mut().zip(here) {
            *peak = peak.max(sample.abs());
        }
        for phase in phases {
            let mut values = [0.0f32; SCAN_FRAMES];
            for (window, tap) in self.samples.windows(SCAN_FRAMES).zip(phase) {
                for (value, sample) in values.iter_mut().zip(window) {
                    *value += sample * tap;
                }
            }
            for (peak, value) in peaks.iter_mut().zip(&values) {
                *peak = peak.max(value.abs());
            }
        }
    }

    /// Keeps what the next samples are interpolated with, behind `taken` frames.
    fn keep(&mut self, taken: usize) {
        self.samples.copy_within(taken..taken + TAPS - 1, 0);
    }
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
            left: Side::EMPTY,
            right: Side::EMPTY,
        }
    }

    /// One value for each frame of `block`, belonging to the frame [`DELAY_FRAMES`] earlier: the highest of it and of the three points between
    /// it and its successor, over both channels. They come in runs of up to [`SCAN_FRAMES`]; where nothing can reach `floor`, a run of `None`.
    /// `emit` says what the floor is from then on.
    pub(super) fn follow(
        &mut self,
        block: &[Frame],
        mut floor: f32,
        mut emit: impl FnMut(Run<'_>) -> f32,
    ) {
        for chunk in block.chunks(SCAN_FRAMES) {
            let left = self.left.take(chunk.iter().map(|[left, _]| *left));
            let right = self.right.take(chunk.iter().map(|[_, right]| *right));
            floor = if left.max(right) * self.overshoot < floor {
                emit(Run::Below(chunk.len()))
            } else {
                let mut peaks = [0.0; SCAN_FRAMES];
                self.left.raise(&self.phases, &mut peaks);
                self.right.raise(&self.phases, &mut peaks);
                emit(Run::Peaks(peaks.get(..chunk.len()).unwrap_or_default()))
            };
            self.left.keep(chunk.len());
            self.right.keep(chunk.len());
        }
    }
}

/// A stretch of the envelope.
pub(super) enum Run<'a> {
    /// So many values below the floor.
    Below(usize),
    Peaks(&'a [f32]),
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
        self.envelope
            .follow(block, f32::INFINITY, |_| f32::INFINITY);
    }

    pub(super) fn add(&mut self, block: &[Frame]) {
        let mut highest = self.highest;
        self.envelope.follow(block, highest, |run| {
            if let Run::Peaks(peaks) = run {
                highest = peaks.iter().copied().fold(highest, f32::max);
            }
            highest
        });
        self.highest = highest;
    }

    /// The highest since it was last asked, an amplitude; 0: digital silence. The last [`DELAY_FRAMES`] frames are not in it, as what follows them
    /// is unknown.
    pub(super) fn take(&mut self) -> f32 {
        std::mem::take(&mut self.highest)
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

    fn envelope(envelope: &mut Envelope, frames: &[Frame], floor: f32) -> Vec<f32> {
        let mut values = Vec::new();
        envelope.follow(frames, floor, |run| {
            match run {
                Run::Below(count) => values.extend(std::iter::repeat_n(0.0, count)),
                Run::Peaks(peaks) => values.extend_from_slice(peaks),
            }
            floor
        });
        values
    }

    #[test]
    fn a_sine_whose_samples_miss_its_crest_shows_its_crest() {
        // A quarter of the sample rate at 45°: samples at ±0.7071, the crest at 1 (EBU Tech 3341 §2.9, the +3 dB case).
        let frames: Vec<Frame> = (0..480)
            .map(|n| {
                let value = (PI / 2.0 * f64::from(n) + PI / 4.0).sin() as f32;
                [value, 0.0]
            })
            .collect();
        let values = envelope(&mut Envelope::new(), &frames, 0.1);
        let steady = &values[100..400];
        let highest = steady.iter().copied().fold(0.0f32, f32::max);
        assert!((0.95..1.02).contains(&highest), "{highest}");
    }

    #[test]
    fn the_envelope_does_not_depend_on_how_the_stream_is_cut() {
        let frames: Vec<Frame> = (0..1000u32)
            .map(|n| [(n as f32 * 0.7).sin(), (n as f32 * 1.9).cos() * 0.3])
            .collect();
        let whole = envelope(&mut Envelope::new(), &frames, 0.0);
        let mut following = Envelope::new();
        let parts: Vec<f32> = frames
            .chunks(77)
            .flat_map(|part| envelope(&mut following, part, 0.0))
            .collect();
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), frames.len());
    }
}
