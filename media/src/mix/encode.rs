//! The levelled mix to AAC, once, and what it measures when decoded again. The encoder moves loudness and peak (192 kbit/s took 0.15 LU off
//! noise and added up to 0.8 dB of true peak), so only this measurement counts.

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use botflix_common::units::SAMPLE_RATE_HZ;

use super::loudness::{CHANNELS, Measured, Meter};
use crate::{Call, Context, MediaError, Program};

const BIT_RATE: &str = "192k";

/// The last AAC packet decodes whole: ffmpeg 5.1 does not apply the edit list's end.
const PACKET_SAMPLES: u64 = 1024;

/// `samples` frames of raw sound in `pcm` to an MP4 sound file whose edit list hides the priming and the padding.
pub(super) async fn encode(
    ctx: &Context,
    pcm: &Path,
    samples: u64,
    out: &Path,
) -> Result<(), MediaError> {
    let rate = SAMPLE_RATE_HZ.to_string();
    let call = Call::new(Program::Ffmpeg)
        .input_option("-f", "f32le")
        .input_option("-ar", &rate)
        .input_option("-ac", CHANNELS.to_string())
        .own_input(pcm)
        .args(["-map", "0:a:0", "-map_metadata", "-1"])
        .args(["-c:a", "aac", "-b:a", BIT_RATE, "-threads", "1"])
        .args(["-fflags", "+bitexact", "-flags:a", "+bitexact"])
        // Sample precision in the edit list; the default of a millisecond would cut or add up to half of one.
        .args(["-movie_timescale", &rate, "-f", "ipod"])
        .media_seconds(samples as f64 / f64::from(SAMPLE_RATE_HZ))
        .output(out);
    ctx.run(call).await?;
    Ok(())
}

/// Decodes the sound of one of our own files and measures its first `samples` frames. Fewer is an error.
pub(crate) async fn measure(
    ctx: &Context,
    file: &Path,
    samples: u64,
) -> Result<(Measured, u64), MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .own_input(file)
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn"])
        .args(["-c:a", "pcm_f32le", "-f", "f32le"])
        .media_seconds(samples as f64 / f64::from(SAMPLE_RATE_HZ))
        .arg("pipe:1");
    let mut meter = Meter::of_loudness_and_peak()?;
    let mut decoded = 0u64;
    ctx.decode_pcm(call, |chunk| {
        let frames = (chunk.len() / CHANNELS) as u64;
        let wanted = samples.saturating_sub(decoded).min(frames);
        decoded += frames;
        meter.add(chunk.get(..wanted as usize * CHANNELS).unwrap_or_default())
    })
    .await?
    .success(Program::Ffmpeg, false)?;
    Ok((meter.finish()?, decoded))
}

/// The whole film and no more than the padding of one packet came back.
pub(super) fn expect_length(decoded: u64, samples: u64) -> Result<(), MediaError> {
    if (samples..samples + PACKET_SAMPLES).contains(&decoded) {
        return Ok(());
    }
    Err(MediaError::Permanent {
        code: "sound_length_wrong",
        message: "the encoded sound is not as long as the film".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(format!("{decoded} samples decoded, {samples} encoded")),
    })
}
