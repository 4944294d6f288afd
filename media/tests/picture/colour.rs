//! Conforming must not change what a picture looks like, however its clip stores it.

use crate::clips::ffmpeg;
use crate::stage::{Stage, clip, look, spec};
use botflix_common::film::Rgb;
use botflix_common::task::ConformSpec;

/// The mean colour of a conformed clip made of `source` with `encoder`.
async fn mean_colour(
    stage: &Stage,
    source: &str,
    encoder: &[&str],
    name: &str,
    say: impl FnOnce(&mut ConformSpec),
) -> [u8; 3] {
    let file = stage.path(name);
    let mut args = vec!["-f", "lavfi", "-i", source];
    args.extend(encoder);
    ffmpeg(&args, &file);
    let mut spec = spec(clip(&file), 6);
    say(&mut spec);
    let colours = stage.seen(&spec, &[&file]).await;
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
    let stage = Stage::open().await;
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

    let untagged = mean_colour(&stage, red, &x264, "untagged.mp4", |_| {}).await;
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
    let full = mean_colour(&stage, full, &tagged, "full.mp4", |spec| {
        look(&mut spec.picture).full_range = true
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
    let alpha = mean_colour(&stage, half, &prores, "alpha.mov", |spec| {
        look(&mut spec.picture).alpha = true
    })
    .await;
    assert!(
        near(alpha, [39, 115, 184], 4),
        "half transparent over black: {alpha:?}"
    );

    // Over white instead: half of each.
    let over_white = mean_colour(&stage, half, &prores, "white.mov", |spec| {
        look(&mut spec.picture).alpha = true;
        spec.picture.background = Rgb::WHITE;
    })
    .await;
    assert!(
        near(over_white, [149, 115, 184], 4),
        "half transparent over white: {over_white:?}"
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
    let interlaced = mean_colour(&stage, red, &interlaced, "fields.mp4", |spec| {
        look(&mut spec.picture).interlaced = true
    })
    .await;
    assert!(
        near(interlaced, [63, 102, 240], 3),
        "interlaced: {interlaced:?}"
    );
}

#[tokio::test]
async fn an_hdr_clip_is_tone_mapped_to_a_plain_picture() {
    let stage = Stage::open().await;
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
    let hdr = mean_colour(&stage, pq, &tagged, "hdr.mp4", |spec| {
        look(&mut spec.picture).hdr = true
    })
    .await;
    assert!(
        (110..=210).contains(&hdr[0]) && near([128, hdr[1], hdr[2]], [128; 3], 3),
        "tone-mapped: {hdr:?}"
    );
}

/// The mean colour of a conformed clip that is tagged as BT.2020 of this transfer.
async fn of_bt2020(stage: &Stage, source: &str, transfer: &str, format: &str) -> [u8; 3] {
    let encoder = format!(
        "-c:v libx264 -preset ultrafast -pix_fmt {format} -color_primaries bt2020 -color_trc {transfer} -colorspace bt2020nc"
    );
    let encoder: Vec<_> = encoder.split(' ').collect();
    mean_colour(stage, source, &encoder, "wide.mp4", |spec| {
        let look = look(&mut spec.picture);
        look.hdr = transfer == "smpte2084";
        look.matrix = Some("bt2020nc".to_owned());
        look.primaries = Some("bt2020".to_owned());
    })
    .await
}

#[tokio::test]
async fn wide_colours_of_an_sdr_clip_are_brought_into_the_films_primaries() {
    let stage = Stage::open().await;
    // The red of BT.709 as BT.2020 writes it: with the matrix alone it would stay a dull 192.
    let red = "color=black:s=320x180:r=24:d=0.5,format=yuv420p,geq=lum=97:cb=93:cr=192";
    let wide = of_bt2020(&stage, red, "bt709", "yuv420p").await;
    assert!(
        near([63, 102, 240], wide, 12) && wide[2] > 225,
        "red of BT.709: {wide:?}"
    );
}

#[tokio::test]
async fn colours_beyond_the_films_primaries_go_to_the_edge_of_what_it_shows() {
    let stage = Stage::open().await;
    // The red of BT.2020 itself, which BT.709 does not have: its own is 63, 102, 240.
    let red = "color=black:s=320x180:r=24:d=0.5,format=yuv420p,geq=lum=74:cb=97:cr=240";
    let wide = of_bt2020(&stage, red, "bt709", "yuv420p").await;
    assert!(near([63, 102, 240], wide, 3), "red of BT.2020: {wide:?}");

    // 270, 10 and 12 cd/m² in BT.2020 are 441, −22 and 8 in BT.709. Hable's curve makes R'G'B' 229, 0, 43 of them.
    let red = "color=black:s=320x180:r=24:d=0.5,format=yuv420p10le,geq=lum=400:cb=480:cr=650";
    let hdr = of_bt2020(&stage, red, "smpte2084", "yuv420p10le").await;
    assert!(near([60, 124, 226], hdr, 3), "red of PQ: {hdr:?}");
}
