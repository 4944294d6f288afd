//! How loud a stream of 48 kHz stereo is: ITU-R BS.1770-4 integrated loudness and true peak, and decibels. Knows no files.

use std::io;

use botflix_common::units::SAMPLE_RATE_HZ;
use ebur128::{EbuR128, Mode};

use crate::MediaError;

/// The film's sound has two channels.
pub(crate) const CHANNELS: usize = 2;

/// What a stretch of sound measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// LUFS; `None`: no 400 ms of it are above the absolute gate of −70.
    pub(crate) integrated: Option<f64>,
    /// dBTP; `None`: digital silence.
    pub(crate) true_peak: Option<f64>,
}

impl Measured {
    /// A true peak that compares: digital silence is below everything.
    pub(crate) fn peak_or_silence(&self) -> f64 {
        self.true_peak.unwrap_or(f64::NEG_INFINITY)
    }
}

pub(crate) struct Meter {
    state: EbuR128,
}

impl Meter {
    /// Measures loudness only, in half the time.
    pub(crate) fn of_loudness() -> Result<Self, MediaError> {
        Self::with(Mode::I)
    }

    pub(crate) fn of_loudness_and_peak() -> Result<Self, MediaError> {
        Self::with(Mode::I | Mode::TRUE_PEAK)
    }

    fn with(mode: Mode) -> Result<Self, MediaError> {
        let state = EbuR128::new(CHANNELS as u32, SAMPLE_RATE_HZ, mode).map_err(unmeasurable)?;
        Ok(Self { state })
    }

    /// Whole interleaved stereo frames.
    pub(crate) fn add(&mut self, samples: &[f32]) -> Result<(), MediaError> {
        self.state.add_frames_f32(samples).map_err(unmeasurable)
    }

    /// LUFS of what was added, `None` when nothing of it is loud enough to have a loudness.
    pub(crate) fn integrated(&self) -> Result<Option<f64>, MediaError> {
        let integrated = self.state.loudness_global().map_err(unmeasurable)?;
        Ok(integrated.is_finite().then_some(integrated))
    }

    /// Of a meter of loudness **and** peak.
    pub(crate) fn finish(self) -> Result<Measured, MediaError> {
        let mut peak = 0.0f64;
        for channel in 0..CHANNELS as u32 {
            peak = peak.max(self.state.true_peak(channel).map_err(unmeasurable)?);
        }
        Ok(Measured {
            integrated: self.integrated()?,
            true_peak: (peak > 0.0).then(|| decibels(peak)),
        })
    }
}

pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

pub(crate) fn amplitude(decibels: f64) -> f64 {
    10f64.powf(decibels / 20.0)
}

fn unmeasurable(error: ebur128::Error) -> MediaError {
    MediaError::io("the loudness meter refused the sound")(io::Error::other(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_of_minus_23_dbfs_in_both_channels_measures_minus_23_lufs() {
        // EBU Tech 3341 §2.9, minimum requirement 1: 1 kHz at −23 dBFS, stereo.
        let mut meter = Meter::of_loudness_and_peak().unwrap();
        let samples: Vec<f32> = (0..48_000 * 5)
            .flat_map(|n| {
                let value = (std::f64::consts::TAU * 1000.0 * f64::from(n) / 48_000.0).sin()
                    * amplitude(-23.0);
                [value as f32, value as f32]
            })
            .collect();
        meter.add(&samples).unwrap();
        let measured = meter.finish().unwrap();
        assert!(
            (measured.integrated.unwrap() + 23.0).abs() < 0.1,
            "{measured:?}"
        );
        assert!(
            (measured.true_peak.unwrap() + 23.0).abs() < 0.1,
            "{measured:?}"
        );
    }

    #[test]
    fn digital_silence_has_neither_loudness_nor_peak() {
        let mut meter = Meter::of_loudness_and_peak().unwrap();
        meter.add(&[0.0; 96_000]).unwrap();
        let measured = meter.finish().unwrap();
        assert_eq!((measured.integrated, measured.true_peak), (None, None));
    }
}
