//! How far up the frequencies of a line of samples reach: material that was scaled up has nothing in its upper part.

/// Samples of one window, a power of two.
pub const WINDOW: usize = 64;
const BINS: usize = WINDOW / 2;
/// A window with less energy above its lowest bins shows no edge, codes squared.
const MIN_ENERGY: f32 = 2000.0;
/// Fewer windows are no sample of the picture.
const MIN_WINDOWS: usize = 24;
/// The part of the windows that has most detail: the rest may be out of focus.
const SHARPEST_SHARE: f64 = 0.25;
/// Bins that every edge fills, whatever its sharpness.
const REFERENCE: std::ops::Range<usize> = 3..7;
/// Detail ends where the power, corrected for the fall of 6 dB per octave that every edge has, is this far (7 dB) below the reference. Native
/// pictures, soft ones too, stay above it up to their end; encoders fill what scaling left empty with noise, to 8 or 10 dB below.
const END_SHARE: f32 = 0.2;
/// Windows that are kept; later ones are left out.
const MAX_WINDOWS: usize = 20_000;

#[derive(Default)]
pub struct Spectrum {
    /// At each sample of the window: a cosine and a sine of every bin, already shaped by it.
    waves: Vec<[[f32; BINS]; 2]>,
    windows: Vec<[f32; BINS]>,
}

impl Spectrum {
    /// One window of samples.
    pub fn add(&mut self, samples: impl Iterator<Item = f32>) {
        if self.waves.is_empty() {
            self.prepare();
        }
        let mut real = [0.0f32; WINDOW];
        let mut count = 0;
        for (place, sample) in real.iter_mut().zip(samples) {
            *place = sample;
            count += 1;
        }
        if count < WINDOW || self.windows.len() >= MAX_WINDOWS {
            return;
        }
        let mean = real.iter().sum::<f32>() / WINDOW as f32;
        let energy: f32 = real.iter().map(|sample| (sample - mean).powi(2)).sum();
        if energy < MIN_ENERGY {
            return;
        }
        for sample in &mut real {
            *sample -= mean;
        }
        let (mut cos, mut sin) = ([0.0f32; BINS], [0.0f32; BINS]);
        for (sample, [cos_wave, sin_wave]) in real.iter().zip(&self.waves) {
            add(&mut cos, cos_wave, *sample);
            add(&mut sin, sin_wave, *sample);
        }
        let mut power = [0.0; BINS];
        for ((power, cos), sin) in power.iter_mut().zip(cos).zip(sin) {
            *power = cos.powi(2) + sin.powi(2);
        }
        self.windows.push(power);
    }

    /// A plain transform: of 64 samples a fast one would not be faster.
    fn prepare(&mut self) {
        let step = std::f32::consts::TAU / WINDOW as f32;
        let shape = |at: usize| 0.5 - 0.5 * (step * (at as f32 + 0.5)).cos();
        let turn = |bin: usize, at: usize| step * (bin * at % WINDOW) as f32;
        self.waves = (0..WINDOW)
            .map(|at| {
                [
                    std::array::from_fn(|bin| shape(at) * turn(bin, at).cos()),
                    std::array::from_fn(|bin| shape(at) * turn(bin, at).sin()),
                ]
            })
            .collect();
    }

    /// The share of all frequencies that the sharpest windows use; `None`: there is too little to see.
    pub fn reach(&self) -> Option<f64> {
        if self.windows.len() < MIN_WINDOWS {
            return None;
        }
        let mut windows: Vec<&[f32; BINS]> = self.windows.iter().collect();
        let upper = |window: &[f32; BINS]| {
            let all: f32 = window.iter().sum();
            window.iter().skip(BINS / 4).sum::<f32>() / all.max(1.0)
        };
        windows.sort_by(|a, b| upper(b).total_cmp(&upper(a)));
        let kept = ((windows.len() as f64 * SHARPEST_SHARE) as usize).max(MIN_WINDOWS / 2);
        let mut sum = [0.0f32; BINS];
        for window in windows.into_iter().take(kept) {
            let all: f32 = window.iter().sum();
            for (total, power) in sum.iter_mut().zip(window) {
                *total += power / all.max(1.0);
            }
        }
        // Times the square of the frequency: flat for an ideal edge.
        let flat: Vec<f32> = sum
            .iter()
            .enumerate()
            .map(|(bin, power)| power * (bin as f32).powi(2))
            .collect();
        let reference = flat.get(REFERENCE)?.iter().sum::<f32>() / REFERENCE.len() as f32;
        let last = flat
            .iter()
            .rposition(|power| *power >= reference * END_SHARE)?;
        Some((last + 1) as f64 / BINS as f64)
    }
}

/// All bins at once: one sum each, in the order of the samples.
fn add(sums: &mut [f32; BINS], wave: &[f32; BINS], sample: f32) {
    for (sum, wave) in sums.iter_mut().zip(wave) {
        *sum += sample * wave;
    }
}
