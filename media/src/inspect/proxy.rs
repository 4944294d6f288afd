//! The proxy: a small copy of a clip's pictures that falls out of the one pass over it. Drafts are made of it, so that they need not decode the
//! clip again.

use std::fs::File;
use std::path::Path;

use botflix_common::facts::{Proxy, VideoFacts};
use botflix_common::hash::Sha;

use crate::mp4::{self, TrackKind, work};
use crate::{Call, Context, MediaError};

/// As many pixels as 640×360: a quarter of 720p, which is the size of its draft. Smaller clips are their own proxies.
const PIXELS: f64 = 640.0 * 360.0;
/// Encoders want some; only bars and strips have fewer.
const LEAST_EDGE: u32 = 16;
/// Ticks per second of the file.
const TIMESCALE: &str = "90000";
/// Pictures nearer than this to the last one are left out: of 50 and 60 per second every second one.
const LEAST_APART_SECONDS: f64 = 0.032;
/// A proxy whose end is farther than this from the clip's is not its proxy.
const LENGTH_TOLERANCE_SECONDS: f64 = 0.1;

/// One more output of the pass, before the others.
pub fn output(call: Call, path: &Path) -> Call {
    let shrink = format!("min(1\\,sqrt({PIXELS}/(iw*sar*ih)))");
    let filter = format!(
        "select='isnan(prev_selected_t)+gte(t-prev_selected_t\\,{LEAST_APART_SECONDS})',\
         scale=w='max({LEAST_EDGE}\\,2*round(iw*sar*{shrink}/2))':h='max({LEAST_EDGE}\\,2*round(ih*{shrink}/2))':flags=fast_bilinear:out_range=tv,\
         setsar=1,format=yuv420p,settb=1/{TIMESCALE},setpts=PTS-STARTPTS"
    );
    call.args(["-map", "0:V:0", "-filter:v:0", &filter])
        .args([
            "-fps_mode",
            "passthrough",
            "-enc_time_base",
            &format!("1:{TIMESCALE}"),
        ])
        // Coarser than a draft needs: it is looked at twice as small, or encoded again. A key picture each second, so that trims are near one.
        .args([
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-crf",
            "28",
            "-g",
            "30",
        ])
        .args(["-threads", "1", "-bsf:v", "filter_units=remove_types=6"])
        .args(["-video_track_timescale", TIMESCALE, "-map_metadata", "-1"])
        .args(["-map_chapters", "-1", "-fflags", "+bitexact"])
        .args(["-flags:v", "+bitexact", "-f", "mp4"])
        .output(path)
}

/// Than a clip of this size.
pub fn would_be_smaller(width: u32, height: u32) -> bool {
    f64::from(width) * f64::from(height) > PIXELS
}

/// Whether drafts are better made of a copy: smaller, and nothing about the pictures that the copy does not have.
fn serves(video: &VideoFacts) -> bool {
    let (width, height) = video.display_size();
    let turned = video.rotation_degrees != 0 || video.mirrored;
    let special = video.interlaced || video.alpha || video.size_changes || video.colour.is_hdr();
    would_be_smaller(width, height) && !turned && !special
}

/// What was made at `path`, if it stands for the clip from beginning to end.
pub async fn of(
    ctx: &Context,
    video: &VideoFacts,
    path: &Path,
) -> Result<Option<Proxy>, MediaError> {
    if !serves(video) {
        return Ok(None);
    }
    let (path, seconds) = (path.to_owned(), video.duration_seconds);
    work::run(ctx, "reading the proxy", move |_| read(&path, seconds)).await
}

fn read(path: &Path, seconds: f64) -> Result<Option<Proxy>, MediaError> {
    let Ok(Some(movie)) = mp4::read(path) else {
        return Ok(None);
    };
    let Some(track) = movie.track(TrackKind::Video) else {
        return Ok(None);
    };
    let size = track.entry().and_then(mp4::Entry::size);
    let ticks: u64 = track
        .samples()?
        .iter()
        .map(|sample| u64::from(sample.duration))
        .sum();
    let length = ticks as f64 / f64::from(track.timescale.max(1));
    let Some((width, height)) =
        size.filter(|_| (length - seconds).abs() <= LENGTH_TOLERANCE_SECONDS)
    else {
        return Ok(None);
    };
    let hashed = File::open(path).and_then(Sha::of_reader);
    let (sha256, _) = hashed.map_err(MediaError::io("hashing the proxy"))?;
    Ok(Some(Proxy {
        sha256,
        width: width.into(),
        height: height.into(),
    }))
}
