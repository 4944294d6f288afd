//! The sound, decoded once to 32-bit float and measured as it comes: samples, loudness, true peak.

use std::path::Path;

use ebur128::{EbuR128, Mode};

use super::wave::Header;
use crate::process::Pcm;
use crate::{Call, Context, MediaError, Program};

/// BS.1770 knows up to 5.1; more is measured with equal weights, and more than this is no film sound.
const MAX_CHANNELS: u16 = 16;
const MAX_SAMPLE_RATE_HZ: u32 = 384_000;

#[derive(Debug)]
pub struct Sound {
    /// Of the first decoded frame; with HE-AAC twice what the container says.
    pub sample_rate_hz: u32,
    pub channels: u16,
    /// Samples per channel, priming removed.
    pub samples: u64,
    pub integrated_lufs: Option<f64>,
    pub true_peak_dbtp: Option<f64>,
}

impl Sound {
    pub fn seconds(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

/// `None`: there is no sound track, or nothing of it can be decoded.
pub async fn measure(ctx: &Context, clip: &Path) -> Result<Option<Sound>, MediaError> {
    // A header in front of the samples says rate and channels, so nobody has to ask for them first.
    let call = Call::new(Program::Ffmpeg)
        .args(["-threads", "1"])
        .untrusted_input(clip)
        .args(["-map", "0:a:0", "-map_metadata", "-1", "-c:a", "pcm_f32le"])
        .args(["-fflags", "+bitexact", "-f", "wav", "pipe:1"]);
    let mut taker = Taker::Header(Vec::new());
    ctx.chunks(call, |bytes| taker.push(bytes)).await?;
    Ok(match taker {
        Taker::Samples(meter) => meter.finish(),
        Taker::Header(_) | Taker::Nothing => None,
    })
}

enum Taker {
    /// Until the header is complete.
    Header(Vec<u8>),
    Samples(Box<Meter>),
    /// Not a format that is measured.
    Nothing,
}

impl Taker {
    fn push(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        match self {
            Self::Nothing => Ok(()),
            Self::Samples(meter) => meter.push(bytes),
            Self::Header(start) => {
                start.extend_from_slice(bytes);
                let Some(header) = Header::read(start) else {
                    return Ok(());
                };
                let start = std::mem::take(start);
                let sane = (1..=MAX_CHANNELS).contains(&header.channels)
                    && (1..=MAX_SAMPLE_RATE_HZ).contains(&header.sample_rate_hz);
                if !sane {
                    *self = Self::Nothing;
                    return Ok(());
                }
                let mut meter = Box::new(Meter::new(&header)?);
                let pushed = meter.push(start.get(header.bytes..).unwrap_or_default());
                *self = Self::Samples(meter);
                pushed
            }
        }
    }
}

struct Meter {
    ebur128: EbuR128,
    channels: u16,
    sample_rate_hz: u32,
    pcm: Pcm,
    /// Samples whose frame is not complete yet.
    partial: Vec<f32>,
    samples: u64,
}

impl Meter {
    fn new(header: &Header) -> Result<Self, MediaError> {
        let ebur128 = EbuR128::new(
            header.channels.into(),
            header.sample_rate_hz,
            Mode::I | Mode::TRUE_PEAK,
        )
        .map_err(trouble)?;
        Ok(Self {
            ebur128,
            channels: header.channels,
            sample_rate_hz: header.sample_rate_hz,
            pcm: Pcm::default(),
            partial: Vec::new(),
            samples: 0,
        })
    }

    fn push(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        // A damaged stream may decode to not-a-number, which would poison the whole measurement.
        let finite = self
            .pcm
            .push(bytes)
            .iter()
            .map(|sample| if sample.is_finite() { *sample } else { 0.0 });
        self.partial.extend(finite);
        let channels = usize::from(self.channels);
        let whole = self.partial.len() - self.partial.len() % channels;
        self.ebur128
            .add_frames_f32(self.partial.get(..whole).unwrap_or_default())
            .map_err(trouble)?;
        self.samples += (whole / channels) as u64;
        self.partial.drain(..whole);
        Ok(())
    }

    fn finish(&self) -> Option<Sound> {
        let peaks = (0..u32::from(self.channels))
            .filter_map(|channel| self.ebur128.true_peak(channel).ok());
        let peak = peaks.fold(0.0, f64::max);
        (self.samples > 0).then(|| Sound {
            sample_rate_hz: self.sample_rate_hz,
            channels: self.channels,
            samples: self.samples,
            integrated_lufs: self
                .ebur128
                .loudness_global()
                .ok()
                .filter(|lufs| lufs.is_finite()),
            true_peak_dbtp: (peak > 0.0).then(|| 20.0 * peak.log10()),
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
