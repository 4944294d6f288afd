//! Ken Burns without shake: where a feature is in each frame, measured to a fraction of a pixel, against the curve it should follow.

use botflix_common::film::{Easing, View};
use botflix_common::task::{ConformSpec, MotionSpan, Picture};

use crate::clips::{ffmpeg, lumas};
use crate::stage::{Stage, clip, spec, still};

/// A soft white spot in the middle of black.
const SPOT: &str =
    "color=black:s=640x360,format=gray,geq=lum='16+219*exp(-(pow(X-319.5,2)+pow(Y-179.5,2))/300)'";
const FRAMES: u64 = 24;

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

/// Where the light of each frame has its middle, in pixels.
fn middles(film: &std::path::Path) -> Vec<(f64, f64)> {
    let frames = lumas(film, 320 * 180);
    frames
        .iter()
        .map(|luma| {
            let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
            for (at, value) in luma.iter().enumerate() {
                let light = f64::from(value.saturating_sub(50));
                sum += light;
                x += light * ((at % 320) as f64 + 0.5);
                y += light * ((at / 320) as f64 + 0.5);
            }
            (x / sum, y / sum)
        })
        .collect()
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

fn expected(span: &MotionSpan, frame: usize) -> (f64, f64) {
    let way = eased(span.easing, frame as f64 / (FRAMES - 1) as f64);
    let rect = |view: View, size: f64, middle: f64| {
        (middle * size - size / view.zoom / 2.0, size / view.zoom)
    };
    let along = |size: f64, from: f64, to: f64| {
        let (start, length) = rect(span.from, size, from);
        let (end_start, end_length) = rect(span.to, size, to);
        let (left, width) = (
            start + (end_start - start) * way,
            length + (end_length - length) * way,
        );
        (size / 2.0 - left) / width * size
    };
    (
        along(320.0, span.from.x, span.to.x),
        along(180.0, span.from.y, span.to.y),
    )
}

async fn worst(stage: &Stage, picture: Picture, easing: Easing, file: &std::path::Path) -> f64 {
    let mut shot: ConformSpec = spec(picture, FRAMES);
    shot.picture.motion = Some(motion(easing));
    let out = stage.segment("moved.mp4", &shot, &[file]).await;
    let seen = middles(&out);
    let span = motion(easing);
    seen.iter()
        .enumerate()
        .map(|(frame, (x, y))| {
            let (wanted_x, wanted_y) = expected(&span, frame);
            (x - wanted_x).abs().max((y - wanted_y).abs())
        })
        .fold(0.0, f64::max)
}

#[tokio::test]
async fn a_moving_still_and_a_moving_clip_follow_their_curve_to_a_quarter_of_a_pixel() {
    let stage = Stage::open().await;
    let (photo, film) = (stage.path("spot.png"), stage.path("spot.mp4"));
    ffmpeg(&["-f", "lavfi", "-i", SPOT, "-frames:v", "1"], &photo);
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
        let still = worst(&stage, still(&photo), easing, &photo).await;
        assert!(still < 0.2, "still, {easing:?}: {still:.3} px");
    }
    let easing = Easing::EaseOut;
    let clip = worst(&stage, clip(&film), easing, &film).await;
    assert!(clip < 0.25, "clip, {easing:?}: {clip:.3} px");
}

#[tokio::test]
async fn a_motion_cut_into_two_segments_continues_where_it_was() {
    let stage = Stage::open().await;
    let photo = stage.path("spot.png");
    ffmpeg(&["-f", "lavfi", "-i", SPOT, "-frames:v", "1"], &photo);
    let mut shot = spec(still(&photo), 12);
    shot.picture.motion = Some(MotionSpan {
        first_frame: 12,
        ..motion(Easing::EaseInOut)
    });
    let seen = middles(&stage.segment("half.mp4", &shot, &[&photo]).await);
    for (frame, (x, _)) in seen.iter().enumerate() {
        let (wanted, _) = expected(&motion(Easing::EaseInOut), frame + 12);
        assert!(
            (x - wanted).abs() < 0.2,
            "frame {frame}: {x:.3} for {wanted:.3}"
        );
    }
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
