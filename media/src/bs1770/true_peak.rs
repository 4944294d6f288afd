//! True peaks (BS.1770-4, annex 2): how high the reconstructed waveform goes around each sample, by oversampling. Costs little: only what could
//! be higher than a floor is interpolated.
//!
//! Filter and order of additions are those of libebur128's meter, so that both say the same number to the last bit.

use std::f64::consts::PI;

/// Taps of the filter over all its phases: of each phase, this by the factor of oversampling.
const ALL_TAPS: usize = 48;

/// Samples on which one interpolated value depends, below [`DENSE_RATE_HZ`].
pub(crate) const TAPS: usize = ALL_TAPS / 4;

/// Sounds of this rate and more are oversampled twice, of twice this rate not at all; all others four times.
const DENSE_RATE_HZ: u32 = 96_000;

/// Frames looked at together when deciding that nothing in them can matter.
const SCAN_FRAMES: usize = 64;

/// Room for the rounding of sums when a bound is held against a value.
const ROUNDING: f32 = 1.000_1;

/// The filter that interpolates: a sinc under a Hann window.
struct Interpolation {
    /// Of each point between two samples: coefficients, newest sample first.
    phases: Vec<Vec<f32>>,
    /// Samples on which one interpolated value depends.
    taps: usize,
    /// An interpolated value is at most this many times the largest of its samples.
    overshoot: f32,
}

impl Interpolation {
    fn at(sample_rate_hz: u32) -> Self {
        let factor = match sample_rate_hz / DENSE_RATE_HZ {
            0 => 4,
            1 => 2,
            _ => 1,
        };
        // The phase that lies on a sample is that sample.
        let phases: Vec<Vec<f32>> = (1..factor)
            .map(|phase| coefficients(phase, factor))
            .collect();
        let sum = |phase: &Vec<f32>| phase.iter().map(|tap| tap.abs()).sum::<f32>();
        Self {
            overshoot: phases.iter().map(sum).fold(1.0f32, f32::max) * ROUNDING,
            taps: ALL_TAPS / factor,
            phases,
        }
    }
}

fn coefficients(phase: usize, factor: usize) -> Vec<f32> {
    let places = (phase..ALL_TAPS).step_by(factor);
    places
        .map(|place| {
            let place = place as f64;
            let window = 0.5 * (1.0 - (2.0 * PI * place / ALL_TAPS as f64).cos());
            let angle = (place - ALL_TAPS as f64 / 2.0) * PI / factor as f64;
            (window * angle.sin() / angle) as f32
        })
        .collect()
}

/// One channel: what is left of the samples before, one less than there are taps, and the samples looked at now.
struct Channel(Vec<f32>);

impl Channel {
    /// Takes the next samples behind those before, and returns the highest magnitude of all that is there.
    fn take<'a>(&mut self, before: usize, next: impl Iterator<Item = &'a f32>) -> f32 {
        let places = self.0.iter_mut().skip(before);
        let mut taken = before;
        for (place, sample) in places.zip(next) {
            *place = *sample;
            taken += 1;
        }
        loudest(self.0.get(..taken).unwrap_or_default())
    }

    /// Raises `peaks` to what the waveform reaches from each sample to its successor. Summed tap by tap over all samples, which the compiler
    /// does several at a time.
    fn raise(&self, interpolation: &Interpolation, peaks: &mut [f32; SCAN_FRAMES]) {
        let here = self.0.iter().skip(interpolation.taps / 2 - 1);
        for (peak, sample) in peaks.iter_mut().zip(here) {
            *peak = peak.max(sample.abs());
        }
        for phase in &interpolation.phases {
            let mut values = [0.0f32; SCAN_FRAMES];
            for (window, tap) in self.0.array_windows::<SCAN_FRAMES>().rev().zip(phase) {
                for (value, sample) in values.iter_mut().zip(window) {
                    *value += sample * tap;
                }
            }
            for (peak, value) in peaks.iter_mut().zip(&values) {
                *peak = peak.max(value.abs());
            }
        }
    }
}

/// The true-peak envelope of a stream.
pub(crate) struct Envelope {
    interpolation: Interpolation,
    channels: Vec<Channel>,
}

/// A stretch of the envelope.
pub(crate) enum Run<'a> {
    /// So many values, none above the floor.
    Below(usize),
    Peaks(&'a [f32]),
}

impl Envelope {
    pub(crate) fn new(channels: usize, sample_rate_hz: u32) -> Self {
        let interpolation = Interpolation::at(sample_rate_hz);
        let samples = interpolation.taps - 1 + SCAN_FRAMES;
        Self {
            channels: (0..channels).map(|_| Channel(vec![0.0; samples])).collect(),
            interpolation,
        }
    }

    /// One value for each frame of `samples` (interleaved, whole frames), belonging to the frame half of the taps earlier: the highest of it and
    /// of the points between it and its successor, over all channels. They come in runs of up to [`SCAN_FRAMES`]; where nothing can exceed
    /// `floor`, a run without values. `emit` says what the floor is from then on.
    pub(crate) fn follow(
        &mut self,
        samples: &[f32],
        mut floor: f32,
        mut emit: impl FnMut(Run<'_>) -> f32,
    ) {
        let (count, before) = (self.channels.len().max(1), self.interpolation.taps - 1);
        for chunk in samples.chunks(count * SCAN_FRAMES) {
            let frames = chunk.len() / count;
            let mut highest = 0.0f32;
            for (number, channel) in self.channels.iter_mut().enumerate() {
                let next = chunk
                    .get(number..)
                    .unwrap_or_default()
                    .iter()
                    .step_by(count);
                highest = highest.max(channel.take(before, next));
            }
            floor = if highest * self.interpolation.overshoot <= floor {
                emit(Run::Below(frames))
            } else {
                let mut peaks = [0.0; SCAN_FRAMES];
                for channel in &self.channels {
                    channel.raise(&self.interpolation, &mut peaks);
                }
                emit(Run::Peaks(peaks.get(..frames).unwrap_or_default()))
            };
            for Channel(samples) in &mut self.channels {
                samples.copy_within(frames..frames + before, 0);
            }
        }
    }
}

/// The highest true peak of a stream, over all its channels.
pub(crate) struct TruePeak {
    envelope: Envelope,
    highest: f32,
}

impl TruePeak {
    pub(crate) fn new(channels: usize, sample_rate_hz: u32) -> Self {
        Self {
            envelope: Envelope::new(channels, sample_rate_hz),
            highest: 0.0,
        }
    }

    /// Samples that are not looked at themselves, but that what follows is interpolated with.
    pub(crate) fn warm(&mut self, samples: &[f32]) {
        self.envelope
            .follow(samples, f32::INFINITY, |_| f32::INFINITY);
    }

    /// Interleaved, whole frames.
    pub(crate) fn add(&mut self, samples: &[f32]) {
        // What lies between the last samples is not known yet; they themselves are.
        let mut highest = self.highest.max(loudest(samples));
        self.envelope.follow(samples, highest, |run| {
            if let Run::Peaks(peaks) = run {
                highest = highest.max(loudest(peaks));
            }
            highest
        });
        self.highest = highest;
    }

    /// The highest since it was last asked, an amplitude; 0: digital silence.
    pub(crate) fn take(&mut self) -> f32 {
        std::mem::take(&mut self.highest)
    }
}

/// The highest magnitude, by eight at a time.
fn loudest(samples: &[f32]) -> f32 {
    let (blocks, rest) = samples.as_chunks::<8>();
    let mut highest = [0.0f32; 8];
    for block in blocks {
        for (highest, sample) in highest.iter_mut().zip(block) {
            *highest = highest.max(sample.abs());
        }
    }
    let all = highest.iter().chain(rest);
    all.fold(0.0f32, |highest, sample| highest.max(sample.abs()))
}

#[cfg(test)]
mod tests {
    use ebur128::{EbuR128, Mode};

    use super::*;

    fn envelope(envelope: &mut Envelope, samples: &[f32], floor: f32) -> Vec<f32> {
        let mut values = Vec::new();
        envelope.follow(samples, floor, |run| {
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
        let samples: Vec<f32> = (0..480)
            .flat_map(|n| {
                let value = (PI / 2.0 * f64::from(n) + PI / 4.0).sin() as f32;
                [value, 0.0]
            })
            .collect();
        let values = envelope(&mut Envelope::new(2, 48_000), &samples, 0.1);
        let steady = &values[100..400];
        let highest = steady.iter().copied().fold(0.0f32, f32::max);
        assert!((0.95..1.02).contains(&highest), "{highest}");
    }

    #[test]
    fn the_envelope_does_not_depend_on_how_the_stream_is_cut() {
        let samples: Vec<f32> = (0..1000u32)
            .flat_map(|n| [(n as f32 * 0.7).sin(), (n as f32 * 1.9).cos() * 0.3])
            .collect();
        let whole = envelope(&mut Envelope::new(2, 48_000), &samples, 0.0);
        let mut following = Envelope::new(2, 48_000);
        let parts: Vec<f32> = samples
            .chunks(2 * 77)
            .flat_map(|part| envelope(&mut following, part, 0.0))
            .collect();
        assert_eq!(whole, parts);
        assert_eq!(whole.len(), samples.len() / 2);
    }

    #[test]
    fn every_rate_and_layout_has_the_peak_of_libebur128() {
        for (rate, channels) in [
            (48_000, 2u16),
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
            let mut ours = TruePeak::new(channels.into(), rate);
            for part in samples.chunks(usize::from(channels) * 777) {
                theirs.add_frames_f32(part).unwrap();
                ours.add(part);
            }
            let peak = (0..u32::from(channels))
                .map(|channel| theirs.true_peak(channel).unwrap())
                .fold(0.0, f64::max);
            assert_eq!(f64::from(ours.take()), peak, "{rate} Hz × {channels}");
        }
    }
}
