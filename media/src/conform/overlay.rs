//! Texts over the picture: drawn once, written beside the segment as samples with transparency, faded and cut to their frames by the graph.

use std::path::PathBuf;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::{FilmFormat, Quality, Rgb};
use botflix_common::task::Overlay;

use super::colour;
use super::graph::{Graph, Stream};
use crate::text::{self, Drawn, Words};
use crate::{Context, MediaError};

/// More texts in one segment are a mistake: a segment ends where texts change much.
const MAX_OVERLAYS: usize = 64;

/// A drawn text, in a file, with the frames at which it is seen.
pub(super) struct Placed {
    file: PathBuf,
    drawn_size: (u32, u32),
    x: u32,
    y: u32,
    shown: Shown,
}

/// Frames of the segment, half-open, and where they lie in the text's own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shown {
    from: i64,
    to: i64,
    fade: i64,
    segment_frames: i64,
}

/// Draws what is seen in these frames. Nothing of a text leaves this process but its pixels.
pub(super) async fn prepare(
    ctx: &Context,
    overlays: &[Overlay],
    quality: Quality,
    frames: u64,
    format: FilmFormat,
) -> Result<Vec<Placed>, MediaError> {
    let segment_frames = i64::try_from(frames).unwrap_or(i64::MAX);
    let seen: Vec<Overlay> = overlays
        .iter()
        .filter(|overlay| overlay.from_frame < segment_frames.min(overlay.to_frame))
        .filter(|overlay| overlay.to_frame > 0)
        .cloned()
        .collect();
    let draft = quality == Quality::Draft;
    if seen.is_empty() && !draft {
        return Ok(Vec::new());
    }
    if seen.len() > MAX_OVERLAYS {
        return Err(MediaError::Permanent {
            code: "too_many_texts",
            message: format!("more than {MAX_OVERLAYS} texts fall into one piece of the film"),
            who_can_fix: WhoCanFix::Director,
            internal: None,
        });
    }
    let scratch = ctx.scratch.clone();
    let drawing = tokio::task::spawn_blocking(move || -> Result<Vec<Placed>, MediaError> {
        let mut drawn = Vec::new();
        for overlay in &seen {
            let text = text::draw(&words(overlay), format.width, format.height)?;
            drawn.extend(text.map(|text| (text, shown(overlay, segment_frames))));
        }
        if draft {
            let mark = text::draw_draft_mark(format.width, format.height)?;
            drawn.push((mark, throughout(segment_frames)));
        }
        let numbered = drawn.into_iter().enumerate();
        numbered
            .map(|(number, (drawn, shown))| {
                let file = scratch.join(format!("text-{number}.yuva"));
                std::fs::write(&file, samples(&drawn)).map_err(MediaError::io("writing a text"))?;
                Ok(Placed {
                    file,
                    drawn_size: (drawn.width, drawn.height),
                    x: drawn.x,
                    y: drawn.y,
                    shown,
                })
            })
            .collect()
    });
    drawing.await.map_err(|error| MediaError::Io {
        doing: "drawing a text".to_owned(),
        source: std::io::Error::other(error),
    })?
}

fn words(overlay: &Overlay) -> Words<'_> {
    Words {
        id: &overlay.id,
        text: &overlay.text,
        position: overlay.position,
        style: overlay.style,
        colour: overlay.colour,
        background: overlay.background,
        size: overlay.size,
    }
}

fn throughout(segment_frames: i64) -> Shown {
    Shown {
        from: 0,
        to: segment_frames,
        fade: 0,
        segment_frames,
    }
}

fn shown(overlay: &Overlay, segment_frames: i64) -> Shown {
    let length = overlay.to_frame.saturating_sub(overlay.from_frame);
    Shown {
        from: overlay.from_frame,
        to: overlay.to_frame,
        // Both fades have room.
        fade: i64::from(overlay.fade_frames).min(length / 2),
        segment_frames,
    }
}

/// Lays one text over the picture.
pub(super) fn lay(
    graph: &mut Graph,
    picture: &Stream,
    placed: &Placed,
    format: FilmFormat,
) -> Stream {
    let input = graph.samples(&placed.file, "yuva420p", placed.drawn_size, format);
    let text = graph.chain(&[&input], &timed(placed.shown));
    let Placed { x, y, .. } = placed;
    graph.chain(
        &[picture, &text],
        &format!("overlay=x={x}:y={y}:format=yuv420:eof_action=pass:repeatlast=0"),
    )
}

/// The one picture repeated, faded, and cut to the segment. Frame `i` of a fade over `n` frames has the weight `(i + 1) / (n + 1)`.
fn timed(shown: Shown) -> String {
    let length = shown.to.saturating_sub(shown.from);
    let mut chain = vec![
        "loop=loop=-1:size=1:start=0".to_owned(),
        "setpts=N".to_owned(),
    ];
    // One more before the first: ffmpeg's fades begin with nothing (5.1), and a text's first frame should be a step on.
    const AHEAD: i64 = 1;
    if shown.fade > 0 {
        let steps = shown.fade + 1;
        chain.push(format!(
            "fade=type=in:start_frame=0:nb_frames={steps}:alpha=1"
        ));
        chain.push(format!(
            "fade=type=out:start_frame={}:nb_frames={steps}:alpha=1",
            length - shown.fade - 1 + AHEAD
        ));
    }
    let first = (-shown.from).max(0) + AHEAD;
    let end = shown.to.min(shown.segment_frames) - shown.from + AHEAD;
    chain.push(format!("trim=start_frame={first}:end_frame={end}"));
    chain.push(format!("setpts=N+{}", shown.from.max(0)));
    chain.join(",")
}

/// Straight RGBA as 4:2:0 with alpha, BT.709. Chroma is averaged by what is seen of each pixel.
fn samples(drawn: &Drawn) -> Vec<u8> {
    let (width, height) = (drawn.width as usize, drawn.height as usize);
    let pixels: Vec<([u8; 3], u8)> = drawn
        .rgba
        .as_chunks::<4>()
        .0
        .iter()
        .map(|[red, green, blue, alpha]| (colour::yuv(Rgb([*red, *green, *blue])), *alpha))
        .collect();
    let mut planes: Vec<u8> = pixels.iter().map(|([luma, ..], _)| *luma).collect();
    for part in [1usize, 2] {
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                let (mut sum, mut weight) = (0u32, 0u32);
                for at in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                    let pixel = pixels.get((y + at.1) * width + x + at.0);
                    let (yuv, alpha) = pixel.copied().unwrap_or_default();
                    let value = yuv.get(part).copied().unwrap_or(128);
                    sum += u32::from(value) * u32::from(alpha);
                    weight += u32::from(alpha);
                }
                let average = (sum + weight / 2).checked_div(weight);
                planes.push(average.map_or(128, |value| value as u8));
            }
        }
    }
    planes.extend(pixels.iter().map(|(_, alpha)| *alpha));
    planes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_began_before_the_segment_is_cut_and_not_moved() {
        let chain = timed(Shown {
            from: -10,
            to: 50,
            fade: 5,
            segment_frames: 24,
        });
        assert!(
            chain.ends_with("trim=start_frame=11:end_frame=35,setpts=N+0"),
            "{chain}"
        );
        let later = timed(Shown {
            from: 6,
            to: 12,
            fade: 0,
            segment_frames: 24,
        });
        assert!(
            later.ends_with("trim=start_frame=1:end_frame=7,setpts=N+6"),
            "{later}"
        );
        assert!(!later.contains("fade"));
    }
}
