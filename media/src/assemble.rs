//! Joins segments and sound into the film without encoding anything again, and proves that every picture arrived: in number, in order, byte for
//! byte, and on the film's frame grid.

mod captions;
mod join;
mod language;
pub(crate) mod packets;

use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::task::{AssembleSpec, Segment, SegmentSource};
use sha2::{Digest, Sha256};

use self::join::Parts;
use self::packets::Origin;
use crate::{Call, Context, MediaError, Program, vtt};

/// What was assembled, as counted in the segments and found again in the film.
#[derive(Clone, Debug, PartialEq)]
pub struct Assembled {
    pub frames: u64,
    pub duration_seconds: f64,
    /// SHA-256 over the picture packets in order, in hex, as computed from the segments.
    pub picture_digest: String,
}

/// `segments` holds one file for each of `spec.segments`: the clip of a copy, the output of a conform task. `sound` is the output of the mix.
/// All segments must share their codec parameters; the plan sees to that.
pub async fn assemble(
    ctx: &Context,
    spec: &AssembleSpec,
    segments: &[PathBuf],
    sound: &Path,
    out: &Path,
) -> Result<Assembled, MediaError> {
    let pictures = gather(&ctx.part(0.0, 0.5), spec, segments).await?;
    let duration_seconds = spec.format.fps.seconds_at(pictures.frames);
    let cues = vtt::caption_cues(&spec.captions, duration_seconds);
    let parts = Parts {
        list: ctx.scratch.join("film.ffconcat"),
        captions: ctx.scratch.join("film-captions.mp4"),
        chapters: ctx.scratch.join("film-chapters.txt"),
        sound,
        reorder_depth: pictures.reorder_depth,
        duration_seconds,
    };
    write(&parts.list, join::list(spec, &pictures.files)?).await?;
    write(&parts.captions, captions::track(&cues)).await?;
    write(
        &parts.chapters,
        join::chapters(&spec.chapters, duration_seconds).into_bytes(),
    )
    .await?;
    let call = pictures
        .files
        .iter()
        .fold(join::call(spec, &parts), |call, file| call.readable(file));
    ctx.part(0.5, 0.8).run(call.output(out)).await?;

    let expected = Assembled {
        frames: pictures.frames,
        duration_seconds,
        picture_digest: hex::encode(pictures.digest.finalize()),
    };
    prove(ctx, spec, &expected, out).await?;
    ctx.progress.report(1.0, None);
    Ok(expected)
}

/// The segments, counted and ready to be joined.
struct Pictures {
    files: Vec<PathBuf>,
    frames: u64,
    reorder_depth: u64,
    digest: Sha256,
}

async fn gather(
    ctx: &Context,
    spec: &AssembleSpec,
    segments: &[PathBuf],
) -> Result<Pictures, MediaError> {
    if segments.is_empty() || segments.len() != spec.segments.len() {
        let found = format!(
            "{} files for {} segments",
            segments.len(),
            spec.segments.len()
        );
        return Err(broken(
            "segments_incomplete",
            "a segment of the film is missing",
            found,
        ));
    }
    let mut pictures = Pictures {
        files: Vec::with_capacity(segments.len()),
        frames: 0,
        reorder_depth: 0,
        digest: Sha256::new(),
    };
    for (number, (segment, file)) in spec.segments.iter().zip(segments).enumerate() {
        let origin = match segment.source {
            SegmentSource::Copy { .. } => Origin::Clip,
            SegmentSource::Conform { .. } => Origin::Ours,
        };
        let packets = packets::list(ctx, file, origin, &mut pictures.digest).await?;
        expect_segment(segment, &packets)?;
        pictures.frames += packets.frames();
        pictures.reorder_depth = pictures.reorder_depth.max(packets.reorder_depth());
        pictures.files.push(match origin {
            Origin::Ours => file.clone(),
            Origin::Clip => {
                let remuxed = ctx.scratch.join(format!("segment-{number}.mp4"));
                remux(ctx, spec, file, &remuxed).await?;
                remuxed
            }
        });
        ctx.progress
            .report((number + 1) as f64 / segments.len() as f64, None);
    }
    Ok(pictures)
}

fn expect_segment(segment: &Segment, packets: &packets::Packets) -> Result<(), MediaError> {
    if packets.frames() != segment.frames || !packets.first_is_key {
        let found = format!(
            "shot {}: {} frames, {} in the ledger, starts on a key frame: {}",
            segment.shot,
            packets.frames(),
            segment.frames,
            packets.first_is_key
        );
        return Err(broken(
            "segment_not_as_planned",
            "a segment is not what the ledger says",
            found,
        ));
    }
    Ok(())
}

/// A clip's picture alone, from time 0, in ticks of the film.
async fn remux(
    ctx: &Context,
    spec: &AssembleSpec,
    clip: &Path,
    out: &Path,
) -> Result<(), MediaError> {
    let call = Call::new(Program::Ffmpeg)
        .untrusted_input(clip)
        .args([
            "-map",
            "0:V:0",
            "-map_metadata",
            "-1",
            "-map_chapters",
            "-1",
        ])
        .args([
            "-c",
            "copy",
            "-bsf:v",
            "setts=pts=PTS-STARTPTS:dts=DTS-STARTPTS",
        ])
        .args(["-fflags", "+bitexact"])
        .args([
            "-video_track_timescale",
            &spec.format.fps.timescale().0.to_string(),
        ])
        .args(["-f", "mp4"])
        .output(out);
    ctx.part(0.0, 0.0).run(call).await?;
    Ok(())
}

/// Reads the finished film again.
async fn prove(
    ctx: &Context,
    spec: &AssembleSpec,
    expected: &Assembled,
    film: &Path,
) -> Result<(), MediaError> {
    let mut digest = Sha256::new();
    let packets = packets::list(ctx, film, Origin::Ours, &mut digest).await?;
    let (_, ticks) = spec.format.fps.timescale();
    let digest = hex::encode(digest.finalize());
    let off_grid = packets.off_grid(ticks);
    if packets.frames() != expected.frames
        || digest != expected.picture_digest
        || off_grid.is_some()
    {
        let found = format!(
            "{} frames of {}, first off the grid: {off_grid:?}, digest {digest} of {}",
            packets.frames(),
            expected.frames,
            expected.picture_digest
        );
        return Err(broken(
            "film_not_as_planned",
            "the joined film does not hold the pictures of its segments",
            found,
        ));
    }
    Ok(())
}

async fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), MediaError> {
    tokio::fs::write(path, bytes)
        .await
        .map_err(MediaError::io("writing a part of the film"))
}

fn broken(code: &'static str, message: &str, internal: String) -> MediaError {
    MediaError::Permanent {
        code,
        message: message.to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(internal),
    }
}
