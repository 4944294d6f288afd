//! How loud a stream of 48 kHz stereo is: ITU-R BS.1770-4 integrated loudness and true peak, and decibels. A long stream may be measured in
//! stretches side by side, each warmed up with what lies before it. Knows no files.

use botflix_common::loudness;
use botflix_common::units::SAMPLE_RATE_HZ;

use super::Frame;
use crate::bs1770::true_peak::TruePeak;
use crate::bs1770::weighting::{Memory, Weighting};

/// The film's sound has two channels.
pub(crate) const CHANNELS: usize = 2;

/// Loudness is gated in blocks of 400 ms that overlap by three quarters: energies are kept per step of 100 ms.
pub(crate) const STEP_FRAMES: usize = SAMPLE_RATE_HZ as usize / 10;

/// What is passed through the filters before a stretch so that it measures as in the whole: the slowest pole (38 Hz) has then fallen by 400 dB.
pub(crate) const WARM_UP_FRAMES: u64 = 9600;

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

/// Measures one stretch.
pub(crate) struct Meter {
    weighting: Weighting,
    memory: Memory<CHANNELS>,
    /// `None`: nobody asks for peaks.
    peak: Option<TruePeak>,
    /// Of each complete step: mean square after K-weighting, summed over the channels.
    energies: Vec<f64>,
    peaks: Vec<f32>,
    sum: f64,
    frames_in_step: usize,
}

impl Meter {
    pub(crate) fn new() -> Self {
        Self {
            weighting: Weighting::at(SAMPLE_RATE_HZ),
            memory: Memory::EMPTY,
            peak: Some(TruePeak::new(CHANNELS, SAMPLE_RATE_HZ)),
            energies: Vec::new(),
            peaks: Vec::new(),
            sum: 0.0,
            frames_in_step: 0,
        }
    }

    /// Measures no peaks.
    pub(super) fn of_loudness() -> Self {
        Self {
            peak: None,
            ..Self::new()
        }
    }

    /// What lies before the stretch.
    pub(crate) fn warm(&mut self, frames: &[Frame]) {
        self.energy(frames);
        if let Some(peak) = &mut self.peak {
            peak.warm(frames.as_flattened());
        }
    }

    pub(crate) fn add(&mut self, mut frames: &[Frame]) {
        while !frames.is_empty() {
            let room = STEP_FRAMES - self.frames_in_step;
            let (now, later) = frames.split_at(room.min(frames.len()));
            self.sum += self.energy(now);
            if let Some(peak) = &mut self.peak {
                peak.add(now.as_flattened());
            }
            self.frames_in_step += now.len();
            if self.frames_in_step == STEP_FRAMES {
                self.energies.push(self.sum / STEP_FRAMES as f64);
                self.peaks.extend(self.peak.as_mut().map(TruePeak::take));
                (self.sum, self.frames_in_step) = (0.0, 0);
            }
            frames = later;
        }
    }

    /// Of the next frames: the sum of their squares after weighting, over both channels.
    fn energy(&mut self, frames: &[Frame]) -> f64 {
        let (weighting, mut memory) = (self.weighting, self.memory);
        let mut sum = 0.0;
        for frame in frames {
            let [left, right] = weighting.pass(&mut memory, frame.map(f64::from));
            sum += left * left + right * right;
        }
        memory.settle();
        self.memory = memory;
        sum
    }

    pub(crate) fn finish(self) -> Stretch {
        let rest = self.peak.map_or(0.0, |mut peak| peak.take());
        Stretch {
            peak: self.peaks.iter().copied().fold(rest, f32::max),
            energies: self.energies,
            peaks: self.peaks,
        }
    }

    /// Of a stretch that is the whole.
    pub(crate) fn measured(self) -> Measured {
        self.finish().measured()
    }
}

/// What was measured of a part. All but the last are whole steps long.
pub(crate) struct Stretch {
    energies: Vec<f64>,
    /// Of each step, and between the last samples before it; empty where they were not asked for.
    peaks: Vec<f32>,
    peak: f32,
}

impl Stretch {
    /// The whole that these are the parts of, in order.
    pub(crate) fn join(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut whole = Self {
            energies: Vec::new(),
            peaks: Vec::new(),
            peak: 0.0,
        };
        for part in parts {
            whole.energies.extend(part.energies);
            whole.peaks.extend(part.peaks);
            whole.peak = whole.peak.max(part.peak);
        }
        whole
    }

    pub(crate) fn measured(&self) -> Measured {
        self.measured_at(0.0)
    }

    /// The steps in which it is above an amplitude.
    pub(super) fn above(&self, amplitude: f32) -> impl Iterator<Item = usize> {
        let peaks = self.peaks.iter().enumerate();
        peaks
            .filter(move |(_, peak)| **peak > amplitude)
            .map(|(step, _)| step)
    }

    pub(super) fn steps(&self) -> usize {
        self.energies.len()
    }

    /// LUFS at a gain, where some steps are known to have another energy.
    pub(super) fn integrated_with(
        &self,
        gain_db: f64,
        others: impl IntoIterator<Item = (usize, f64)>,
    ) -> Option<f64> {
        let mut energies = self.energies_at(gain_db);
        for (step, energy) in others {
            if let Some(place) = energies.get_mut(step) {
                *place = energy;
            }
        }
        loudness::gated(&energies)
    }

    /// Of each step.
    pub(super) fn energies(&self) -> impl Iterator<Item = f64> {
        self.energies.iter().copied()
    }

    fn energies_at(&self, gain_db: f64) -> Vec<f64> {
        let gain = amplitude(gain_db);
        let energies = self.energies.iter();
        energies.map(|energy| energy * gain * gain).collect()
    }

    /// What it would measure at a gain: more than its loudness and the gain where the absolute gate lets more in.
    pub(crate) fn measured_at(&self, gain_db: f64) -> Measured {
        let peak = f64::from(self.peak) * amplitude(gain_db);
        Measured {
            integrated: loudness::gated(&self.energies_at(gain_db)),
            true_peak: (peak > 0.0).then(|| decibels(peak)),
        }
    }
}

pub(crate) fn decibels(amplitude: f64) -> f64 {
    20.0 * amplitude.log10()
}

pub(crate) fn amplitude(decibels: f64) -> f64 {
    10f64.powf(decibels / 20.0)
}

#[cfg(test)]
mod tests;
