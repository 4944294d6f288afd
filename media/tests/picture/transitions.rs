//! Transitions, frame by frame: how much of which picture is there, whatever the pictures come from and however the transition is cut.

use std::path::{Path, PathBuf};

use botflix_common::film::{Rgb, TransitionKind};
use botflix_common::task::{Blend, Picture};

use crate::clips::ffmpeg;
use crate::stage::{Stage, clip, colour, spec, still};

const FRAMES: u64 = 10;

fn grey(value: u8) -> Rgb {
    Rgb([value; 3])
}

/// Luma of a grey.
fn luma(value: u8) -> f64 {
    16.0 + f64::from(value) * 219.0 / 255.0
}

fn clip_of(stage: &Stage, name: &str, value: u8) -> PathBuf {
    let file = stage.path(name);
    let source = format!("color=0x{value:02x}{value:02x}{value:02x}:s=320x180:r=24:d=1");
    ffmpeg(
        &[
            "-f", "lavfi", "-i", &source, "-c:v", "libx264", "-qp", "8", "-pix_fmt", "yuv420p",
        ],
        &file,
    );
    file
}

async fn between(
    stage: &Stage,
    kind: TransitionKind,
    (under, over): (Picture, Picture),
    files: &[&Path],
    first_frame: u64,
) -> Vec<u8> {
    let mut spec = spec(over, FRAMES - first_frame);
    spec.under = Some(Blend {
        picture: under,
        kind,
        first_frame,
        total_frames: FRAMES,
    });
    stage.lumas(&spec, files).await
}

fn expected(kind: TransitionKind, frame: u64, under: u8, over: u8) -> f64 {
    let way = (frame as f64 + 0.5) / FRAMES as f64;
    let (from, to) = (luma(under), luma(over));
    let mid = match kind {
        TransitionKind::Dissolve => return from + (to - from) * way,
        TransitionKind::FadeBlack => 16.0,
        TransitionKind::FadeWhite => 235.0,
    };
    if way < 0.5 {
        from + (mid - from) * way * 2.0
    } else {
        mid + (to - mid) * (way * 2.0 - 1.0)
    }
}

#[tokio::test]
async fn every_frame_of_every_kind_has_its_exact_share_of_both_pictures() {
    let stage = Stage::open().await;
    let (dark, light) = (
        clip_of(&stage, "dark.mp4", 60),
        clip_of(&stage, "light.mp4", 180),
    );
    let photo = stage.path("light.png");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=0xb4b4b4:s=320x180,format=rgb24",
            "-frames:v",
            "1",
        ],
        &photo,
    );
    let pairs = [
        (clip(&dark), clip(&light)),
        (clip(&dark), still(&photo)),
        (colour(grey(60)), clip(&light)),
        (colour(grey(60)), still(&photo)),
    ];
    // Each kind with each way of making it: two streams, one stream and one drawn, both drawn; whole, and cut off somewhere.
    let cases = [
        (TransitionKind::Dissolve, 0, 0),
        (TransitionKind::Dissolve, 1, 3),
        (TransitionKind::Dissolve, 2, 0),
        (TransitionKind::Dissolve, 3, 0),
        (TransitionKind::FadeBlack, 0, 0),
        (TransitionKind::FadeBlack, 3, 5),
        (TransitionKind::FadeWhite, 1, 0),
    ];
    let files: [&Path; 3] = [&dark, &light, &photo];
    for (kind, number, first) in cases {
        let seen = between(&stage, kind, pairs[number].clone(), &files, first).await;
        for (frame, seen) in (first..).zip(&seen) {
            let wanted = expected(kind, frame, 60, 180);
            assert!(
                (f64::from(*seen) - wanted).abs() <= 2.5,
                "{kind:?}, pair {number}, frame {frame}: {seen} for {wanted:.1}"
            );
        }
    }
}
