//! Conforming must not change what a picture looks like, however its clip stores it.

use crate::clips::{colours, ffmpeg};
use crate::studio::{Shot, Studio, format};

/// The mean colour of a conformed clip made of `source` with `encoder`.
async fn mean_colour(
    studio: &Studio,
    source: &str,
    encoder: &[&str],
    name: &str,
    say: impl FnOnce(&mut Shot),
) -> [u8; 3] {
    let clip = studio.path(name);
    let mut args = vec!["-f", "lavfi", "-i", source];
    args.extend(encoder);
    ffmpeg(&args, &clip);
    let mut shot = Shot::new(&clip, 6);
    say(&mut shot);
    let out = studio.path("segment.mp4");
    assert_eq!(
        studio.conformed(&shot, format("24"), &out).await.unwrap(),
        6
    );
    let colours = colours(&out);
    assert!(
        colours.iter().all(|colour| *colour == colours[0]),
        "{name}: {colours:?}"
    );
    colours[0]
}

fn near(measured: [u8; 3], expected: [u8; 3], tolerance: u8) -> bool {
    measured
        .iter()
        .zip(expected)
        .all(|(a, b)| a.abs_diff(b) <= tolerance)
}

#[tokio::test]
async fn full_range_transparent_and_interlaced_clips_keep_their_colours() {
    let studio = Studio::open().await;
    // Red of BT.709 in limited range is 63, 102, 240.
    let red = "color=red:s=320x180:r=24:d=0.5,scale=out_color_matrix=bt709";
    let x264 = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
    ];

    let untagged = mean_colour(&studio, red, &x264, "untagged.mp4", |_| {}).await;
    assert!(near(untagged, [63, 102, 240], 3), "untagged: {untagged:?}");

    // The same red in full range.
    let full =
        "color=black:s=320x180:r=24:d=0.5,format=yuv420p,geq=lum=54:cb=99:cr=255,setrange=full";
    let tagged = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-color_range",
        "pc",
    ];
    let full = mean_colour(&studio, full, &tagged, "full.mp4", |shot| {
        shot.source.full_range = true
    })
    .await;
    assert!(near(full, [63, 102, 240], 3), "full range: {full:?}");

    let half = "color=red@0.5:s=320x180:r=24:d=0.5,format=rgba,scale=out_color_matrix=bt709,format=yuva444p10le";
    let prores = [
        "-c:v",
        "prores_ks",
        "-profile:v",
        "4444",
        "-alpha_bits",
        "16",
    ];
    let alpha = mean_colour(&studio, half, &prores, "alpha.mov", |shot| {
        shot.source.alpha = true
    })
    .await;
    assert!(
        near(alpha, [39, 115, 184], 4),
        "half transparent over black: {alpha:?}"
    );

    let interlaced = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-flags",
        "+ilme+ildct",
    ];
    let interlaced = mean_colour(&studio, red, &interlaced, "fields.mp4", |shot| {
        shot.source.interlaced = true
    })
    .await;
    assert!(
        near(interlaced, [63, 102, 240], 3),
        "interlaced: {interlaced:?}"
    );
}

#[tokio::test]
async fn an_hdr_clip_is_tone_mapped_to_a_plain_picture() {
    let studio = Studio::open().await;
    // Grey of 100 cd/m² in PQ and BT.2020: about half of the PQ scale, and a plain mid grey of some brightness after tone mapping.
    let pq = "color=0x828282:s=320x180:r=24:d=0.5,scale=out_color_matrix=bt2020,format=yuv420p10le";
    let tagged = [
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p10le",
        "-color_primaries",
        "bt2020",
        "-color_trc",
        "smpte2084",
        "-colorspace",
        "bt2020nc",
    ];
    let hdr = mean_colour(&studio, pq, &tagged, "hdr.mp4", |shot| {
        shot.source.hdr = true
    })
    .await;
    assert!(
        (110..=210).contains(&hdr[0]) && near([128, hdr[1], hdr[2]], [128; 3], 3),
        "tone-mapped: {hdr:?}"
    );
}
