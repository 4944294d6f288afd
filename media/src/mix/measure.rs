//! What a file of ours measures when it is decoded again. The encoder moves loudness and peak (192 kbit/s took 0.15 LU off noise and added up to
//! 0.8 dB of true peak), so only this counts.

use std::path::Path;

use botflix_common::units::SAMPLE_RATE_HZ;

use super::loudness::{CHANNELS, Measured, Meter, Stretch, WARM_UP_FRAMES};
use super::stage::{halves, side_by_side};
use crate::aac::{AacError, Reader, Track};
use crate::mp4::work::Work;
use crate::{Call, Context, MediaError, Program};

/// Decodes the sound of one of our own files and measures its first `samples` frames; also how many frames there are. In process, and by ffmpeg
/// where the sound is not what our encoder writes.
pub(crate) async fn measure(
    ctx: &Context,
    file: &Path,
    samples: u64,
) -> Result<(Measured, u64), MediaError> {
    let (work, _ends_with_this_future) = Work::of(ctx);
    let path = file.to_owned();
    let done = tokio::task::spawn_blocking(move || in_process(&path, samples, &work)).await;
    let done = done.map_err(|gone| reading(std::io::Error::other(gone)))?;
    match done {
        Ok(Some(measured)) => {
            ctx.progress.report(1.0, None);
            Ok(measured)
        }
        Ok(None) => by_ffmpeg(ctx, file, samples).await,
        Err(Unmeasured::Sound(AacError::Stumbled(detail))) => {
            tracing::debug!(detail, "measuring by ffmpeg");
            by_ffmpeg(ctx, file, samples).await
        }
        Err(Unmeasured::Sound(AacError::Io(source))) => Err(reading(source)),
        Err(Unmeasured::Canceled) => Err(MediaError::Canceled),
    }
}

fn reading(source: std::io::Error) -> MediaError {
    MediaError::io("measuring the sound")(source)
}

enum Unmeasured {
    Sound(AacError),
    Canceled,
}

fn in_process(
    file: &Path,
    samples: u64,
    work: &Work,
) -> Result<Option<(Measured, u64)>, Unmeasured> {
    let Some(track) = Track::open(file).map_err(Unmeasured::Sound)? else {
        return Ok(None);
    };
    let stretches = halves(samples);
    let parts = side_by_side(&stretches, |range| {
        let start = range.start.saturating_sub(WARM_UP_FRAMES);
        let mut to_warm = usize::try_from(range.start - start).unwrap_or(0);
        let mut to_measure = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let mut reader = Reader::open(&track, start).map_err(Unmeasured::Sound)?;
        let mut meter = Meter::new();
        let mut frames = Vec::new();
        // The last stretch goes on to the end of the file: all of it must decode.
        while to_measure > 0 || range.end == samples {
            work.go_on().map_err(|_| Unmeasured::Canceled)?;
            frames.clear();
            if !reader.read(&mut frames).map_err(Unmeasured::Sound)? {
                break;
            }
            let (warm, rest) = frames.split_at(to_warm.min(frames.len()));
            let (measured, _) = rest.split_at(to_measure.min(rest.len()));
            meter.warm(warm);
            meter.add(measured);
            to_warm -= warm.len();
            to_measure -= measured.len();
        }
        Ok(meter.finish())
    })?;
    Ok(Some((Stretch::join(parts).measured(), track.frames())))
}

async fn by_ffmpeg(
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
    let mut meter = Meter::new();
    let mut decoded = 0u64;
    ctx.decode_pcm(call, |chunk| {
        let frames = chunk.as_chunks::<CHANNELS>().0;
        let wanted = samples.saturating_sub(decoded).min(frames.len() as u64);
        decoded += frames.len() as u64;
        meter.add(frames.get(..wanted as usize).unwrap_or_default());
        Ok(())
    })
    .await?
    .success(Program::Ffmpeg, false)?;
    Ok((meter.measured(), decoded))
}
