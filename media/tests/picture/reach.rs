//! A shot from deep inside a clip is reached by seeking, and must be the very pictures that decoding from the start would give.

use std::path::{Path, PathBuf};

use botflix_common::film::{Rgb, TransitionKind};
use botflix_common::task::{Blend, Picture, PictureSource};

use crate::clips::{ffmpeg, ffprobe};
use crate::stage::{Stage, clip_from, colour, spec};

/// Nine seconds whose frame `n` has luma 20 + n: every picture is told from its neighbours.
const RAMP: &str = "color=black:s=32x18:r=24:d=9,format=yuv420p,geq=lum='20+N':cb=128:cr=128,scale=160:90:flags=neighbor";
const SECONDS: f64 = 5.5;

fn encoded(stage: &Stage, name: &str, filters: &[&str], encoder: &[&str]) -> PathBuf {
    let file = stage.path(name);
    let mut args = vec!["-f", "lavfi", "-i", RAMP];
    args.extend(filters);
    args.extend([
        "-c:v", "libx264", "-preset", "veryfast", "-qp", "12", "-pix_fmt", "yuv420p",
    ]);
    args.extend(encoder);
    ffmpeg(&args, &file);
    file
}

fn first_picture_seconds(file: &Path) -> f64 {
    let args = [
        "-select_streams",
        "V:0",
        "-read_intervals",
        "%+#40",
        "-show_entries",
        "frame=best_effort_timestamp_time",
        "-of",
        "csv=p=0",
    ];
    ffprobe(&args, file)
        .lines()
        .next()
        .unwrap()
        .trim_end_matches(',')
        .parse()
        .unwrap()
}

fn from(file: &Path, start_seconds: f64) -> Picture {
    let mut picture = clip_from(file, start_seconds);
    if let PictureSource::Clip {
        first_picture_seconds: place,
        ..
    } = &mut picture.source
    {
        *place = first_picture_seconds(file);
    }
    picture
}

/// The slow way, by ffmpeg alone: everything decoded, timestamps counted from the first picture.
fn decoded_from_the_start(file: &Path, frames: u64) -> Vec<u8> {
    let filters = format!(
        "setpts=PTS-STARTPTS,fps=fps=24:start_time={SECONDS}:round=near,scale=32:18:flags=area,scale=1:1:flags=area,format=yuv444p"
    );
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-i"])
        .arg(file)
        .args([
            "-vf",
            &filters,
            "-fps_mode",
            "passthrough",
            "-frames:v",
            &frames.to_string(),
        ])
        .args(["-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap();
    assert!(output.status.success());
    output.stdout.chunks(3).map(|colour| colour[0]).collect()
}

#[tokio::test]
async fn seeking_shows_the_pictures_that_decoding_from_the_start_shows() {
    let stage = Stage::open().await;
    let deep = ["-bf", "8", "-b_strategy", "2", "-g", "250", "-refs", "4"];
    let plain = encoded(&stage, "plain.mp4", &[], &deep);
    let open = encoded(
        &stage,
        "open.mkv",
        &[],
        &["-g", "48", "-x264-params", "open-gop=1:bframes=3"],
    );
    let vfr = encoded(
        &stage,
        "vfr.mp4",
        &[
            "-vf",
            "settb=1/90000,setpts='PTS+900*sin(N*1.7)'",
            "-fps_mode",
            "passthrough",
            "-video_track_timescale",
            "90000",
        ],
        &["-bf", "3"],
    );
    // A clip that begins late on its container's timeline, and one whose edit list hides its first two seconds.
    let (late, edited) = (stage.path("late.mp4"), stage.path("edited.mp4"));
    let plain_name = plain.to_str().unwrap();
    ffmpeg(
        &["-i", plain_name, "-c", "copy", "-output_ts_offset", "1.3"],
        &late,
    );
    let short = encoded(&stage, "short.mp4", &[], &["-bf", "3", "-g", "60"]);
    ffmpeg(
        &["-ss", "1.0", "-i", short.to_str().unwrap(), "-c", "copy"],
        &edited,
    );
    for file in [&plain, &open, &vfr, &late, &edited] {
        let expected = decoded_from_the_start(file, 24);
        let seen = stage.lumas(&spec(from(file, SECONDS), 24), &[file]).await;
        assert_eq!(expected.len(), seen.len());
        let off = seen
            .iter()
            .zip(&expected)
            .position(|(a, b)| a.abs_diff(*b) > 1);
        assert_eq!(off, None, "{file:?}: {seen:?} for {expected:?}");
        // The counter itself moves with every frame: one frame off would be seen.
        assert!(
            seen.windows(2).filter(|pair| pair[1] > pair[0]).count() > 18,
            "{seen:?}"
        );
    }
}

#[tokio::test]
async fn a_shot_beyond_the_end_is_an_error_and_not_a_film_of_one_picture() {
    let stage = Stage::open().await;
    let file = encoded(&stage, "clip.mp4", &[], &["-g", "24"]);
    let error = stage
        .conformed(
            &spec(from(&file, 40.0), 24),
            &[&file],
            &stage.path("no.mp4"),
        )
        .await
        .expect_err("the clip has nine seconds");
    assert_eq!(error.failure().code, "clip_too_short");
}

#[tokio::test]
async fn a_transition_out_of_the_depth_of_a_clip_shows_its_own_pictures() {
    let stage = Stage::open().await;
    let file = encoded(&stage, "clip.mp4", &[], &["-g", "60"]);
    let mut spec = spec(colour(Rgb::BLACK), 8);
    spec.under = Some(Blend {
        picture: from(&file, SECONDS),
        kind: TransitionKind::Dissolve,
        first_frame: 0,
        total_frames: 8,
    });
    let seen = stage.lumas(&spec, &[&file]).await;
    for (frame, (seen, clip)) in seen
        .iter()
        .zip(decoded_from_the_start(&file, 8))
        .enumerate()
    {
        let way = (frame as f64 + 0.5) / 8.0;
        let expected = f64::from(clip) * (1.0 - way) + 16.0 * way;
        assert!(
            (f64::from(*seen) - expected).abs() < 2.5,
            "frame {frame}: {seen} for {expected:.1}"
        );
    }
}
