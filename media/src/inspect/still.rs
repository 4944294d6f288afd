//! Facts of one picture in a file: what its header says, and that it decodes.

use std::path::Path;
use std::sync::atomic::AtomicU64;

use botflix_common::facts::{ClipFacts, Colour, Container, Defect, VideoFacts};
use botflix_common::units::FrameRate;
use botflix_common::verdict::MAX_STILL_PIXELS;

use super::decode::{self, Pass, Threads, Wanted};
use super::look;
use crate::boxes::Picture;
use crate::{Context, MediaError};

pub async fn measure(
    ctx: &Context,
    clip: &Path,
    container: Container,
    picture: &Picture,
    facts: &mut ClipFacts,
) -> Result<(), MediaError> {
    facts.still = true;
    let pixels = u64::from(picture.width) * u64::from(picture.height);
    if pixels > MAX_STILL_PIXELS {
        facts.defects.push(Defect::OverLimit {
            what: "pixels".to_owned(),
            measured: pixels as f64,
            limit: MAX_STILL_PIXELS as f64,
        });
        return Ok(());
    }
    let pass = Pass {
        clip,
        wanted: Wanted::Still,
        threads: Threads::Two,
        picture_packets: &AtomicU64::new(1),
        proxy: None,
    };
    let decoded = decode::decode(ctx, pass).await?;
    let words = decoded.words;
    if words.pictures == 0 {
        facts.defects.push(Defect::UndecodableVideo {
            detail: "the picture is damaged".to_owned(),
        });
        return Ok(());
    }
    let pixel_format = words.pixel_format.unwrap_or_else(|| "unknown".to_owned());
    let (width, height) = words.size.unwrap_or((picture.width, picture.height));
    facts.video = Some(VideoFacts {
        codec: codec(container).to_owned(),
        profile: None,
        width,
        height,
        sar: (1, 1),
        rotation_degrees: picture.rotation_degrees,
        mirrored: picture.mirrored,
        bit_depth: look::bit_depth(&pixel_format),
        alpha: picture.alpha,
        colour: Colour {
            full_range: pixel_format.starts_with("yuvj"),
            ..Colour::default()
        },
        pixel_format,
        interlaced: false,
        // It has no rate; any is as good.
        frame_rate: FrameRate::default(),
        constant_rate: true,
        frames: 1,
        start_seconds: 0.0,
        duration_seconds: 0.0,
        claimed_duration_seconds: None,
        timescale: 1,
        starts_on_idr: false,
        reorder_frames: 0,
        parameter_sets: None,
        size_changes: false,
        idr_frames: Vec::new(),
        idr_crcs: Vec::new(),
        proxy: None,
        bit_rate_bps: None,
        observed: decoded.watch.finish(&[0.0], 0.0).map(Box::new),
    });
    Ok(())
}

fn codec(container: Container) -> &'static str {
    match container {
        Container::Png => "png",
        Container::Webp => "webp",
        _ => "mjpeg",
    }
}
