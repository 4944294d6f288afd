//! Ken Burns without shake: how far each frame as a whole lies from where the curve wants it, to a fraction of a pixel.
//!
//! One feature's place would be the encoder's as much as ours: it leaves out what moves less than it can code. The shift that fits all the
//! slopes of a picture full of them is hardly the encoder's.

use std::f64::consts::TAU;
use std::path::Path;

use botflix_common::film::{Easing, View};
use botflix_common::task::{ConformSpec, MotionSpan, Picture};

use crate::clips::{ffmpeg, lumas};
use crate::stage::{Stage, clip, spec, still};

const WIDTH: usize = 320;
const HEIGHT: usize = 180;
const FRAMES: u64 = 24;
/// Frames' edges are left out: the picture ends there.
const MARGIN: usize = 8;
/// The waves' lengths across and down, in pixels of the film at zoom 1; the still has twice as many.
const WAVES: (f64, f64) = (14.0, 12.0);
/// Height of the waves over and under the middle, in full range.
const SWING: f64 = 100.0;
/// Pixels. With x264's `standard` 0.035 are measured; positions rounded to a quarter of a pixel give 0.10 and more.
const MAX_SHIFT: f64 = 1.0 / 16.0;

/// Round hills and hollows all over the picture.
fn hills() -> String {
    let (across, down) = (2.0 * WAVES.0, 2.0 * WAVES.1);
    format!(
        "color=black:s=640x360,format=gray,geq=lum='128+{SWING}*sin(2*PI*(X+0.5)/{across})*sin(2*PI*(Y+0.5)/{down})'"
    )
}

fn motion(easing: Easing) -> MotionSpan {
    MotionSpan {
        from: View {
            x: 0.5,
            y: 0.5,
            zoom: 1.0,
        },
        to: View {
            x: 0.44,
            y: 0.53,
            zoom: 1.5,
        },
        easing,
        first_frame: 0,
        total_frames: FRAMES,
    }
}

/// CSS's curve at a time, by plain search.
fn eased(easing: Easing, time: f64) -> f64 {
    let (x1, x2) = match easing {
        Easing::Linear => return time,
        Easing::EaseIn => (0.42, 1.0),
        Easing::EaseOut => (0.0, 0.58),
        Easing::EaseInOut => (0.42, 0.58),
    };
    let s = (0..=100_000)
        .map(|step| f64::from(step) / 100_000.0)
        .find(|s| {
            3.0 * (1.0 - s).powi(2) * s * x1 + 3.0 * (1.0 - s) * s * s * x2 + s.powi(3) >= time
        })
        .unwrap_or(1.0);
    3.0 * s * s - 2.0 * s.powi(3)
}

/// Start and length of what a frame shows of one side.
fn shown(span: &MotionSpan, frame: u64, size: f64, middle: impl Fn(View) -> f64) -> (f64, f64) {
    let way = eased(span.easing, frame as f64 / (FRAMES - 1) as f64);
    let side = |view: View| {
        let length = size / view.zoom;
        (middle(view) * size - length / 2.0, length)
    };
    let (from, to) = (side(span.from), side(span.to));
    (
        from.0 + (to.0 - from.0) * way,
        from.1 + (to.1 - from.1) * way,
    )
}

/// How far the seen picture lies right of and under the one that the curve wants, in pixels: the shift that explains the difference best.
fn shift(luma: &[u8], span: &MotionSpan, frame: u64) -> (f64, f64) {
    let (left, width) = shown(span, frame, WIDTH as f64, |view| view.x);
    let (top, height) = shown(span, frame, HEIGHT as f64, |view| view.y);
    let (step_x, step_y) = (width / WIDTH as f64, height / HEIGHT as f64);
    let swing = SWING * 219.0 / 255.0;
    let (mut xx, mut xy, mut yy, mut dx, mut dy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for row in MARGIN..HEIGHT - MARGIN {
        let (sin_y, cos_y) = (TAU * (top + (row as f64 + 0.5) * step_y) / WAVES.1).sin_cos();
        for column in MARGIN..WIDTH - MARGIN {
            let (sin_x, cos_x) =
                (TAU * (left + (column as f64 + 0.5) * step_x) / WAVES.0).sin_cos();
            let wanted = 16.0 + 128.0 * 219.0 / 255.0 + swing * sin_x * sin_y;
            let slope_x = swing * cos_x * sin_y * TAU / WAVES.0 * step_x;
            let slope_y = swing * sin_x * cos_y * TAU / WAVES.1 * step_y;
            let missing = wanted - f64::from(luma[row * WIDTH + column]);
            xx += slope_x * slope_x;
            xy += slope_x * slope_y;
            yy += slope_y * slope_y;
            dx += slope_x * missing;
            dy += slope_y * missing;
        }
    }
    let area = xx * yy - xy * xy;
    ((dx * yy - dy * xy) / area, (dy * xx - dx * xy) / area)
}

/// The largest shift of any frame along either side. `film` is the segment that begins at the span's first frame.
fn worst(film: &Path, span: &MotionSpan) -> f64 {
    let frames = lumas(film, WIDTH * HEIGHT);
    frames
        .iter()
        .enumerate()
        .map(|(at, luma)| {
            let (x, y) = shift(luma, span, span.first_frame + at as u64);
            x.abs().max(y.abs())
        })
        .fold(0.0, f64::max)
}

async fn moved(stage: &Stage, picture: Picture, easing: Easing, file: &Path) -> f64 {
    let mut shot: ConformSpec = spec(picture, FRAMES);
    shot.picture.motion = Some(motion(easing));
    let out = stage.segment("moved.mp4", &shot, &[file]).await;
    worst(&out, &motion(easing))
}

#[tokio::test]
async fn a_moving_still_and_a_moving_clip_follow_their_curve_to_a_sixteenth_of_a_pixel() {
    let stage = Stage::open().await;
    let (photo, film) = (stage.path("hills.png"), stage.path("hills.mp4"));
    ffmpeg(&["-f", "lavfi", "-i", &hills(), "-frames:v", "1"], &photo);
    ffmpeg(
        &[
            "-loop",
            "1",
            "-r",
            "24",
            "-i",
            photo.to_str().unwrap(),
            "-frames:v",
            "24",
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-qp",
            "10",
            "-pix_fmt",
            "yuv420p",
        ],
        &film,
    );
    for easing in [Easing::EaseIn, Easing::EaseInOut] {
        let still = moved(&stage, still(&photo), easing, &photo).await;
        assert!(still < MAX_SHIFT, "still, {easing:?}: {still:.3} px");
    }
    for easing in [Easing::EaseIn, Easing::EaseOut] {
        let clip = moved(&stage, clip(&film), easing, &film).await;
        assert!(clip < MAX_SHIFT, "clip, {easing:?}: {clip:.3} px");
    }
}

#[tokio::test]
async fn a_motion_cut_into_two_segments_continues_where_it_was() {
    let stage = Stage::open().await;
    let photo = stage.path("hills.png");
    ffmpeg(&["-f", "lavfi", "-i", &hills(), "-frames:v", "1"], &photo);
    let mut shot = spec(still(&photo), 12);
    let second = MotionSpan {
        first_frame: 12,
        ..motion(Easing::EaseInOut)
    };
    shot.picture.motion = Some(second);
    let film = stage.segment("half.mp4", &shot, &[&photo]).await;
    let seen = worst(&film, &second);
    assert!(seen < MAX_SHIFT, "{seen:.3} px");
}

#[tokio::test]
async fn a_tall_still_that_covers_the_frame_is_panned_from_its_top_to_its_foot() {
    let stage = Stage::open().await;
    let photo = stage.path("tall.png");
    let ramp = "color=black:s=320x720,format=gray,geq=lum='20+200*Y/719'";
    ffmpeg(&["-f", "lavfi", "-i", ramp, "-frames:v", "1"], &photo);
    let mut shot = spec(still(&photo), FRAMES);
    shot.picture.fit = botflix_common::film::Fit::Cover;
    let at = |y| View {
        y,
        ..View::default()
    };
    shot.picture.motion = Some(MotionSpan {
        from: at(0.0),
        to: at(1.0),
        ..motion(Easing::Linear)
    });
    let seen = stage.lumas(&shot, &[&photo]).await;
    // Means of the first and the last quarter of the ramp, in limited range.
    let luma = |share: f64| 16.0 + (20.0 + 200.0 * share) * 219.0 / 255.0;
    assert!(
        (f64::from(seen[0]) - luma(0.125)).abs() < 3.0,
        "{seen:?} for {}",
        luma(0.125)
    );
    assert!(
        (f64::from(seen[FRAMES as usize - 1]) - luma(0.875)).abs() < 3.0,
        "{seen:?} for {}",
        luma(0.875)
    );
    assert!(seen.windows(2).all(|pair| pair[1] > pair[0]), "{seen:?}");
}
