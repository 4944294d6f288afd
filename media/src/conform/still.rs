//! A still picture, opened once: the way in for PNG, JPEG and WebP that a stranger sent, out comes the whole fitted picture in 4:4:4.

use std::path::Path;
use std::time::Duration;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::{FilmFormat, Quality};
use botflix_common::task::{Picture, SourcePicture};
use botflix_common::verdict::MAX_STILL_PIXELS;

use super::chain::{self, Frame};
use super::graph::Graph;
use super::motion;
use super::resample::{Canvas, Plane};
use crate::{Context, MediaError, Program};

/// The fitted picture may be larger than the frame, for motions that come near. Beyond this it is made softer instead: 40 megapixels.
const MAX_CANVAS_PIXELS: f64 = 40e6;
/// Three planes of a picture that covers the frame and reaches far beyond it.
const MAX_CANVAS_BYTES: usize = 400 << 20;
/// `YUV4MPEG2 W… H… …`, `FRAME`.
const MAX_HEADER_BYTES: usize = 256;
/// One picture: what takes longer does not end.
const DEADLINE: Duration = Duration::from_secs(300);

/// A still as large as its motion needs it, and the size that the film's frame has in it.
pub(super) struct Still {
    pub(super) canvas: Canvas,
    pub(super) frame: (f64, f64),
}

pub(super) async fn open(
    ctx: &Context,
    picture: &Picture,
    look: &SourcePicture,
    path: &Path,
    format: FilmFormat,
    quality: Quality,
) -> Result<Still, MediaError> {
    let wanted = match (&picture.motion, quality) {
        (Some(span), Quality::Standard | Quality::High) => motion::max_zoom(span),
        _ => 1.0,
    };
    let film_pixels = f64::from(format.width) * f64::from(format.height);
    let enlarged = wanted
        .min((MAX_CANVAS_PIXELS / film_pixels).sqrt())
        .max(1.0);
    let even = |length: u32| ((f64::from(length) * enlarged / 2.0).round() as u32).max(1) * 2;
    let frame = Frame {
        width: even(format.width),
        height: even(format.height),
        whole: true,
        quality,
        zscale: ctx.engine.converts_colours(),
    };
    let mut graph = Graph::new();
    graph.with(|call| call.input_option("-threads", "1").untrusted_still(path));
    let input = graph.input();
    let mut filters = chain::shaped(picture, look, frame, "still");
    filters.push("format=yuv444p".to_owned());
    let shaped = graph.chain(&[&input], &filters.join(","));
    let call = graph
        .finish(&shaped)
        // An animated picture shows its first.
        .args(["-frames:v", "1", "-f", "yuv4mpegpipe", "pipe:1"])
        .deadline(DEADLINE);
    let mut bytes = Vec::new();
    let output = ctx
        .chunks(call, |chunk| {
            if bytes.len() + chunk.len() > MAX_CANVAS_BYTES {
                return Err(too_large());
            }
            bytes.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
    // "Picture size 20000x20000 exceeds specified max pixel count 100000000" (5.1), or what a side of 32 bits does not hold.
    if output.exit_code != Some(0) && output.stderr_tail.contains("Picture size") {
        return Err(too_large());
    }
    output.success(Program::Ffmpeg, true)?;
    let canvas = canvas(&bytes).ok_or_else(|| MediaError::Permanent {
        code: "still_unreadable",
        message: "the still picture could not be decoded".to_owned(),
        who_can_fix: WhoCanFix::Director,
        internal: None,
    })?;
    Ok(Still {
        canvas,
        frame: (f64::from(frame.width), f64::from(frame.height)),
    })
}

fn too_large() -> MediaError {
    MediaError::Permanent {
        code: "still_too_large",
        message: format!(
            "the still picture is too large; at most {} megapixels can be used",
            MAX_STILL_PIXELS / 1_000_000
        ),
        who_can_fix: WhoCanFix::Director,
        internal: None,
    }
}

/// The first picture of a YUV4MPEG2 stream in 4:4:4.
fn canvas(stream: &[u8]) -> Option<Canvas> {
    let start = stream.get(..stream.len().min(MAX_HEADER_BYTES))?;
    let header_end = start.iter().position(|byte| *byte == b'\n')?;
    let header = std::str::from_utf8(start.get(..header_end)?).ok()?;
    let side = |letter: char| -> Option<usize> {
        header
            .split(' ')
            .find_map(|word| word.strip_prefix(letter))?
            .parse()
            .ok()
    };
    let (width, height) = (side('W')?, side('H')?);
    let rest = stream.get(header_end + 1..)?;
    let frame_end = rest
        .iter()
        .take(MAX_HEADER_BYTES)
        .position(|byte| *byte == b'\n')?;
    let samples = rest.get(frame_end + 1..)?;
    let area = width.checked_mul(height).filter(|area| *area > 0)?;
    let plane = |number: usize| -> Option<Plane> {
        Some(Plane {
            width,
            height,
            samples: samples.get(area * number..area * (number + 1))?.to_vec(),
        })
    };
    Some(Canvas {
        planes: [plane(0)?, plane(1)?, plane(2)?],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_that_ends_early_is_no_picture() {
        let whole = b"YUV4MPEG2 W2 H1 F25:1 C444\nFRAME\n\x01\x02\x03\x04\x05\x06";
        let [luma, _, red] = canvas(whole).unwrap().planes;
        assert_eq!((luma.samples, red.samples), (vec![1, 2], vec![5, 6]));
        assert!(canvas(&whole[..whole.len() - 1]).is_none());
        assert!(canvas(b"YUV4MPEG2 W9999999999 H9999999999\nFRAME\n").is_none());
        assert!(canvas(b"").is_none());
    }
}
