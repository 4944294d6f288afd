//! One shot's picture, re-encoded into the film's format: exactly the frames the plan asks for, in a file whose parameter sets equal those of
//! every other segment of the same format and engine class. Knows one clip and one segment, nothing of the film around them.

mod chain;

use std::path::Path;
use std::time::Duration;

use botflix_common::failure::WhoCanFix;
use botflix_common::task::{ConformSpec, EngineClass};
use sha2::{Digest, Sha256};

use self::chain::{SourceColour, ToneMapping};
use crate::assemble::packets::{self, Origin};
use crate::{Call, Context, MediaError, Program};

/// Between key frames, so that players seek well and a later trim finds a place to copy from.
const GOP_SECONDS: f64 = 2.0;

/// How long ffmpeg may be silent, beyond twice the time that is decoded and dropped before the shot begins.
const STALL_LIMIT: Duration = Duration::from_secs(60);

/// x264 of class `x264-cpu/1`. `stitchable` keeps the headers free of what this content alone would allow: segments then share them.
const X264: [&str; 14] = [
    "-c:v",
    "libx264",
    "-preset",
    "fast",
    "-crf",
    "18",
    "-profile:v",
    "high",
    "-threads",
    "1",
    "-sc_threshold",
    "0",
    "-x264-params",
    "stitchable=1:open-gop=0",
];

const COLOUR_TAGS: [&str; 8] = [
    "-color_primaries",
    "bt709",
    "-color_trc",
    "bt709",
    "-colorspace",
    "bt709",
    "-color_range",
    "tv",
];

/// Writes the segment to `out` (MP4, pictures only) and returns its frames, which were counted and are `spec.frames`.
pub async fn conform(
    ctx: &Context,
    spec: &ConformSpec,
    clip: &Path,
    out: &Path,
) -> Result<u64, MediaError> {
    let colour = source_colour(ctx, clip).await?;
    let tone_mapping = if spec.source.hdr {
        tone_mapping(ctx).await?
    } else {
        ToneMapping::None
    };
    let fps = spec.format.fps;
    let filters = chain::filters(spec, &colour, tone_mapping);
    let gop = ((fps.fps() * GOP_SECONDS).round() as u64)
        .max(1)
        .to_string();
    let encoder = match spec.engine {
        EngineClass::X264Cpu1 => X264,
    };
    let call = Call::new(Program::Ffmpeg)
        // Many segments are made side by side: one core each is the fastest whole.
        .args(["-filter_threads", "1"])
        .input_option("-threads", "1")
        // A picture size that changes in mid clip would otherwise restart the filters, and with them the count of frames.
        .input_option("-reinit_filter", "0")
        .untrusted_input(clip)
        .args(["-map", "0:V:0", "-an", "-sn", "-dn"])
        .args(["-map_metadata", "-1", "-map_chapters", "-1"])
        .args(["-vf", &filters, "-fps_mode", "passthrough"])
        .args(["-frames:v", &spec.frames.to_string()])
        .args(encoder)
        .args(["-g", &gop, "-keyint_min", &gop])
        .args(COLOUR_TAGS)
        // The SEI that x264 adds names its build and options: not part of the picture.
        .args(["-bsf:v", "filter_units=remove_types=6"])
        .args(["-fflags", "+bitexact", "-flags:v", "+bitexact"])
        .args(["-video_track_timescale", &fps.timescale().0.to_string()])
        .args(["-f", "mp4"])
        .stall_limit(
            STALL_LIMIT + Duration::try_from_secs_f64(spec.start_seconds * 2.0).unwrap_or_default(),
        )
        .media_seconds(fps.seconds_at(spec.frames))
        .output(out);
    ctx.part(0.0, 0.98).run(call).await?;

    let made = packets::list(ctx, out, Origin::Ours, &mut Sha256::new()).await?;
    if made.frames() != spec.frames {
        return Err(MediaError::Permanent {
            code: "clip_too_short",
            message: "the clip does not have the pictures that the shot needs".to_owned(),
            who_can_fix: WhoCanFix::Director,
            internal: Some(format!(
                "{} frames made, {} wanted",
                made.frames(),
                spec.frames
            )),
        });
    }
    ctx.progress.report(1.0, None);
    Ok(spec.frames)
}

/// What the clip says about its colours; untagged parts are left to the chain.
async fn source_colour(ctx: &Context, clip: &Path) -> Result<SourceColour, MediaError> {
    let call = Call::new(Program::Ffprobe)
        .untrusted_input(clip)
        .args(["-select_streams", "V:0"])
        .args(["-show_entries", "stream=color_space,color_primaries"])
        .args(["-of", "default=noprint_wrappers=1"]);
    let answer = ctx.run(call).await?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let tag = |name: &str| {
        text.lines()
            .filter_map(|line| line.split_once('='))
            .any(|(key, value)| key == name && !matches!(value, "unknown" | "reserved" | "N/A"))
    };
    Ok(SourceColour {
        matrix_tagged: tag("color_space"),
        primaries_tagged: tag("color_primaries"),
    })
}

/// Builds without zimg cannot tone-map: HDR then keeps its contrast curve and only its matrix is converted, which looks flat but not wrong.
async fn tone_mapping(ctx: &Context) -> Result<ToneMapping, MediaError> {
    let answer = ctx.run(Call::new(Program::Ffmpeg).arg("-filters")).await?;
    let listed = String::from_utf8_lossy(&answer.stdout);
    let has = |filter: &str| {
        listed
            .lines()
            .any(|line| line.split_whitespace().nth(1) == Some(filter))
    };
    if has("zscale") && has("tonemap") {
        Ok(ToneMapping::Hable)
    } else {
        tracing::warn!("this ffmpeg has no zscale: HDR clips are converted without tone mapping");
        Ok(ToneMapping::None)
    }
}
