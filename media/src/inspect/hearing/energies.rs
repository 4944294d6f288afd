//! K-weighted energy of each 100 ms (ITU-R BS.1770-4, annex 1), at any sample rate and of any layout.

use crate::bs1770::weighting::{Memory, Weighting};

/// Weights of table 3 in the order of ffmpeg's channels. Surround counts 1.41; the low-frequency channel of 5.1 does not count.
fn weights(channels: u16) -> &'static [f64] {
    const SURROUND: f64 = 1.41;
    match channels {
        4 => &[1.0, 1.0, SURROUND, SURROUND],
        5 => &[1.0, 1.0, 1.0, SURROUND, SURROUND],
        6 => &[1.0, 1.0, 1.0, 0.0, SURROUND, SURROUND],
        // What is more has no place in the recommendation; all of it counts.
        _ => &[1.0; super::MAX_CHANNELS as usize],
    }
}

pub struct Energies {
    weighting: Weighting,
    /// One for each channel.
    memories: Vec<Memory<1>>,
    weights: &'static [f64],
    sample_rate_hz: u64,
    /// Samples since the beginning, and where the block ends that is being summed up.
    position: u64,
    block_end: u64,
    sum: f64,
    done: Vec<f64>,
}

impl Energies {
    pub fn new(channels: u16, sample_rate_hz: u32) -> Self {
        Self {
            weighting: Weighting::at(sample_rate_hz),
            memories: vec![Memory::EMPTY; channels.into()],
            weights: weights(channels),
            sample_rate_hz: sample_rate_hz.into(),
            position: 0,
            block_end: block_end(0, sample_rate_hz.into()),
            sum: 0.0,
            done: Vec::new(),
        }
    }

    /// Interleaved, whole frames.
    pub fn push(&mut self, samples: &[f32]) {
        let weighting = self.weighting;
        for frame in samples.chunks_exact(self.memories.len()) {
            let channels = frame.iter().zip(&mut self.memories).zip(self.weights);
            for ((sample, memory), weight) in channels {
                let [weighted] = weighting.pass(memory, [f64::from(*sample)]);
                self.sum += weight * weighted * weighted;
            }
            self.position += 1;
            if self.position == self.block_end {
                self.close();
            }
        }
        self.memories.iter_mut().for_each(Memory::settle);
    }

    fn close(&mut self) {
        let length = self.sample_rate_hz as f64 / 10.0;
        self.done.push(self.sum / length);
        self.sum = 0.0;
        self.block_end = block_end(self.done.len() as u64, self.sample_rate_hz);
    }

    /// How many blocks are complete.
    pub fn whole(&self) -> usize {
        self.done.len()
    }

    /// The last block counts as if silence followed.
    pub fn finish(mut self) -> Vec<f64> {
        let closed = block_end(
            (self.done.len() as u64).wrapping_sub(1),
            self.sample_rate_hz,
        );
        if self.done.is_empty() || self.position > closed {
            self.close();
        }
        self.done
    }
}

/// Where block `index` ends, so that odd rates do not drift.
fn block_end(index: u64, sample_rate_hz: u64) -> u64 {
    (index.wrapping_add(1) * sample_rate_hz + 5) / 10
}

#[cfg(test)]
mod tests {
    use botflix_common::facts::Levels;
    use botflix_common::loudness::{self, Part};
    use ebur128::{EbuR128, Mode};

    use super::*;

    /// Noise whose loudness wanders, as speech does.
    fn wandering(seconds: u32, rate: u32, channels: u16, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut last = 0.0f32;
        (0..seconds * rate * u32::from(channels))
            .map(|at| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let white = (state >> 8) as f32 / 8_388_608.0 - 1.0;
                last = last * 0.9 + white * 0.1;
                let time = at as f32 / (rate * u32::from(channels)) as f32;
                last * (0.05 + 0.5 * (time * 4.1 + seed as f32).sin().powi(4))
            })
            .collect()
    }

    fn reference(samples: &[f32], rate: u32, channels: u16) -> f64 {
        let mut meter = EbuR128::new(channels.into(), rate, Mode::I).unwrap();
        meter.add_frames_f32(samples).unwrap();
        meter.loudness_global().unwrap()
    }

    fn levels(samples: &[f32], rate: u32, channels: u16) -> Levels {
        let mut energies = Energies::new(channels, rate);
        samples
            .chunks(usize::from(channels) * 777)
            .for_each(|part| energies.push(part));
        Levels::from_energies(energies.finish())
    }

    #[test]
    fn loudness_from_levels_is_that_of_ebur128_at_every_rate_and_layout() {
        for (rate, channels) in [
            (48_000, 2),
            (44_100, 2),
            (22_050, 1),
            (32_000, 1),
            (48_000, 6),
            (96_000, 2),
            (8_000, 1),
        ] {
            let samples = wandering(7, rate, channels, 5);
            let ours = loudness::of_levels(&levels(&samples, rate, channels)).unwrap();
            let theirs = reference(&samples, rate, channels);
            assert!(
                (ours - theirs).abs() < 0.02,
                "{rate} Hz × {channels}: {ours} {theirs}"
            );
        }
    }

    #[test]
    fn rates_that_have_no_whole_tenth_of_a_second_do_not_drift() {
        // ebur128 rounds such a block up to whole samples, so that its blocks drift away from the tenths of a second.
        let samples = wandering(60, 11_025, 1, 5);
        let levels = levels(&samples, 11_025, 1);
        assert_eq!(levels.len(), 600);
        let ours = loudness::of_levels(&levels).unwrap();
        let theirs = reference(&samples, 11_025, 1);
        assert!((ours - theirs).abs() < 0.1, "{ours} {theirs}");
    }

    #[test]
    fn a_film_of_joined_levels_is_as_loud_as_the_joined_sound() {
        let clips: Vec<Vec<f32>> = (1..7).map(|seed| wandering(3, 48_000, 2, seed)).collect();
        let gains = [0.0, -6.0, 3.0, 0.0, -12.0, 1.5];
        // Cut to odd lengths, as shots are.
        let samples = 2 * 48_000 + 1_234;
        let measured: Vec<Levels> = clips.iter().map(|clip| levels(clip, 48_000, 2)).collect();
        let parts = measured.iter().zip(gains).map(|(levels, gain_db)| Part {
            levels: Some(levels),
            start_seconds: 0.5,
            seconds: f64::from(samples) / 48_000.0,
            gain_db,
        });
        let predicted = loudness::integrated(parts).unwrap();
        let joined: Vec<f32> = clips
            .iter()
            .zip(gains)
            .flat_map(|(clip, gain_db)| {
                let gain = 10f32.powf(gain_db as f32 / 20.0);
                clip[48_000..48_000 + samples as usize * 2]
                    .iter()
                    .map(move |sample| sample * gain)
            })
            .collect();
        let theirs = reference(&joined, 48_000, 2);
        assert!((predicted - theirs).abs() < 0.05, "{predicted} {theirs}");
    }
}
