//! Stills: PNG, JPEG and WebP as facts and verdicts.

use botflix_common::facts::Container;
use botflix_common::verdict::{Role, Verdict};

use crate::studio::{Studio, codes};

#[tokio::test]
async fn one_picture_of_each_kind_is_a_still_and_no_shot() {
    let studio = Studio::open().await;
    let picture = "-f lavfi -i testsrc2=size=320x200 -frames:v 1";
    let cases = [
        ("a.png", Container::Png, "png"),
        ("a.jpg", Container::Jpeg, "mjpeg"),
        ("a.webp", Container::Webp, "webp"),
    ];
    for (name, container, codec) in cases {
        let still = studio.ffmpeg(picture, name);
        let facts = studio.facts(&still).await;
        let video = facts.video.clone().unwrap();
        assert_eq!(
            (facts.container, facts.still),
            (Some(container), true),
            "{name}"
        );
        assert_eq!(
            (
                video.codec.as_str(),
                video.width,
                video.height,
                video.frames
            ),
            (codec, 320, 200, 1)
        );
        assert!(!video.alpha && facts.audio.is_none());
        assert_eq!(
            studio.judge(&still, Role::Still).await,
            (Verdict::Accept, vec![]),
            "{name}"
        );
        assert_eq!(
            studio.shot(&still).await,
            (Verdict::Refuse, codes(&["still"])),
            "{name}"
        );
        assert_eq!(
            studio.judge(&still, Role::Track).await,
            (Verdict::Refuse, codes(&["no_audio"])),
            "{name}"
        );
    }
    let film = studio.clip("film.mp4", "");
    assert_eq!(
        studio.judge(&film, Role::Still).await,
        (Verdict::Refuse, codes(&["not_a_still"]))
    );
}

#[tokio::test]
async fn transparency_and_orientation_of_a_still_are_facts() {
    let studio = Studio::open().await;
    let clear = studio.ffmpeg(
        "-f lavfi -i color=red@0.5:size=64x64,format=rgba -frames:v 1",
        "clear.png",
    );
    assert!(studio.facts(&clear).await.video.unwrap().alpha);

    // A camera held upright: an Exif block in front of everything else.
    let plain =
        std::fs::read(studio.ffmpeg("-f lavfi -i testsrc2=size=320x200 -frames:v 1", "plain.jpg"))
            .unwrap();
    let tiff = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
    let upright = [&plain[..2], &[0xff, 0xe1], &length, tiff, &plain[2..]].concat();
    let video = studio
        .facts(&studio.file("upright.jpg", upright))
        .await
        .video
        .unwrap();
    assert_eq!(video.rotation_degrees, 90);
    assert_eq!(video.display_size(), (200, 320));
}

#[tokio::test]
async fn pictures_that_move_are_broken_or_too_large_are_refused_by_name() {
    let studio = Studio::open().await;
    let moving = "-f lavfi -i testsrc2=size=64x64:rate=5:duration=1";
    let large = studio.ffmpeg(
        "-f lavfi -i color=gray:size=20000x64 -frames:v 1",
        "wide.png",
    );
    assert_eq!(
        studio.judge(&large, Role::Still).await,
        (Verdict::Accept, vec![])
    );

    let whole = std::fs::read(&large).unwrap();
    let mut bomb = whole.clone();
    // The header alone claims 20,000 × 20,000 pixels.
    bomb[20..24].copy_from_slice(&20_000u32.to_be_bytes());
    let cases = [
        (
            studio.ffmpeg(&format!("{moving} -f apng"), "moving.png"),
            "animated_image",
        ),
        (
            studio.ffmpeg(
                &format!("{moving} -c:v libwebp_anim -f webp"),
                "moving.webp",
            ),
            "animated_image",
        ),
        (studio.ffmpeg(moving, "moving.gif"), "animated_image"),
        (studio.file("bomb.png", bomb), "too_many_pixels"),
        (
            studio.file(
                "noise.jpg",
                [&b"\xff\xd8\xff\xe0"[..], &[0x3c; 900]].concat(),
            ),
            "nothing_decodable",
        ),
    ];
    for (path, code) in cases {
        assert_eq!(
            studio.judge(&path, Role::Still).await,
            (Verdict::Refuse, codes(&[code])),
            "{}",
            path.display()
        );
    }
}
