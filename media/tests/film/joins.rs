//! Joins: by copy and after conforming, at every rate, every frame in its place.

use std::path::PathBuf;

use crate::clips::{self, colours, counted, ffprobe};
use crate::studio::{CAPTION, CHAPTER, Film, Picture, Shot, Studio, TITLE};

const FRAMES: u64 = 36;

async fn three_copied(studio: &Studio, name: &str) -> Film {
    let mut shots = Vec::new();
    for number in 0..3 {
        let clip = studio.path(&format!("clip-{number}.mp4"));
        if !clip.exists() {
            counted(number, FRAMES as u32, "24", &clip);
        }
        shots.push(Shot::new(&clip, FRAMES));
    }
    studio.film(name, Picture::Copied, "24", &shots).await
}

#[tokio::test]
async fn compatible_clips_are_joined_by_copy_with_every_frame_in_its_place() {
    let studio = Studio::open().await;
    let film = three_copied(&studio, "film").await;
    assert_eq!(film.assembled.frames, 3 * FRAMES);
    let checked = studio.checked(&film).await.unwrap();
    assert_eq!(checked.film.frames, 3 * FRAMES);
    assert!(
        (checked.film.audio_seconds - checked.film.video_seconds).abs() < 0.0005,
        "{checked:?}"
    );
    assert!((checked.film.video_seconds - 4.5).abs() < 1e-9);

    let has_b_frames = ffprobe(
        &[
            "-select_streams",
            "v",
            "-show_entries",
            "stream=has_b_frames",
            "-of",
            "csv=p=0",
        ],
        &film.file,
    );
    assert_eq!(
        has_b_frames.trim(),
        "2",
        "the case with reordered pictures is meant"
    );
    for (frame, [luma, blue, _]) in colours(&film.file).into_iter().enumerate() {
        let (clip, n) = (frame as u64 / FRAMES, frame as u64 % FRAMES);
        assert!(
            u64::from(luma).abs_diff(20 + 5 * n) <= 2,
            "frame {frame}: luma {luma}"
        );
        assert!(
            u64::from(blue).abs_diff(60 + 60 * clip) <= 6,
            "frame {frame}: blue {blue}"
        );
    }
}

#[tokio::test]
async fn copies_with_rounded_times_or_a_late_start_land_on_the_frame_grid() {
    let studio = Studio::open().await;
    for rate in ["24", "30000/1001"] {
        let plain = studio.path("plain.mp4");
        counted(0, FRAMES as u32, rate, &plain);
        let mut shots = vec![Shot::new(&plain, FRAMES)];
        for (name, args) in [
            ("late.mp4", vec!["-c", "copy", "-output_ts_offset", "1.3"]),
            // Milliseconds: two of three pictures are off their place.
            (
                "coarse.mp4",
                vec!["-c", "copy", "-video_track_timescale", "1000"],
            ),
        ] {
            let clip = studio.path(name);
            let mut all = vec!["-i", plain.to_str().unwrap()];
            all.extend(args);
            clips::ffmpeg(&all, &clip);
            shots.push(Shot::new(&clip, FRAMES));
        }
        let film = studio.film("film", Picture::Copied, rate, &shots).await;
        studio.checked(&film).await.unwrap();
        for (frame, [luma, ..]) in colours(&film.file).into_iter().enumerate() {
            let expected = 20 + 5 * (frame as u64 % FRAMES);
            assert!(
                u64::from(luma).abs_diff(expected) <= 2,
                "{rate}, frame {frame}: luma {luma}"
            );
        }
    }
}

#[tokio::test]
async fn the_same_input_gives_the_same_bytes() {
    let studio = Studio::open().await;
    let first = three_copied(&studio, "first").await;
    let second = three_copied(&studio, "second").await;
    assert_eq!(first.assembled, second.assembled);
    assert!(
        std::fs::read(&first.sound_file).unwrap() == std::fs::read(&second.sound_file).unwrap()
    );
    assert!(std::fs::read(&first.file).unwrap() == std::fs::read(&second.file).unwrap());
}

#[tokio::test]
async fn titles_chapters_captions_and_languages_arrive_as_they_were_written() {
    let studio = Studio::open().await;
    let film = three_copied(&studio, "film").await;
    let said = ffprobe(
        &[
            "-show_entries",
            "format_tags=title",
            "-of",
            "default=nw=1:nk=1",
        ],
        &film.file,
    );
    assert_eq!(said.trim(), TITLE);
    let said = ffprobe(
        &[
            "-show_entries",
            "chapter_tags=title",
            "-of",
            "default=nw=1:nk=1",
        ],
        &film.file,
    );
    assert_eq!(said.lines().collect::<Vec<_>>(), ["One", CHAPTER]);
    let said = ffprobe(
        &[
            "-show_entries",
            "stream=codec_name:stream_tags=language",
            "-of",
            "csv=p=0",
        ],
        &film.file,
    );
    assert!(
        said.contains("aac,deu") && said.contains("mov_text,deu"),
        "{said}"
    );
    let said = ffprobe(
        &[
            "-select_streams",
            "s",
            "-show_entries",
            "stream_disposition=default",
            "-of",
            "csv=p=0",
        ],
        &film.file,
    );
    assert_eq!(said.trim(), "0", "captions are off until the viewer asks");
    let bytes = std::fs::read(&film.file).unwrap();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(
        holds(&format!("Ann: {CAPTION}")),
        "the caption is text, untouched"
    );
    assert!(
        !holds("Lavf") && !holds("Lavc"),
        "no encoder in the metadata"
    );
}

/// Clips that agree in nothing: size, shape, rate, scan, sound.
fn mixed_bag(studio: &Studio) -> Vec<(PathBuf, bool)> {
    let bag = [
        (
            "wide.mp4",
            "testsrc2=s=320x180:r=24:d=1",
            Some("sine=f=300:r=48000:d=1"),
            vec!["-ac", "2"],
        ),
        (
            "old.mp4",
            "testsrc2=s=240x180:r=25:d=1",
            Some("sine=f=400:r=44100:d=1"),
            vec!["-ac", "1"],
        ),
        ("phone.mp4", "testsrc2=s=180x320:r=30:d=1", None, vec![]),
        (
            "odd.mkv",
            "testsrc2=s=322x182:r=30000/1001:d=1,select='mod(n,5)'",
            Some("anoisesrc=a=0.1:r=48000:d=0.7:seed=1"),
            vec!["-fps_mode", "vfr"],
        ),
    ];
    bag.into_iter()
        .map(|(name, picture, sound, extra)| {
            let clip = studio.path(name);
            let mut args = vec!["-f", "lavfi", "-i", picture];
            if let Some(sound) = sound {
                args.extend(["-f", "lavfi", "-i", sound, "-c:a", "aac"]);
            }
            args.extend([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-pix_fmt",
                "yuv420p",
            ]);
            args.extend(extra);
            clips::ffmpeg(&args, &clip);
            (clip, sound.is_some())
        })
        .collect()
}

async fn a_film_of_a_mixed_bag(fps: &str) {
    let studio = Studio::open().await;
    let bag = mixed_bag(&studio);
    let four = bag.iter().enumerate().map(|(number, (clip, has_sound))| {
        let mut shot = Shot::new(clip, 9 + number as u64);
        shot.start_seconds = 0.1 * number as f64;
        shot.sound = has_sound.then_some(0.0);
        shot
    });
    // Odd counts of frames: boundaries that fall between samples, many times over.
    let shots: Vec<Shot> = four
        .collect::<Vec<_>>()
        .into_iter()
        .cycle()
        .take(13)
        .collect();
    let frames: u64 = shots.iter().map(|shot| shot.frames).sum();
    let film = studio.film("film", Picture::Conformed, fps, &shots).await;
    let checked = studio.checked(&film).await.unwrap();
    assert_eq!(
        (film.assembled.frames, checked.film.frames),
        (frames, frames)
    );
    assert_eq!(colours(&film.file).len() as u64, frames);
    assert!(
        (checked.film.audio_seconds - checked.film.video_seconds).abs() < 0.0005,
        "{checked:?}"
    );
}

#[tokio::test]
async fn clips_that_agree_in_nothing_make_a_film_at_24() {
    a_film_of_a_mixed_bag("24").await;
}

#[tokio::test]
async fn clips_that_agree_in_nothing_make_a_film_at_24000_1001() {
    a_film_of_a_mixed_bag("24000/1001").await;
}

#[tokio::test]
async fn clips_that_agree_in_nothing_make_a_film_at_30000_1001() {
    a_film_of_a_mixed_bag("30000/1001").await;
}
