//! Clips that make a naive conform lose count.

use botflix_common::film::Fit;

use crate::clips::{colours, ffmpeg, ffprobe};
use crate::studio::{Shot, Studio, format};

/// Two seconds at 24 fps whose frame `n` has luma 20 + 4n.
const RAMP: &str = "color=black:s=320x180:r=24:d=2,format=yuv420p,geq=lum='20+4*N':cb=128:cr=128";

const X264: [&str; 6] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
];

async fn lumas(studio: &Studio, shot: &Shot) -> Vec<u8> {
    let out = studio.path("segment.mp4");
    assert_eq!(
        studio.conformed(shot, format("24"), &out).await.unwrap(),
        shot.frames
    );
    colours(&out).iter().map(|[luma, ..]| *luma).collect()
}

#[tokio::test]
async fn a_trim_starts_at_exactly_its_frame_even_when_the_first_picture_is_late() {
    let studio = Studio::open().await;
    let (plain, late) = (studio.path("plain.mp4"), studio.path("late.mp4"));
    let mut args = vec!["-f", "lavfi", "-i", RAMP];
    args.extend(X264);
    ffmpeg(&args, &plain);
    ffmpeg(
        &[
            "-i",
            plain.to_str().unwrap(),
            "-c",
            "copy",
            "-output_ts_offset",
            "1.3",
        ],
        &late,
    );
    for clip in [&plain, &late] {
        let mut shot = Shot::new(clip, 12);
        shot.start_seconds = 0.5;
        let lumas = lumas(&studio, &shot).await;
        for (frame, luma) in (12u8..).zip(&lumas) {
            assert!(
                luma.abs_diff(20 + 4 * frame) <= 2,
                "{clip:?} frame {frame}: {lumas:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_clip_that_ends_a_little_early_holds_its_last_picture_and_a_much_shorter_one_is_refused()
{
    let studio = Studio::open().await;
    let clip = studio.path("clip.mp4");
    let mut args = vec!["-f", "lavfi", "-i", RAMP];
    args.extend(X264);
    ffmpeg(&args, &clip);
    let held = lumas(&studio, &Shot::new(&clip, 60)).await;
    assert!(
        held[48..].iter().all(|luma| luma.abs_diff(held[47]) <= 1),
        "{held:?}"
    );

    let failure = studio
        .conformed(&Shot::new(&clip, 240), format("24"), &studio.path("no.mp4"))
        .await
        .expect_err("eight seconds are missing")
        .failure();
    assert_eq!(failure.code, "clip_too_short");
}

#[tokio::test]
async fn contain_puts_bars_and_cover_fills_whatever_the_pixels_shape() {
    let studio = Studio::open().await;
    // Stored 160×180, shown 320×180: anamorphic.
    let clip = studio.path("anamorphic.mp4");
    let mut args = vec![
        "-f",
        "lavfi",
        "-i",
        "color=white:s=160x180:r=24:d=0.5,setsar=2",
    ];
    args.extend(X264);
    ffmpeg(&args, &clip);
    let square = studio.path("square.mp4");
    let mut args = vec!["-f", "lavfi", "-i", "color=white:s=180x180:r=24:d=0.5"];
    args.extend(X264);
    ffmpeg(&args, &square);

    let mut shot = Shot::new(&clip, 6);
    assert!(
        lumas(&studio, &shot).await.iter().all(|luma| *luma > 225),
        "no bars: the shape is the film's"
    );
    shot.clip = square;
    let with_bars = lumas(&studio, &shot).await;
    let expected = (235.0 * 180.0 + 16.0 * 140.0) / 320.0;
    assert!(
        with_bars
            .iter()
            .all(|luma| (f64::from(*luma) - expected).abs() < 12.0),
        "{with_bars:?}"
    );
    shot.fit = Fit::Cover;
    assert!(lumas(&studio, &shot).await.iter().all(|luma| *luma > 225));

    // Stored 320×180, to be turned by a quarter: a third of the frame's width.
    let (stored, turned) = (studio.path("stored.mp4"), studio.path("turned.mp4"));
    let mut args = vec!["-f", "lavfi", "-i", "color=white:s=320x180:r=24:d=0.5"];
    args.extend(X264);
    ffmpeg(&args, &stored);
    ffmpeg(
        &[
            "-i",
            stored.to_str().unwrap(),
            "-c",
            "copy",
            "-metadata:s:v:0",
            "rotate=90",
        ],
        &turned,
    );
    let upright = lumas(&studio, &Shot::new(&turned, 6)).await;
    let expected = (235.0 * 102.0 + 16.0 * 218.0) / 320.0;
    assert!(
        upright
            .iter()
            .all(|luma| (f64::from(*luma) - expected).abs() < 15.0),
        "{upright:?}"
    );
}

#[tokio::test]
async fn a_clip_whose_size_changes_keeps_its_count_and_its_order() {
    let studio = Studio::open().await;
    let (small, tall, both) = (
        studio.path("a.ts"),
        studio.path("b.ts"),
        studio.path("both.mkv"),
    );
    for (size, from, out) in [("320x180", 20, &small), ("180x320", 120, &tall)] {
        let source = format!(
            "color=black:s={size}:r=24:d=1,format=yuv420p,geq=lum='{from}+4*N':cb=128:cr=128"
        );
        let mut args = vec!["-f", "lavfi", "-i", &source];
        args.extend(X264);
        ffmpeg(&args, out);
    }
    let joined = [
        std::fs::read(&small).unwrap(),
        std::fs::read(&tall).unwrap(),
    ]
    .concat();
    let stream = studio.path("both.ts");
    std::fs::write(&stream, joined).unwrap();
    ffmpeg(&["-i", stream.to_str().unwrap(), "-c", "copy"], &both);

    let out = studio.path("segment.mp4");
    let frames = studio
        .conformed(&Shot::new(&both, 44), format("24"), &out)
        .await
        .unwrap();
    assert_eq!(frames, 44);
    let lumas: Vec<u8> = colours(&out).iter().map(|[luma, ..]| *luma).collect();
    assert!(
        lumas[..24].windows(2).all(|pair| pair[1] > pair[0]),
        "{lumas:?}"
    );
    // The tall part covers about a third of the frame; its luma still rises.
    assert!(
        lumas[26..].windows(2).all(|pair| pair[1] >= pair[0]),
        "{lumas:?}"
    );
}

#[tokio::test]
async fn segments_of_any_clip_and_length_share_their_parameter_sets() {
    let studio = Studio::open().await;
    let mut sets = std::collections::BTreeSet::new();
    for (name, source, frames) in [
        ("flat.mp4", "color=gray:s=64x64:r=5:d=1", 1),
        (
            "busy.mkv",
            "testsrc2=s=640x360:r=60:d=1,noise=alls=60:allf=t",
            20,
        ),
    ] {
        let clip = studio.path(name);
        let mut args = vec!["-f", "lavfi", "-i", source];
        args.extend(X264);
        ffmpeg(&args, &clip);
        let out = studio.path("segment.mp4");
        studio
            .conformed(&Shot::new(&clip, frames), format("24"), &out)
            .await
            .unwrap();
        sets.insert(ffprobe(
            &[
                "-show_entries",
                "stream=extradata_hash,time_base",
                "-show_data_hash",
                "sha256",
                "-of",
                "csv=p=0",
            ],
            &out,
        ));
    }
    assert_eq!(sets.len(), 1, "{sets:?}");
}
