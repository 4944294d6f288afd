//! A clip's pictures as a stream of the graph: found in the clip, in the film's shape and colours, moved over where a motion is asked for.

use std::path::Path;

use botflix_common::film::{FilmFormat, Quality};
use botflix_common::task::{ConformSpec, MotionSpan, Picture, SourcePicture};

use super::chain::{self, Frame, Reach};
use super::graph::{Graph, Stream};
use super::motion::{self, Sizes};

/// A clip under a motion is enlarged to at most this many times the frame before the motion takes its part: every frame pays for it.
const MAX_ENLARGED: f64 = 2.0;

#[derive(Clone, Copy, Debug)]
pub(super) struct Start {
    pub(super) start_seconds: f64,
    pub(super) first_picture_seconds: f64,
}

pub(super) fn decoded(
    graph: &mut Graph,
    spec: &ConformSpec,
    (picture, frames): (&Picture, u64),
    look: &SourcePicture,
    start: Start,
    path: &Path,
    zscale: bool,
) -> Stream {
    let reach = chain::reach(start.start_seconds, start.first_picture_seconds);
    graph.with(|call| {
        let call = call
            .input_option("-threads", "1")
            // A picture size that changes in mid clip would otherwise restart the filters, and with them the count of frames.
            .input_option("-reinit_filter", "0");
        let call = match spec.quality {
            // Blocks show a little; decoding takes half the time.
            Quality::Draft => call.input_option("-skip_loop_filter", "all"),
            Quality::Standard | Quality::High => call,
        };
        let call = match reach {
            Reach::FromStart => call,
            // All timestamps stay as they are in the container, and ffmpeg drops nothing: the filters count.
            Reach::Seek { container_seconds } => call
                .arg("-copyts")
                .input_option("-seek_timestamp", "1")
                .arg("-noaccurate_seek")
                .input_option("-ss", format!("{container_seconds:.6}")),
        };
        call.untrusted_input(path)
    });
    let input = graph.input();
    let format = spec.format;
    let span = picture
        .motion
        .filter(|span| motion::max_zoom(span) > 1.0 || motion::moves(span));
    let enlarged = match (span, spec.quality) {
        (Some(span), Quality::Standard | Quality::High) => {
            motion::max_zoom(&span).min(MAX_ENLARGED)
        }
        _ => 1.0,
    };
    let even = |length: u32| ((f64::from(length) * enlarged / 2.0).round() as u32).max(1) * 2;
    let frame = Frame {
        width: even(format.width),
        height: even(format.height),
        whole: span.is_some(),
        quality: spec.quality,
        zscale,
    };
    let mut filters = chain::timing(
        format,
        start.start_seconds,
        start.first_picture_seconds,
        reach,
    );
    let label = graph.label();
    filters.extend(chain::shaped(picture, look, frame, &label));
    filters.push("format=yuv420p".to_owned());
    if let Some(span) = span {
        filters.extend(moved(&span, frame, format));
    }
    filters.extend(chain::counted(format, frames));
    graph.chain(&[&input], &filters.join(","))
}

/// The view's corners, frame by frame, taken to the corners of the picture with a precision of 1/256 pixel.
fn moved(span: &MotionSpan, frame: Frame, format: FilmFormat) -> [String; 2] {
    // In shares of the frame's size: the picture's own is known to ffmpeg alone (`W`, `H`), and differs only where `Cover` keeps all of it.
    let edge = |far: bool, across: bool| {
        let (length, letter) = if across {
            (frame.width, 'W')
        } else {
            (frame.height, 'H')
        };
        let of = |view: botflix_common::film::View| {
            let unit = Sizes {
                frame: (1.0, 1.0),
                picture: (1.0, 1.0),
            };
            let share = motion::placed(view, unit).width;
            let middle = if across { view.x } else { view.y };
            let size = f64::from(length) * share;
            // `perspective` lays the middle of the first pixel on the corner (5.1); ours lies on its edge.
            let start = format!(
                "(max(0,min({letter}-{size:.6},{middle:.9}*{letter}-{:.6}))+0.5*({size:.6}/{letter}-1))",
                size / 2.0
            );
            if far {
                format!("({start}+{size:.6})")
            } else {
                start
            }
        };
        let (from, to) = (of(span.from), of(span.to));
        format!("'{};{from}+({to}-{from})*ld(1)'", progress(span))
    };
    let (left, right) = (edge(false, true), edge(true, true));
    let (top, bottom) = (edge(false, false), edge(true, false));
    [
        format!(
            "perspective=x0={left}:y0={top}:x1={right}:y1={top}:x2={left}:y2={bottom}:x3={right}:y3={bottom}:interpolation=cubic:sense=source:eval=frame"
        ),
        format!(
            "scale={}:{}:flags=bicubic,setsar=1",
            format.width, format.height
        ),
    ]
}

/// Leaves the eased progress in variable 1. The same curve as [`motion`]'s, found by Newton's steps, because an expression has no loop to bisect
/// with that is as short.
fn progress(span: &MotionSpan) -> String {
    let last = span.total_frames.saturating_sub(1).max(1);
    // `on` is 1 at the first frame (ffmpeg 5.1).
    let time = format!("max(0.000001,min(1,(on-1+{})/{last}))", span.first_frame);
    let Some((first, second)) = motion::curve(span.easing) else {
        return format!("st(1,{time})");
    };
    // x(s) = a s³ + b s² + c s
    let (a, b, c) = (
        3.0 * first - 3.0 * second + 1.0,
        3.0 * second - 6.0 * first,
        3.0 * first,
    );
    let step = format!(
        "st(0,ld(0)-((({a:.4}*ld(0)+{b:.4})*ld(0)+{c:.4})*ld(0)-ld(2))/((3*{a:.4}*ld(0)+2*{b:.4})*ld(0)+{c:.4}))"
    );
    let steps = vec![step; 6].join(";");
    format!("st(2,{time});st(0,sqrt(ld(2)));{steps};st(1,(3-2*ld(0))*ld(0)*ld(0))")
}
