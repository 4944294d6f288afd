//! A film that is not what was planned must not pass.

use std::path::{Path, PathBuf};

use botflix_common::failure::FailureClass;
use botflix_common::film::Loudness;
use botflix_media::assemble::assemble;
use botflix_media::check::{check, examine};

use crate::clips::{counted, ffmpeg};
use crate::studio::{Film, Picture, Shot, Studio};

async fn original(studio: &Studio) -> Film {
    let shots: Vec<Shot> = (0..2)
        .map(|number| {
            let clip = studio.path(&format!("clip-{number}.mp4"));
            counted(number, 24, "24", &clip);
            Shot::new(&clip, 24)
        })
        .collect();
    studio.film("film", Picture::Copied, "24", &shots).await
}

/// The message of the refusal.
async fn refused(studio: &Studio, film: &Film, tampered: &Path) -> String {
    let failure = check(&studio.ctx, &film.check, tampered, film.ingredients())
        .await
        .expect_err("a tampered film must not pass")
        .failure();
    assert_eq!(
        (failure.class, failure.code.as_str()),
        (FailureClass::Permanent, "film_failed_check")
    );
    failure.message
}

fn remade(studio: &Studio, film: &Film, name: &str, args: &[&str]) -> PathBuf {
    let out = studio.path(name);
    let same =
        "-map 0:v -map 0:a -map 0:s -c copy -video_track_timescale 12288 -movie_timescale 48000";
    let mut all = vec!["-i", film.file.to_str().unwrap()];
    all.extend(same.split_whitespace());
    all.extend(args);
    ffmpeg(&all, &out);
    out
}

#[tokio::test]
async fn a_film_fails_that_lost_a_packet_or_its_chapters_or_whose_sound_is_short_late_or_loud() {
    let studio = Studio::open().await;
    let film = original(&studio).await;
    studio.checked(&film).await.unwrap();
    let front = "-movflags +faststart";
    for (name, change, complaint) in [
        (
            "dropped",
            format!("{front} -bsf:v noise=drop='eq(n,30)'"),
            "47 pictures instead of 48",
        ),
        (
            "short",
            format!("{front} -c:a aac -af atrim=end=1.9"),
            "sound samples decode",
        ),
        (
            "late",
            format!("{front} -c:a aac -af asetpts=PTS+0.05/TB"),
            "does not start at 0",
        ),
        (
            "loud",
            format!("{front} -c:a aac -b:a 192k -af volume=24dB"),
            "true peak",
        ),
        (
            "other",
            format!("{front} -c:a aac -b:a 192k"),
            "the sound is not that of the mix",
        ),
        (
            "bare",
            "-map_chapters -1".to_owned(),
            "0 chapters instead of 2; the index comes after",
        ),
    ] {
        let args: Vec<&str> = change.split_whitespace().collect();
        let tampered = remade(&studio, &film, &format!("{name}.mp4"), &args);
        let message = refused(&studio, &film, &tampered).await;
        assert!(message.contains(complaint), "{name}: {message}");
    }
}

#[tokio::test]
async fn a_film_with_two_segments_swapped_fails_and_one_with_a_segment_too_long_is_not_joined() {
    let studio = Studio::open().await;
    let mut film = original(&studio).await;
    let mut swapped = film.segments.clone();
    swapped.reverse();
    let tampered = studio.path("swapped.mp4");
    let assembled = assemble(
        &studio.ctx,
        &film.assemble,
        &swapped,
        &film.sound_file,
        &tampered,
    )
    .await
    .unwrap();
    assert_ne!(assembled.picture_digest, film.assembled.picture_digest);
    let message = refused(&studio, &film, &tampered).await;
    assert!(
        message.ends_with("the pictures are not those of the segments, in their order"),
        "{message}"
    );

    film.assemble.segments[0].frames = 23;
    let failure = assemble(
        &studio.ctx,
        &film.assemble,
        &film.segments,
        &film.sound_file,
        &studio.path("no.mp4"),
    )
    .await
    .expect_err("a frame too many")
    .failure();
    assert_eq!(failure.code, "segment_not_as_planned");
}

#[tokio::test]
async fn a_film_fails_that_shows_something_else_than_its_clip_where_a_segment_starts() {
    let studio = Studio::open().await;
    let mut film = original(&studio).await;
    let luma = |clip: &Path| {
        let raw = studio.path("first.gray");
        let first = "-frames:v 1 -vf extractplanes=y -f rawvideo";
        let mut args = vec!["-i", clip.to_str().unwrap()];
        args.extend(first.split_whitespace());
        ffmpeg(&args, &raw);
        crc32fast::hash(&std::fs::read(&raw).unwrap())
    };
    for (join, clip) in film.check.joins.iter_mut().zip(&film.segments) {
        join.luma_crc = Some(luma(clip));
    }
    studio.checked(&film).await.unwrap();
    let shown = &mut film.check.joins[1].luma_crc;
    *shown = shown.map(|crc| crc ^ 1);
    let message = refused(&studio, &film, &film.file).await;
    assert!(
        message.ends_with("frame 24, where a segment starts, does not show what its clip shows"),
        "{message}"
    );
}

#[tokio::test]
async fn a_film_with_one_byte_changed_in_a_picture_fails_though_it_decodes() {
    let studio = Studio::open().await;
    let film = original(&studio).await;
    let mut bytes = std::fs::read(&film.file).unwrap();
    // The user message of the first encoder: no decoder minds it.
    let message = bytes.windows(4).position(|four| four == b"x264").unwrap();
    bytes[message] = b'y';
    let tampered = studio.path("changed.mp4");
    std::fs::write(&tampered, bytes).unwrap();
    let message = refused(&studio, &film, &tampered).await;
    assert!(
        message.ends_with("the pictures are not those of the segments, in their order"),
        "{message}"
    );
}

#[tokio::test]
async fn a_film_examined_without_its_plan_is_clean_and_a_worse_one_is_told_what_is_wrong() {
    let studio = Studio::open().await;
    let film = original(&studio).await;
    let rules = async |file: &Path| -> Vec<String> {
        let examined = examine(&studio.ctx, file, Loudness::default())
            .await
            .unwrap();
        examined
            .findings
            .into_iter()
            .map(|found| found.rule)
            .collect()
    };
    let examined = examine(&studio.ctx, &film.file, Loudness::default())
        .await
        .unwrap();
    assert_eq!(
        (examined.chapters, examined.captions, examined.index_first),
        (2, 1, Some(true))
    );
    assert_eq!(examined.facts.video.as_ref().unwrap().frames, 48);
    assert!(
        examined.drift_seconds.unwrap().abs() < 0.025,
        "{examined:?}"
    );
    let of_the_film = |rule: &String| rule.starts_with("film_") || rule.contains("peak");
    assert!(!rules(&film.file).await.iter().any(of_the_film));

    let worse = remade(
        &studio,
        &film,
        "worse.mp4",
        &[
            "-c:a",
            "aac",
            "-b:a",
            "192k",
            "-af",
            "volume=24dB,atrim=end=1.5",
        ],
    );
    let found = rules(&worse).await;
    for rule in [
        "film_drift",
        "film_index_last",
        "loudness_off_target",
        "true_peak_high",
    ] {
        assert!(
            found.iter().any(|other| other == rule),
            "{rule} in {found:?}"
        );
    }
    for (rule, change) in [
        ("film_without_sound", "-an"),
        ("film_rate_varies", "-bsf:v setts=ts=TS+256*gt(N\\,20)"),
        (
            "film_colour_tags",
            "-bsf:v h264_metadata=matrix_coefficients=6",
        ),
    ] {
        let change: Vec<&str> = change.split_whitespace().collect();
        let odd = remade(&studio, &film, &format!("{rule}.mp4"), &change);
        let found = rules(&odd).await;
        assert!(
            found.iter().any(|other| other == rule),
            "{rule} in {found:?}"
        );
    }
    let text = studio.path("film.txt");
    std::fs::write(&text, "no film").unwrap();
    let examined = examine(&studio.ctx, &text, Loudness::default())
        .await
        .unwrap();
    assert!(!examined.facts.defects.is_empty());
}
