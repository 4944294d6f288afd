//! Clips that make a naive conform lose count.

use botflix_common::film::{Fit, Rgb};

use crate::clips::{cropped_colours, ffmpeg};
use crate::stage::{Stage, clip, clip_from, spec};

/// Two seconds at 24 fps whose frame `n` has luma 20 + 4n.
const RAMP: &str = "color=black:s=32x18:r=24:d=2,format=yuv420p,geq=lum='20+4*N':cb=128:cr=128,scale=320:180:flags=neighbor";

const X264: [&str; 6] = [
    "-c:v",
    "libx264",
    "-preset",
    "ultrafast",
    "-pix_fmt",
    "yuv420p",
];

#[tokio::test]
async fn a_trim_starts_at_exactly_its_frame_even_when_the_first_picture_is_late() {
    let stage = Stage::open().await;
    let (plain, late) = (stage.path("plain.mp4"), stage.path("late.mp4"));
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
        let lumas = stage.lumas(&spec(clip_from(clip, 0.5), 12), &[clip]).await;
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
    let stage = Stage::open().await;
    let file = stage.path("clip.mp4");
    let mut args = vec!["-f", "lavfi", "-i", RAMP];
    args.extend(X264);
    ffmpeg(&args, &file);
    let held = stage.lumas(&spec(clip(&file), 60), &[&file]).await;
    assert!(
        held[48..].iter().all(|luma| luma.abs_diff(held[47]) <= 1),
        "{held:?}"
    );

    let failure = stage
        .conformed(&spec(clip(&file), 240), &[&file], &stage.path("no.mp4"))
        .await
        .expect_err("eight seconds are missing")
        .failure();
    assert_eq!(failure.code, "clip_too_short");
}

#[tokio::test]
async fn contain_puts_bars_and_cover_fills_whatever_the_pixels_shape() {
    let stage = Stage::open().await;
    // Stored 160×180, shown 320×180: anamorphic.
    let anamorphic = stage.path("anamorphic.mp4");
    let mut args = vec![
        "-f",
        "lavfi",
        "-i",
        "color=white:s=160x180:r=24:d=0.5,setsar=2",
    ];
    args.extend(X264);
    ffmpeg(&args, &anamorphic);
    let square = stage.path("square.mp4");
    let mut args = vec!["-f", "lavfi", "-i", "color=white:s=180x180:r=24:d=0.5"];
    args.extend(X264);
    ffmpeg(&args, &square);

    let lumas = stage
        .lumas(&spec(clip(&anamorphic), 6), &[&anamorphic])
        .await;
    assert!(
        lumas.iter().all(|luma| *luma > 225),
        "no bars: the shape is the film's"
    );
    let mut shot = spec(clip(&square), 6);
    let with_bars = stage.lumas(&shot, &[&square]).await;
    let expected = (235.0 * 180.0 + 16.0 * 140.0) / 320.0;
    assert!(
        with_bars
            .iter()
            .all(|luma| (f64::from(*luma) - expected).abs() < 12.0),
        "{with_bars:?}"
    );
    // Bars in the colour that was asked for.
    shot.picture.background = Rgb([255, 0, 0]);
    let barred = stage.segment("barred.mp4", &shot, &[&square]).await;
    let [luma, blue, red] = cropped_colours(&barred, "60:180:0:0")[3];
    assert!(
        luma.abs_diff(63) <= 3 && blue.abs_diff(102) <= 3 && red.abs_diff(240) <= 3,
        "{luma} {blue} {red}"
    );
    let [luma, ..] = cropped_colours(&barred, "100:180:110:0")[3];
    assert!(luma.abs_diff(235) <= 2, "{luma}");
    shot.picture.fit = Fit::Cover;
    let lumas = stage.lumas(&shot, &[&square]).await;
    assert!(lumas.iter().all(|luma| *luma > 225));

    // Stored 320×180, to be turned by a quarter: a third of the frame's width.
    let (stored, turned) = (stage.path("stored.mp4"), stage.path("turned.mp4"));
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
    let upright = stage.lumas(&spec(clip(&turned), 6), &[&turned]).await;
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
    let stage = Stage::open().await;
    let (small, tall, both) = (
        stage.path("a.ts"),
        stage.path("b.ts"),
        stage.path("both.mkv"),
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
    let stream = stage.path("both.ts");
    std::fs::write(&stream, joined).unwrap();
    ffmpeg(&["-i", stream.to_str().unwrap(), "-c", "copy"], &both);

    let lumas = stage.lumas(&spec(clip(&both), 44), &[&both]).await;
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
