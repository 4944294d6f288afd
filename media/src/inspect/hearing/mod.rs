//! What is heard in the sound, while it is decoded once: samples, loudness, true peak, levels, and what may be wrong with it.

mod energies;
mod hum;
mod observe;
mod speech;

use botflix_common::facts::{Levels, SoundObservations};
use botflix_common::loudness;

use crate::bs1770::true_peak::TruePeak;
use crate::process::Pcm;
use energies::Energies;
use observe::Observer;

/// BS.1770 knows up to 5.1; more is measured with equal weights, and more than this is no film sound.
const MAX_CHANNELS: u16 = 16;
const MAX_SAMPLE_RATE_HZ: u32 = 384_000;
/// The part of the sound that says how loud it is where something happens.
const LOUD_SHARE: f64 = 0.1;

#[derive(Debug)]
pub struct Sound {
    /// Of the first decoded frame; with HE-AAC twice what the container says.
    pub sample_rate_hz: u32,
    pub channels: u16,
    /// Samples per channel, priming removed.
    pub samples: u64,
    pub integrated_lufs: Option<f64>,
    pub true_peak_dbtp: Option<f64>,
    pub levels: Levels,
    /// Times from the first sample.
    pub observed: SoundObservations,
}

impl Sound {
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

pub struct Meter {
    true_peak: TruePeak,
    energies: Energies,
    observer: Observer,
    channels: u16,
    sample_rate_hz: u32,
    pcm: Pcm,
    /// Samples whose frame is not complete yet.
    partial: Vec<f32>,
    samples: u64,
}

impl Meter {
    /// `None`: not a format that is measured.
    pub fn new(channels: u16, sample_rate_hz: u32) -> Option<Self> {
        let sane = (1..=MAX_CHANNELS).contains(&channels)
            && (1..=MAX_SAMPLE_RATE_HZ).contains(&sample_rate_hz);
        sane.then(|| Self {
            true_peak: TruePeak::new(channels.into(), sample_rate_hz),
            energies: Energies::new(channels, sample_rate_hz),
            observer: Observer::new(channels, sample_rate_hz),
            channels,
            sample_rate_hz,
            pcm: Pcm::default(),
            partial: Vec::new(),
            samples: 0,
        })
    }

    /// Interleaved 32-bit floats, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) {
        // A damaged stream may decode to not-a-number, which would poison the whole measurement.
        let finite = self
            .pcm
            .push(bytes)
            .iter()
            .map(|sample| if sample.is_finite() { *sample } else { 0.0 });
        self.partial.extend(finite);
        let channels = usize::from(self.channels);
        let whole = self.partial.len() - self.partial.len() % channels;
        let frames = self.partial.get(..whole).unwrap_or_default();
        self.true_peak.add(frames);
        self.energies.push(frames);
        self.observer.push(frames);
        self.samples += (whole / channels) as u64;
        self.partial.drain(..whole);
    }

    pub fn finish(mut self) -> Option<Sound> {
        if self.samples == 0 {
            return None;
        }
        let peak = f64::from(self.true_peak.take());
        let whole_levels = self.energies.whole();
        let energies = self.energies.finish();
        // A level that the sound does not fill belongs to no whole block.
        let integrated_lufs = loudness::gated(energies.get(..whole_levels).unwrap_or_default());
        let loud_lufs = loudness::loudest_share(&energies, LOUD_SHARE);
        Some(Sound {
            sample_rate_hz: self.sample_rate_hz,
            channels: self.channels,
            samples: self.samples,
            integrated_lufs: integrated_lufs.filter(|lufs| lufs.is_finite()),
            true_peak_dbtp: (peak > 0.0).then(|| 20.0 * peak.log10()),
            levels: Levels::from_energies(energies),
            observed: SoundObservations {
                loud_lufs,
                ..self.observer.finish()
            },
        })
    }
}
