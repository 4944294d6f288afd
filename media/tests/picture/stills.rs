//! Films without a video model: PNG, JPEG and WebP stills and colours.

use botflix_common::film::{Fit, Rgb};

use crate::clips::ffmpeg;
use crate::stage::{Stage, colour, look, spec, still};

fn near(seen: [u8; 3], expected: [u8; 3]) -> bool {
    seen.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 3)
}

/// Red of BT.709.
const RED: [u8; 3] = [63, 102, 240];

#[tokio::test]
async fn a_still_of_each_format_fills_its_frames_with_its_own_colour() {
    let stage = Stage::open().await;
    for (name, encoder) in [
        ("red.png", vec!["-c:v", "png"]),
        (
            "red.jpg",
            vec!["-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p"],
        ),
        ("red.webp", vec!["-c:v", "libwebp", "-lossless", "1"]),
    ] {
        let file = stage.path(name);
        let mut args = vec![
            "-f",
            "lavfi",
            "-i",
            "color=red:s=640x360,format=rgb24",
            "-frames:v",
            "1",
        ];
        args.extend(encoder);
        ffmpeg(&args, &file);
        let mut spec = spec(still(&file), 30);
        // JPEG's colours are BT.601, whatever their number says.
        if name.ends_with("jpg") {
            *look(&mut spec.picture) = botflix_common::task::SourcePicture {
                full_range: true,
                matrix: Some("bt470bg".to_owned()),
                ..Default::default()
            };
        }
        let seen = stage.seen(&spec, &[&file]).await;
        assert!(
            seen.iter().all(|colour| near(*colour, RED)),
            "{name}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_colour_is_exactly_itself() {
    let stage = Stage::open().await;
    for (rgb, expected) in [
        (Rgb([255, 0, 0]), RED),
        (Rgb([0, 128, 0]), [94, 88, 80]),
        (Rgb::WHITE, [235, 128, 128]),
    ] {
        let seen = stage.seen(&spec(colour(rgb), 12), &[]).await;
        assert!(
            seen.iter().all(|colour| near(*colour, expected)),
            "{rgb}: {seen:?}"
        );
    }
}

#[tokio::test]
async fn a_still_of_another_shape_stands_on_its_background_or_covers_the_frame() {
    let stage = Stage::open().await;
    let file = stage.path("tall.png");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=white:s=180x720,format=rgb24",
            "-frames:v",
            "1",
        ],
        &file,
    );
    let mut shot = spec(still(&file), 6);
    shot.picture.background = Rgb([255, 0, 0]);
    // 46 of 320 columns are white.
    let share = |inside: f64, bar: f64| (inside * 46.0 + bar * 274.0) / 320.0;
    let [luma, _, red] = stage.seen(&shot, &[&file]).await[2];
    assert!((f64::from(luma) - share(235.0, 63.0)).abs() < 4.0, "{luma}");
    assert!((f64::from(red) - share(128.0, 240.0)).abs() < 4.0, "{red}");
    shot.picture.fit = Fit::Cover;
    let seen = stage.seen(&shot, &[&file]).await;
    assert!(
        seen.iter().all(|colour| near(*colour, [235, 128, 128])),
        "{seen:?}"
    );
}

#[tokio::test]
async fn a_transparent_still_shows_its_background_and_a_clip_is_not_taken_for_a_still() {
    let stage = Stage::open().await;
    let file = stage.path("half.png");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=red@0.5:s=320x180,format=rgba",
            "-frames:v",
            "1",
        ],
        &file,
    );
    let mut shot = spec(still(&file), 6);
    look(&mut shot.picture).alpha = true;
    shot.picture.background = Rgb([0, 0, 255]);
    // Half of red and blue: #7f0080.
    let seen = stage.seen(&shot, &[&file]).await;
    assert!(
        seen.iter().all(|colour| near(*colour, [47, 171, 179])),
        "{seen:?}"
    );

    let clip = stage.path("clip.mp4");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=red:s=64x64:d=1",
            "-c:v",
            "libx264",
        ],
        &clip,
    );
    let error = stage
        .conformed(&spec(still(&clip), 6), &[&clip], &stage.path("no.mp4"))
        .await
        .expect_err("an MP4 is no still");
    assert_eq!(
        error.failure().who_can_fix,
        botflix_common::failure::WhoCanFix::Director
    );
}

#[tokio::test]
async fn a_still_of_twenty_thousand_pixels_a_side_is_refused_in_little_memory() {
    let stage = Stage::open().await;
    let file = stage.path("huge.png");
    // Its head is all that is looked at: 20,000 × 20,000, one bit each.
    let size = 20_000u32.to_be_bytes();
    let head = [
        b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".as_slice(),
        &size,
        &size,
        &[1, 0, 0, 0, 0],
        &[0; 4],
    ]
    .concat();
    std::fs::write(
        &file,
        [head.as_slice(), b"\0\0\0\x08IDAT", &[0; 64]].concat(),
    )
    .unwrap();
    let error = stage
        .conformed(&spec(still(&file), 6), &[&file], &stage.path("no.mp4"))
        .await
        .expect_err("four hundred megapixels");
    assert_eq!(error.failure().code, "still_too_large");
}

#[tokio::test]
async fn a_photo_that_lies_on_its_side_is_put_upright() {
    let stage = Stage::open().await;
    let file = stage.path("photo.jpg");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "color=white:s=320x180",
            "-frames:v",
            "1",
            "-c:v",
            "mjpeg",
            "-pix_fmt",
            "yuvj420p",
        ],
        &file,
    );
    // An APP1 segment with one EXIF entry: orientation 6, a quarter turn clockwise.
    let exif: [u8; 36] = [
        0xff, 0xe1, 0x00, 0x22, b'E', b'x', b'i', b'f', 0, 0, b'M', b'M', 0, 42, 0, 0, 0, 8, 0, 1,
        0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0,
    ];
    let plain = std::fs::read(&file).unwrap();
    let turned = [&plain[..2], &exif, &plain[2..]].concat();
    std::fs::write(&file, turned).unwrap();
    let mut shot = spec(still(&file), 3);
    look(&mut shot.picture).full_range = true;
    // Upright it is a third of the frame's width.
    let seen = stage.lumas(&shot, &[&file]).await;
    let expected = (235.0 * 102.0 + 16.0 * 218.0) / 320.0;
    assert!((f64::from(seen[0]) - expected).abs() < 8.0, "{seen:?}");
}
