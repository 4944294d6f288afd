//! The picture that stands for the film: of the candidates, the one with most to see.

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use botflix_common::units::FrameRate;

use crate::{Call, Context, MediaError, Program};

const MAX_WIDTH: u32 = 1280;

/// Candidates looked at.
const MAX_CANDIDATES: usize = 12;

/// Brightness is judged on a picture of this many pixels a side.
const LOOK_SIDE: u32 = 64;

/// A picture darker than this on average (of 255) is black to a viewer.
const LEAST_MEAN: f64 = 24.0;

/// A picture whose pixels differ less than this (of 255) is blank: one colour, or a fade.
const LEAST_DEVIATION: f64 = 8.0;

/// Writes the poster and returns the frame it shows.
pub(super) async fn make(
    ctx: &Context,
    candidates: &[u64],
    film: &Path,
    out: &Path,
) -> Result<u64, MediaError> {
    let fps = frame_rate(ctx, film).await?;
    let frame = choose(ctx, candidates, fps, film).await?;
    let call = seek(frame, fps)
        .own_input(film)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn", "-map_metadata", "-1"])
        // JPEG is full-range BT.601.
        .args([
            "-vf",
            &format!("scale=w='min({MAX_WIDTH},iw)':h=-2:flags=lanczos:in_color_matrix=bt709:out_color_matrix=bt601:out_range=full,format=yuvj420p"),
        ])
        .args(["-frames:v", "1", "-q:v", "3"])
        .args(["-fflags", "+bitexact", "-flags:v", "+bitexact"])
        .args(["-f", "image2", "-update", "1"])
        .output(out);
    ctx.run(call).await?;
    ctx.progress.report(1.0, None);
    Ok(frame)
}

/// The candidate with most contrast among those that are neither black nor blank; if all are, among all.
async fn choose(
    ctx: &Context,
    candidates: &[u64],
    fps: FrameRate,
    film: &Path,
) -> Result<u64, MediaError> {
    let mut best: Option<((bool, f64), u64)> = None;
    for (done, frame) in candidates.iter().take(MAX_CANDIDATES).enumerate() {
        let Some((mean, deviation)) = look(ctx, *frame, fps, film).await? else {
            continue;
        };
        let merit = (
            mean >= LEAST_MEAN && deviation >= LEAST_DEVIATION,
            deviation,
        );
        if best.is_none_or(|(most, _)| merit > most) {
            best = Some((merit, *frame));
        }
        ctx.progress
            .report((done + 1) as f64 / (MAX_CANDIDATES + 1) as f64, None);
    }
    Ok(best.map_or(0, |(_, frame)| frame))
}

/// Mean and standard deviation of a frame's brightness; `None` past the film's end.
async fn look(
    ctx: &Context,
    frame: u64,
    fps: FrameRate,
    film: &Path,
) -> Result<Option<(f64, f64)>, MediaError> {
    let call = seek(frame, fps)
        .own_input(film)
        .args(["-map", "0:v:0", "-an", "-sn", "-dn"])
        .args([
            "-vf",
            &format!("scale=w={LOOK_SIDE}:h={LOOK_SIDE}:flags=area:out_range=full,format=gray"),
        ])
        .args(["-frames:v", "1", "-f", "rawvideo", "pipe:1"]);
    let pixels = ctx.run(call).await?.stdout;
    if pixels.is_empty() {
        return Ok(None);
    }
    let count = pixels.len() as f64;
    let mean = pixels.iter().map(|pixel| f64::from(*pixel)).sum::<f64>() / count;
    let variance = pixels
        .iter()
        .map(|pixel| (f64::from(*pixel) - mean).powi(2))
        .sum::<f64>()
        / count;
    Ok(Some((mean, variance.sqrt())))
}

/// Decoding starts at the key frame before; the first picture not earlier than half a frame before the wanted one is the wanted one.
fn seek(frame: u64, fps: FrameRate) -> Call {
    let seconds = (fps.seconds_at(frame) - 0.5 / fps.fps()).max(0.0);
    Call::new(Program::Ffmpeg).input_option("-ss", format!("{seconds:.6}"))
}

/// Films have one constant rate.
async fn frame_rate(ctx: &Context, film: &Path) -> Result<FrameRate, MediaError> {
    let call = Call::new(Program::Ffprobe)
        .own_input(film)
        .args([
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=avg_frame_rate",
        ])
        .args(["-of", "default=noprint_wrappers=1:nokey=1"]);
    let answer = ctx.run(call).await?;
    let text = String::from_utf8_lossy(&answer.stdout);
    let rate = text
        .trim()
        .split_once('/')
        .and_then(|(num, den)| FrameRate::measured(num.parse().ok()?, den.parse().ok()?));
    rate.ok_or_else(|| MediaError::Permanent {
        code: "film_without_rate",
        message: "the film has no frame rate".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(text.into_owned()),
    })
}
