//! What is heard in the sound, while it is decoded once: samples, loudness, true peak, levels, and what may be wrong with it.

mod hum;
mod kweight;
mod observe;
mod speech;

use botflix_common::facts::{Levels, SoundObservations};
use botflix_common::loudness;
use ebur128::{EbuR128, Mode};

use crate::MediaError;
use crate::process::Pcm;
use kweight::Energies;
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
    ebur128: EbuR128,
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
    pub fn new(channels: u16, sample_rate_hz: u32) -> Result<Option<Self>, MediaError> {
        let sane = (1..=MAX_CHANNELS).contains(&channels)
            && (1..=MAX_SAMPLE_RATE_HZ).contains(&sample_rate_hz);
        if !sane {
            return Ok(None);
        }
        let ebur128 = EbuR128::new(channels.into(), sample_rate_hz, Mode::I | Mode::TRUE_PEAK)
            .map_err(trouble)?;
        Ok(Some(Self {
            ebur128,
            energies: Energies::new(channels, sample_rate_hz),
            observer: Observer::new(channels, sample_rate_hz),
            channels,
            sample_rate_hz,
            pcm: Pcm::default(),
            partial: Vec::new(),
            samples: 0,
        }))
    }

    /// Interleaved 32-bit floats, cut anywhere.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
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
        self.ebur128.add_frames_f32(frames).map_err(trouble)?;
        self.energies.push(frames);
        self.observer.push(frames);
        self.samples += (whole / channels) as u64;
        self.partial.drain(..whole);
        Ok(())
    }

    pub fn finish(self) -> Option<Sound> {
        if self.samples == 0 {
            return None;
        }
        let peaks = (0..u32::from(self.channels))
            .filter_map(|channel| self.ebur128.true_peak(channel).ok());
        let peak = peaks.fold(0.0, f64::max);
        let energies = self.energies.finish();
        let loud_lufs = loudness::loudest_share(&energies, LOUD_SHARE);
        Some(Sound {
            sample_rate_hz: self.sample_rate_hz,
            channels: self.channels,
            samples: self.samples,
            integrated_lufs: self
                .ebur128
                .loudness_global()
                .ok()
                .filter(|lufs| lufs.is_finite()),
            true_peak_dbtp: (peak > 0.0).then(|| 20.0 * peak.log10()),
            levels: Levels::from_energies(energies),
            observed: SoundObservations {
                loud_lufs,
                ..self.observer.finish()
            },
        })
    }
}

fn trouble(error: ebur128::Error) -> MediaError {
    MediaError::Permanent {
        code: "meter_failed",
        message: "the loudness of the sound could not be measured".to_owned(),
        who_can_fix: botflix_common::failure::WhoCanFix::Platform,
        internal: Some(error.to_string()),
    }
}
