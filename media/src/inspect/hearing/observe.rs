//! Looks for what may be wrong with a sound: silence, clipping, an offset, one side only, inverted phase.

use botflix_common::facts::pictures::MAX_SPANS;
use botflix_common::facts::sound::Clipping;
use botflix_common::facts::{SoundObservations, Span};

use super::hum::HumSearch;
use super::speech::SpeechSearch;

/// Steps in which silence and speech are looked for.
pub const STEPS_PER_SECOND: u32 = 50;
/// −60 dBFS.
const SILENT_RMS: f64 = 0.001;
const MIN_SILENT_SECONDS: f64 = 0.5;
/// Full scale, with room for the last bit of 12 bits.
const FULL_SCALE: f32 = 0.9995;
/// Fewer samples at full scale in a row are a peak.
const CLIPPED_RUN: u32 = 3;
const FLOOR_DBFS: f64 = -120.0;

pub struct Observer {
    channels: usize,
    sample_rate_hz: f64,
    frames: u64,
    sides: Vec<Side>,
    /// Of the first two channels.
    product: f64,
    clipping: Clipping,
    /// Of the step that is being summed up.
    step_energy: f64,
    step_frames: u64,
    step_end: u64,
    silent_since: Option<f64>,
    silent: Vec<Span>,
    speech: SpeechSearch,
    hum: HumSearch,
}

#[derive(Clone, Copy, Default)]
struct Side {
    sum: f64,
    energy: f64,
    clipped: u32,
}

impl Observer {
    pub fn new(channels: u16, sample_rate_hz: u32) -> Self {
        Self {
            channels: channels.into(),
            sample_rate_hz: sample_rate_hz.into(),
            frames: 0,
            sides: vec![Side::default(); channels.into()],
            product: 0.0,
            clipping: Clipping::default(),
            step_energy: 0.0,
            step_frames: 0,
            step_end: u64::from(sample_rate_hz / STEPS_PER_SECOND).max(1),
            silent_since: None,
            silent: Vec::new(),
            speech: SpeechSearch::default(),
            hum: HumSearch::new(sample_rate_hz),
        }
    }

    /// Interleaved, whole frames.
    pub fn push(&mut self, samples: &[f32]) {
        for frame in samples.chunks_exact(self.channels) {
            let mut total = 0.0f32;
            for (sample, side) in frame.iter().zip(&mut self.sides) {
                let value = f64::from(*sample);
                side.sum += value;
                side.energy += value * value;
                self.step_energy += value * value;
                total += sample;
                side.clipped = if sample.abs() >= FULL_SCALE {
                    side.clipped.saturating_add(1)
                } else {
                    0
                };
                if side.clipped == CLIPPED_RUN {
                    self.clipping.runs += 1;
                    let seconds = self.frames as f64 / self.sample_rate_hz;
                    self.clipping.first_seconds.get_or_insert(seconds);
                }
            }
            if let [left, right, ..] = frame {
                self.product += f64::from(*left) * f64::from(*right);
            }
            self.hum.push(total / self.channels as f32);
            self.frames += 1;
            self.step_frames += 1;
            if self.step_frames == self.step_end {
                self.step();
            }
        }
    }

    fn step(&mut self) {
        let rms =
            (self.step_energy / (self.step_frames * self.channels as u64).max(1) as f64).sqrt();
        let end = self.frames as f64 / self.sample_rate_hz;
        let start = end - self.step_frames as f64 / self.sample_rate_hz;
        (self.step_energy, self.step_frames) = (0.0, 0);
        self.speech.step(rms);
        if rms < SILENT_RMS {
            self.silent_since.get_or_insert(start);
        } else {
            self.end_silence(start);
        }
    }

    fn end_silence(&mut self, at: f64) {
        let span = self.silent_since.take().map(|start_seconds| Span {
            start_seconds,
            end_seconds: at,
        });
        let room = self.silent.len() < MAX_SPANS;
        self.silent
            .extend(span.filter(|span| room && span.seconds() >= MIN_SILENT_SECONDS));
    }

    pub fn finish(mut self) -> SoundObservations {
        let end = self.frames as f64 / self.sample_rate_hz;
        self.end_silence(end);
        let count = self.frames.max(1) as f64;
        let rms = |side: &Side| {
            let rms = (side.energy / count).sqrt();
            (20.0 * rms.log10()).max(FLOOR_DBFS)
        };
        self.clipping.runs_per_second = self.clipping.runs as f64 / end.max(1.0);
        let correlation = match self.sides.as_slice() {
            [left, right] => {
                let scale = (left.energy * right.energy).sqrt();
                let audible = rms(left).min(rms(right)) > 20.0 * SILENT_RMS.log10();
                audible.then(|| (self.product / scale).clamp(-1.0, 1.0))
            }
            _ => None,
        };
        let offset = |side: &Side| (side.sum / count).abs();
        SoundObservations {
            dc_offset: self.sides.iter().map(offset).fold(0.0, f64::max),
            channel_rms_dbfs: self.sides.iter().map(rms).collect(),
            correlation,
            hum: self.hum.finish(),
            speech_share: self.speech.share(),
            silent: self.silent,
            clipping: self.clipping,
            loud_lufs: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(frames: u32, sample: impl Fn(f64) -> [f32; 2]) -> SoundObservations {
        let mut observer = Observer::new(2, 48_000);
        let samples: Vec<f32> = (0..frames)
            .flat_map(|at| sample(f64::from(at) / 48_000.0))
            .collect();
        observer.push(&samples);
        observer.finish()
    }

    fn tone(time: f64, hz: f64) -> f32 {
        (time * hz * std::f64::consts::TAU).sin() as f32
    }

    #[test]
    fn phase_sides_and_offset_are_measured() {
        let inverted = observed(48_000, |t| [tone(t, 440.0) * 0.3, tone(t, 440.0) * -0.3]);
        assert!(inverted.correlation.unwrap() < -0.99);
        let one_side = observed(48_000, |t| [tone(t, 440.0) * 0.3, 0.0]);
        assert_eq!(one_side.correlation, None);
        assert_eq!(one_side.channel_rms_dbfs[1], FLOOR_DBFS);
        let offset = observed(48_000, |t| [tone(t, 440.0) * 0.3 + 0.05, 0.0]);
        assert!((offset.dc_offset - 0.05).abs() < 1e-3);
    }

    #[test]
    fn silence_and_clipping_are_found_where_they_are() {
        let seen = observed(4 * 48_000, |t| {
            if (1.0..2.5).contains(&t) {
                [0.0; 2]
            } else {
                let loud = if t > 3.0 { 4.0 } else { 0.2 };
                [(tone(t, 300.0) * loud).clamp(-1.0, 1.0); 2]
            }
        });
        assert_eq!(seen.silent.len(), 1);
        assert!((seen.silent[0].start_seconds - 1.0).abs() < 0.03);
        assert!((seen.silent[0].end_seconds - 2.5).abs() < 0.03);
        assert!(seen.clipping.runs_per_second > 100.0);
        assert!((seen.clipping.first_seconds.unwrap() - 3.0).abs() < 0.01);
    }
}
