//! One segment's pictures, encoded into the film's format: exactly the frames the plan asks for, in a file whose parameter sets equal those of
//! every other segment of the same format, quality and engine class. Knows one segment, nothing of the film around it.

mod blend;
mod chain;
mod colour;
pub(crate) mod encoder;
mod graph;
mod made;
mod motion;
mod moving;
mod overlay;
mod resample;
mod sources;
mod still;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botflix_common::failure::WhoCanFix;
use botflix_common::hash::Sha;
use botflix_common::task::ConformSpec;

use self::graph::Graph;
use self::sources::Sources;
use crate::{Call, Context, MediaError, mp4};

/// How long ffmpeg may be silent.
const STALL_LIMIT: Duration = Duration::from_secs(60);
/// Twice the time that is decoded and dropped before a shot begins, at most.
const REACH_LIMIT: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conformed {
    /// Counted in the file; what the spec asked for.
    pub frames: u64,
}

/// Writes the segment to `out` (MP4, pictures only). `files` has the clips and stills that the spec names.
pub async fn conform(
    ctx: &Context,
    spec: &ConformSpec,
    files: &HashMap<Sha, PathBuf>,
    out: &Path,
) -> Result<Conformed, MediaError> {
    let sources = Sources { ctx, spec, files };
    let overlays =
        overlay::prepare(ctx, &spec.overlays, spec.quality, spec.frames, spec.format).await?;
    let mut graph = Graph::new();
    graph.with(|call| {
        let node = ctx.engine.devices().iter().find(|node| {
            node.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("renderD"))
        });
        encoder::before_inputs(call, spec.engine, node.map(PathBuf::as_path))
    });
    let (mut picture, drawn) = sources.picture(&mut graph).await?;
    for placed in &overlays {
        picture = overlay::lay(&mut graph, &picture, placed, spec.format);
    }
    let last = encoder::upload(spec.engine).unwrap_or("format=yuv420p");
    picture = graph.chain(&[&picture], last);
    let call = output(graph.finish(&picture), ctx, spec, out);
    let part = ctx.part(0.0, 0.98);
    match drawn {
        Some((over, under)) => {
            let (frames, drawing) = made::draw(over, under, spec.frames, spec.format);
            part.feed(call, frames).await?;
            drawing.await.map_err(|error| MediaError::Io {
                doing: "drawing pictures".to_owned(),
                source: std::io::Error::other(error),
            })?;
        }
        None => {
            part.run(call).await?;
        }
    }
    let frames = count(out).await?;
    if frames != spec.frames {
        return Err(too_short(frames, spec));
    }
    ctx.progress.report(1.0, None);
    Ok(Conformed { frames })
}

fn output(call: Call, ctx: &Context, spec: &ConformSpec, out: &Path) -> Call {
    let fps = spec.format.fps;
    let call = if spec.engine.is_gpu() {
        call.devices(ctx.engine.devices())
    } else {
        call
    };
    call.args(["-map_metadata", "-1", "-map_chapters", "-1"])
        .args(["-fps_mode", "passthrough"])
        .args(["-frames:v", &spec.frames.to_string()])
        .args(encoder::arguments(spec.engine, spec.quality, spec.format))
        .args(key_pictures(spec))
        .args(["-video_track_timescale", &fps.timescale().0.to_string()])
        .args(["-f", "mp4"])
        .stall_limit(STALL_LIMIT + REACH_LIMIT)
        .media_seconds(fps.seconds_at(spec.frames))
        .output(out)
}

/// Each shot of several begins with a key picture, as it would alone: players seek to it, and posters are looked for there.
fn key_pictures(spec: &ConformSpec) -> Vec<String> {
    let mut frame = spec.frames_of_first();
    let mut begins = Vec::new();
    for take in &spec.then {
        begins.push(format!("eq(n,{frame})"));
        frame += take.frames;
    }
    if begins.is_empty() {
        return begins;
    }
    vec![
        "-force_key_frames".to_owned(),
        format!("expr:{}", begins.join("+")),
    ]
}

async fn count(out: &Path) -> Result<u64, MediaError> {
    let path = out.to_owned();
    let counted = tokio::task::spawn_blocking(move || mp4::read(&path)).await;
    let movie = counted
        .map_err(|error| MediaError::Io {
            doing: "counting frames".to_owned(),
            source: std::io::Error::other(error),
        })?
        .map_err(|error| error.media(WhoCanFix::Platform))?;
    let frames = movie
        .as_ref()
        .and_then(|movie| movie.track(mp4::TrackKind::Video))
        .and_then(|track| track.samples().ok())
        .map_or(0, |samples| samples.len());
    Ok(frames as u64)
}

fn too_short(made: u64, spec: &ConformSpec) -> MediaError {
    MediaError::Permanent {
        code: "clip_too_short",
        message: "the clip does not have the pictures that the shot needs".to_owned(),
        // Several shots in one segment are made of proxies, which are ours.
        who_can_fix: if spec.then.is_empty() {
            WhoCanFix::Director
        } else {
            WhoCanFix::Platform
        },
        internal: Some(format!("{made} frames made, {} wanted", spec.frames)),
    }
}
