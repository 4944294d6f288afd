//! Proxies: small copies of the pictures that drafts are made of.

use std::path::Path;
use std::process::Command;

use botflix_common::facts::{ClipFacts, Proxy};
use botflix_media::inspect_with_proxy;

use crate::studio::Studio;

/// 2 s of 60 pictures per second in 720p; each has its number in it.
const LARGE: &str = "-f lavfi -i testsrc2=size=1280x720:rate=60:duration=2 \
    -f lavfi -i sine=frequency=440:duration=2 -c:v libx264 -preset ultrafast -pix_fmt yuv420p";

/// Two pictures of one moment, one copied small and coarsely: of 255, on average. The picture of a moment a thirtieth of a second away differs
/// by more, because its counter and its shapes have moved.
const SAME_PICTURE_CODES: f64 = 3.0;

async fn with_proxy(studio: &Studio, clip: &Path) -> (ClipFacts, Option<Proxy>) {
    let out = studio.path("proxy.mp4");
    let mut facts = inspect_with_proxy(&studio.context, clip, &out)
        .await
        .unwrap();
    let proxy = facts.video.as_mut().and_then(|video| video.proxy.take());
    (facts, proxy)
}

/// The picture shown at a time, small and grey.
fn picture(film: &Path, seconds: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-ss", seconds, "-i"])
        .arg(film)
        .args([
            "-frames:v",
            "1",
            "-vf",
            "scale=160:90:flags=area,format=gray",
        ])
        .args(["-f", "rawvideo", "pipe:1"])
        .output()
        .unwrap();
    assert_eq!(output.stdout.len(), 160 * 90);
    output.stdout
}

fn apart(one: &[u8], other: &[u8]) -> f64 {
    let sum: u32 = one
        .iter()
        .zip(other)
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    f64::from(sum) / one.len() as f64
}

#[tokio::test]
async fn a_proxy_shows_what_its_clip_shows_when_it_shows_it_and_changes_no_fact() {
    let studio = Studio::open().await;
    // Begins late on the container's clock, as clips that were cut by a stream copy do.
    let clip = studio.ffmpeg(&format!("{LARGE} -output_ts_offset 1.5"), "large.mkv");
    let (facts, proxy) = with_proxy(&studio, &clip).await;
    let proxy = proxy.unwrap();
    assert_eq!(facts, studio.facts(&clip).await);
    assert_eq!((proxy.width, proxy.height), (640, 360));

    let copy = studio.path("proxy.mp4");
    let video = studio.facts(&copy).await.video.unwrap();
    assert_eq!((video.frames, video.start_seconds), (60, 0.0));
    // Matroska counts in milliseconds.
    assert!((video.frame_rate.fps() - 30.0).abs() < 0.01);
    for seconds in ["0.1", "1.0", "1.9"] {
        let (wanted, found) = (picture(&clip, seconds), picture(&copy, seconds));
        assert!(apart(&wanted, &found) < SAME_PICTURE_CODES, "{seconds}");
    }
    let elsewhere = apart(&picture(&clip, "1.0"), &picture(&copy, "1.1"));
    assert!(elsewhere > SAME_PICTURE_CODES, "{elsewhere}");
}

#[tokio::test]
async fn the_shape_of_a_proxy_is_the_one_that_viewers_see() {
    let studio = Studio::open().await;
    let portrait = studio.ffmpeg(&LARGE.replace("1280x720", "720x1280"), "portrait.mp4");
    let (_, proxy) = with_proxy(&studio, &portrait).await;
    assert_eq!(proxy.map(|it| (it.width, it.height)), Some((360, 640)));
    // PAL widescreen: 720×576 with pixels of 64:45 is 1024×576.
    let wide = LARGE.replace("1280x720", "720x576") + " -vf setsar=64/45";
    let wide = studio.ffmpeg(&wide, "wide.mp4");
    let (_, proxy) = with_proxy(&studio, &wide).await;
    assert_eq!(proxy.map(|it| (it.width, it.height)), Some((640, 360)));
}

#[tokio::test]
async fn clips_that_a_small_copy_would_not_stand_for_have_none() {
    let studio = Studio::open().await;
    let small = studio.clip("small.mp4", "");
    with_proxy(&studio, &small).await;
    let made = studio.path("proxy.mp4");
    assert!(!made.exists(), "its index says its size: none is tried");
    let upright = studio.ffmpeg(LARGE, "large.mp4");
    let turned = format!("-i {} -c copy -metadata:s:v rotate=90", upright.display());
    let turned = studio.ffmpeg(&turned, "turned.mp4");
    let fields = studio.ffmpeg(
        &format!("{LARGE} -vf tinterlace=interleave_top -flags +ildct+ilme"),
        "fields.mp4",
    );
    let sound = studio.ffmpeg("-f lavfi -i sine=duration=1", "sound.mp4");
    let empty = studio.ffmpeg("-f lavfi -i sine=duration=1 -c:a libopus", "sound.webm");
    let text = studio.file("text.mp4", "no film");
    for clip in [small, turned, fields, sound, empty, text] {
        let (facts, proxy) = with_proxy(&studio, &clip).await;
        assert_eq!(proxy, None, "{}", clip.display());
        assert_eq!(facts, studio.facts(&clip).await, "{}", clip.display());
    }
}
