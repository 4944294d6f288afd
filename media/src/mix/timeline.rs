//! One timeline in samples: every shot's and track's sound decoded, placed to the sample and summed into one raw file. Boundaries come from
//! the plan, so nothing here can drift. Knows nothing of loudness or encoding.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::task::{MixShot, MixSpec, MixTrack};
use botflix_common::units::SAMPLE_RATE_HZ;

use super::loudness::{CHANNELS, amplitude};
use super::pcm::{Adder, Writer, scaled};
use crate::{Call, Context, MediaError, Program};

/// Writes `spec.total_samples` frames to `bed`: the unlevelled mix.
pub(super) async fn lay(
    ctx: &Context,
    spec: &MixSpec,
    clips: &HashMap<Sha, PathBuf>,
    bed: &Path,
) -> Result<(), MediaError> {
    let steps = (spec.shots.len() + spec.tracks.len()).max(1) as f64;
    let mut writer = Writer::create(bed)?;
    for (done, shot) in spec.shots.iter().enumerate() {
        if shot.first_sample != writer.frames {
            return Err(untiled(shot.first_sample, writer.frames));
        }
        lay_shot(ctx, shot, clips, &mut writer).await?;
        ctx.progress.report((done + 1) as f64 / steps, None);
    }
    if writer.frames != spec.total_samples {
        return Err(untiled(spec.total_samples, writer.frames));
    }
    writer.finish()?;
    for (done, track) in spec.tracks.iter().enumerate() {
        lay_track(ctx, track, spec.total_samples, clips, bed).await?;
        ctx.progress
            .report((spec.shots.len() + done + 1) as f64 / steps, None);
    }
    Ok(())
}

/// Exactly `shot.samples` frames: the clip's sound from the shot's start on, silence before it begins and after it ends.
async fn lay_shot(
    ctx: &Context,
    shot: &MixShot,
    clips: &HashMap<Sha, PathBuf>,
    writer: &mut Writer,
) -> Result<(), MediaError> {
    let end = writer.frames + shot.samples;
    if let Some(clip) = shot.clip {
        let (silence, skipped) = placement(shot);
        writer.silence(silence.min(shot.samples))?;
        let wanted = end - writer.frames;
        if wanted > 0 {
            let gain = amplitude(shot.gain_db) as f32;
            let mut frames = Vec::new();
            let call = decode(path_of(clip, clips)?, skipped, wanted);
            ctx.decode_pcm(call, |samples| {
                scaled(samples, gain, &mut frames);
                let room = usize::try_from(end - writer.frames).unwrap_or(usize::MAX);
                frames.truncate(room);
                writer.write(&frames)
            })
            .await?
            .success(Program::Ffmpeg, true)?;
        }
    }
    writer.silence(end - writer.frames)
}

/// Samples of silence before the clip's sound begins, and samples of it that lie before the shot.
fn placement(shot: &MixShot) -> (u64, u64) {
    let start =
        (shot.clip_start_seconds - shot.clip_sound_offset_seconds) * f64::from(SAMPLE_RATE_HZ);
    // Saturating casts: never negative.
    ((-start).round() as u64, start.round() as u64)
}

async fn lay_track(
    ctx: &Context,
    track: &MixTrack,
    total_samples: u64,
    clips: &HashMap<Sha, PathBuf>,
    bed: &Path,
) -> Result<(), MediaError> {
    let mut room = total_samples.saturating_sub(track.first_sample);
    if room == 0 {
        return Ok(());
    }
    let gain = amplitude(track.gain_db) as f32;
    let mut adder = Adder::open(bed, track.first_sample)?;
    let mut frames = Vec::new();
    let call = decode(path_of(track.clip, clips)?, 0, room);
    ctx.decode_pcm(call, |samples| {
        scaled(samples, gain, &mut frames);
        frames.truncate(usize::try_from(room).unwrap_or(usize::MAX));
        room -= frames.len() as u64;
        adder.add(&frames)
    })
    .await?
    .success(Program::Ffmpeg, true)?;
    Ok(())
}

/// Decodes to 48 kHz stereo: `wanted` frames after the first `skipped`. `async=1` fills gaps and drops overlaps in the clip's own timeline, so
/// that sound after a gap stays with its picture; `atrim` counts samples, not timestamps, and ends ffmpeg as soon as it has enough (5.1).
fn decode(clip: &Path, skipped: u64, wanted: u64) -> Call {
    let end = skipped + wanted;
    let filters = format!(
        "aresample={SAMPLE_RATE_HZ}:async=1,aformat=sample_fmts=flt:channel_layouts=stereo,\
         atrim=start_sample={skipped}:end_sample={end}"
    );
    Call::new(Program::Ffmpeg)
        .untrusted_input(clip)
        .args(["-map", "0:a:0", "-vn", "-sn", "-dn", "-af", &filters])
        .args([
            "-c:a",
            "pcm_f32le",
            "-ac",
            &CHANNELS.to_string(),
            "-f",
            "f32le",
            "pipe:1",
        ])
}

fn path_of(clip: Sha, clips: &HashMap<Sha, PathBuf>) -> Result<&Path, MediaError> {
    clips
        .get(&clip)
        .map(PathBuf::as_path)
        .ok_or_else(|| MediaError::Permanent {
            code: "clip_not_given",
            message: "a clip of the mix was not handed to the engine".to_owned(),
            who_can_fix: WhoCanFix::Platform,
            internal: Some(clip.to_string()),
        })
}

fn untiled(expected: u64, found: u64) -> MediaError {
    MediaError::Permanent {
        code: "mix_not_tiled",
        message: "the plan's sound timeline has a gap or an overlap".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(format!("expected sample {expected}, is at {found}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shot(clip_start_seconds: f64, clip_sound_offset_seconds: f64) -> MixShot {
        MixShot {
            clip: None,
            first_sample: 0,
            samples: 48_000,
            clip_start_seconds,
            clip_sound_offset_seconds,
            gain_db: 0.0,
        }
    }

    #[test]
    fn sound_that_starts_late_is_preceded_by_silence_and_sound_that_starts_early_is_cut() {
        assert_eq!(placement(&shot(0.0, 0.25)), (12_000, 0));
        assert_eq!(placement(&shot(0.0, -0.25)), (0, 12_000));
        assert_eq!(placement(&shot(1.0, 0.25)), (0, 36_000));
        assert_eq!(placement(&shot(0.5, 0.5)), (0, 0));
    }
}
