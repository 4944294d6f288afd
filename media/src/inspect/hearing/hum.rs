//! Mains hum: 50 or 60 Hz and twice that, standing out of what is beside them all the time.

use botflix_common::facts::sound::Hum;

/// The sound is thinned to about this before tones are looked for.
const THIN_RATE_HZ: u32 = 1500;
const MAINS_HZ: [f64; 2] = [50.0, 60.0];
const HARMONICS: [f64; 2] = [1.0, 2.0];
/// Beside each tone, far enough for a window of a second to tell them apart.
const BESIDE_HZ: f64 = 5.0;
/// A hum is there all the time; a bass note is not. Share of the seconds that must show it.
const STEADY_SHARE: f64 = 0.9;
const MIN_SECONDS: usize = 2;
/// Hours of sound need no more than these seconds of it.
const MAX_SECONDS: usize = 3600;
/// Less is not told at all, dB over the neighbours.
const MIN_ABOVE_DB: f64 = 10.0;

pub struct HumSearch {
    /// Samples that become one.
    factor: u32,
    rate_hz: f64,
    sum: f32,
    summed: u32,
    window: Vec<f32>,
    /// Per second and mains frequency: power of the tones, and of their neighbours.
    seconds: Vec<[(f64, f64); 2]>,
}

impl HumSearch {
    pub fn new(sample_rate_hz: u32) -> Self {
        let factor = (sample_rate_hz / THIN_RATE_HZ).max(1);
        Self {
            factor,
            rate_hz: f64::from(sample_rate_hz) / f64::from(factor),
            sum: 0.0,
            summed: 0,
            window: Vec::new(),
            seconds: Vec::new(),
        }
    }

    pub fn push(&mut self, sample: f32) {
        self.sum += sample;
        self.summed += 1;
        if self.summed < self.factor {
            return;
        }
        self.window.push(self.sum / self.factor as f32);
        (self.sum, self.summed) = (0.0, 0);
        if self.window.len() >= self.rate_hz as usize {
            if self.seconds.len() < MAX_SECONDS {
                let powers = MAINS_HZ.map(|mains| self.powers(mains));
                self.seconds.push(powers);
            }
            self.window.clear();
        }
    }

    fn powers(&self, mains: f64) -> (f64, f64) {
        HARMONICS
            .iter()
            .map(|harmonic| mains * harmonic)
            .map(|hz| {
                let beside = [hz - BESIDE_HZ, hz + BESIDE_HZ].map(|hz| self.power(hz));
                (self.power(hz), beside.into_iter().fold(0.0, f64::max))
            })
            .fold((0.0, 0.0), |(tones, neighbours), (tone, beside)| {
                (tones + tone, neighbours + beside)
            })
    }

    /// Mean square of the tone at `hz` in a window (Goertzel, Hann-shaped).
    fn power(&self, hz: f64) -> f64 {
        let length = self.window.len() as f64;
        let step = std::f64::consts::TAU / length;
        let factor = 2.0 * (std::f64::consts::TAU * hz / self.rate_hz).cos();
        let (mut last, mut before) = (0.0, 0.0);
        for (at, sample) in self.window.iter().enumerate() {
            let shape = 0.5 - 0.5 * (step * at as f64).cos();
            let now = f64::from(*sample) * shape + factor * last - before;
            (before, last) = (last, now);
        }
        let square = last * last + before * before - factor * last * before;
        // A sine of amplitude A gives (A × N / 4)² under this shape, and has a mean square of A² / 2.
        square * 8.0 / (length * length)
    }

    pub fn finish(self) -> Option<Hum> {
        if self.seconds.len() < MIN_SECONDS {
            return None;
        }
        let hums = (0..MAINS_HZ.len()).filter_map(|which| {
            let mut seconds: Vec<(f64, f64)> = self
                .seconds
                .iter()
                .filter_map(|second| second.get(which).copied())
                .map(|(tone, beside)| (tone / beside.max(1e-14), tone))
                .collect();
            seconds.sort_by(|a, b| b.0.total_cmp(&a.0));
            let steady = ((seconds.len() as f64 * STEADY_SHARE).ceil() as usize).max(1);
            let (ratio, _) = *seconds.get(steady - 1)?;
            let mut tones: Vec<f64> = seconds.iter().map(|(_, tone)| *tone).collect();
            tones.sort_by(f64::total_cmp);
            let tone = *tones.get(tones.len() / 2)?;
            Some(Hum {
                hz: *MAINS_HZ.get(which)?,
                dbfs: 10.0 * tone.max(1e-14).log10(),
                above_neighbours_db: 10.0 * ratio.log10(),
            })
        });
        hums.filter(|hum| hum.above_neighbours_db >= MIN_ABOVE_DB)
            .max_by(|a, b| a.dbfs.total_cmp(&b.dbfs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(sample: impl Fn(f64) -> f64) -> Option<Hum> {
        let mut search = HumSearch::new(44_100);
        (0..44_100 * 4).for_each(|at| search.push(sample(f64::from(at) / 44_100.0) as f32));
        search.finish()
    }

    #[test]
    fn a_steady_50_hz_tone_is_a_hum_of_its_level_and_a_passing_one_is_none() {
        let sine = |t: f64, hz: f64| (t * hz * std::f64::consts::TAU).sin();
        let hum = search(|t| 0.01 * sine(t, 50.0) + 0.1 * sine(t, 440.0)).unwrap();
        assert_eq!(hum.hz, 50.0);
        assert!((hum.dbfs + 43.0).abs() < 1.0, "{hum:?}");
        assert_eq!(
            search(|t| if t < 2.0 { 0.1 * sine(t, 60.0) } else { 0.0 }),
            None
        );
        assert_eq!(search(|t| 0.1 * sine(t, 55.0)), None);
    }
}
