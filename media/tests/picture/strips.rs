//! Several shots in one segment are the very frames that they are alone.

use std::path::{Path, PathBuf};

use botflix_common::film::Quality;
use botflix_common::task::{Picture, Take};

use crate::clips::{ffmpeg, ffprobe};
use crate::stage::{Stage, clip_from, format, spec};
use crate::texts::title;

/// Pictures whose luma says which they are.
fn ramp(stage: &Stage, name: &str, rate: &str, seconds: f64, from: u32) -> PathBuf {
    let file = stage.path(name);
    let source = format!(
        "color=black:s=32x18:r={rate}:d={seconds},format=yuv420p,geq=lum='{from}+N':cb=128:cr=128,scale=320:180:flags=neighbor"
    );
    let x264 = "-c:v libx264 -preset veryfast -qp 10 -bf 2 -g 24";
    let mut args = vec!["-f", "lavfi", "-i", &source];
    args.extend(x264.split_whitespace());
    ffmpeg(&args, &file);
    file
}

/// The frames that are key pictures, as shown.
fn key_pictures(file: &Path) -> Vec<usize> {
    let args = ["-show_entries", "packet=pts,flags", "-of", "csv=p=0"];
    let listed = ffprobe(&args, file);
    let mut packets: Vec<(i64, bool)> = listed
        .lines()
        .filter_map(|line| line.split_once(','))
        .map(|(pts, flags)| (pts.parse().unwrap(), flags.starts_with('K')))
        .collect();
    packets.sort_unstable();
    (0..packets.len()).filter(|at| packets[*at].1).collect()
}

#[tokio::test]
async fn a_strip_has_the_frames_of_its_shots_one_after_another() {
    let stage = Stage::open().await;
    let slow = ramp(&stage, "slow.mp4", "24", 6.0, 30);
    let fast = ramp(&stage, "fast.mp4", "60", 2.0, 110);
    let files = [slow.as_path(), fast.as_path()];
    for rate in ["24", "24000/1001"] {
        let takes: [(Picture, u64); 4] = [
            (clip_from(&slow, 0.0), 20),
            (clip_from(&fast, 0.5), 30),
            // Reached by seeking.
            (clip_from(&slow, 4.0), 40),
            (clip_from(&fast, 0.0), 1),
        ];
        let mut alone = Vec::new();
        for (picture, frames) in &takes {
            let mut one = spec(picture.clone(), *frames);
            one.format = format(rate);
            alone.extend(stage.lumas(&one, &files).await);
        }
        let [(first, _), rest @ ..] = takes;
        let mut strip = spec(first, 91);
        strip.format = format(rate);
        strip.then = rest
            .map(|(picture, frames)| Take { frames, picture })
            .to_vec();
        let together = stage.lumas(&strip, &files).await;
        assert_eq!(together, alone, "{rate}");

        let keys = key_pictures(&stage.path("seen.mp4"));
        for begins in [0, 20, 50, 90] {
            assert!(keys.contains(&begins), "{rate}: {keys:?}");
        }
    }
}

#[tokio::test]
async fn a_text_over_a_cut_is_seen_on_both_sides_of_it_and_nowhere_else() {
    let stage = Stage::open().await;
    let clip = ramp(&stage, "clip.mp4", "24", 2.0, 30);
    let mut strip = spec(clip_from(&clip, 0.0), 40);
    strip.then = vec![Take {
        frames: 20,
        picture: clip_from(&clip, 1.0),
    }];
    let plain = stage.lumas(&strip, &[&clip]).await;
    strip.overlays = vec![title("A", 15, 25)];
    let titled = stage.lumas(&strip, &[&clip]).await;
    let changed: Vec<usize> = (0..40)
        .filter(|at| plain[*at].abs_diff(titled[*at]) > 3)
        .collect();
    assert_eq!(changed, (15..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_strip_whose_clip_is_too_short_is_an_error_and_never_a_shorter_film() {
    let stage = Stage::open().await;
    let clip = ramp(&stage, "clip.mp4", "24", 1.0, 30);
    let mut strip = spec(clip_from(&clip, 0.0), 24 + 120);
    strip.quality = Quality::Draft;
    strip.then = vec![Take {
        frames: 120,
        picture: clip_from(&clip, 0.0),
    }];
    let out = stage.path("out.mp4");
    let made = stage.conformed(&strip, &[&clip], &out).await;
    let error = made.unwrap_err().to_string();
    assert!(error.contains("does not have the pictures"), "{error}");
}
