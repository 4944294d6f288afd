//! What a player and a catalog get beside the film.

use botflix_common::film::Caption;
use botflix_common::hash::TaskKey;
use botflix_common::task::PackageSpec;
use botflix_media::package::package;

use crate::clips::{ffmpeg, ffprobe};
use crate::studio::Studio;

fn spec(poster_frames: Vec<u64>) -> PackageSpec {
    PackageSpec {
        film: TaskKey::of(b"film"),
        poster_frames,
        captions: Vec::new(),
        chapters: Vec::new(),
        total_seconds: 2.0,
    }
}

#[tokio::test]
async fn the_poster_is_a_candidate_that_shows_something() {
    let studio = Studio::open().await;
    let film = studio.path("film.mp4");
    // Black, then one grey, then a picture from frame 24 on.
    let source = "color=black:s=1440x810:r=24:d=0.5[a];color=gray:s=1440x810:r=24:d=0.5[b];testsrc2=s=1440x810:r=24:d=1[c];[a][b][c]concat=n=3";
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            source,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-pix_fmt",
            "yuv420p",
        ],
        &film,
    );

    let packaged = package(
        &studio.ctx,
        &spec(vec![3, 14, 24, 30]),
        &film,
        studio.dir.path(),
    )
    .await
    .unwrap();
    assert_eq!(
        packaged.poster_frame, 24,
        "the frame just after the cut, and not the one before it"
    );
    let size = ffprobe(
        &[
            "-show_entries",
            "stream=codec_name,width,height",
            "-of",
            "csv=p=0",
        ],
        &packaged.poster,
    );
    assert_eq!(size.trim(), "mjpeg,1280,720");
    assert_eq!((packaged.captions, packaged.chapters), (None, None));

    let packaged = package(&studio.ctx, &spec(vec![3, 900]), &film, studio.dir.path())
        .await
        .unwrap();
    assert_eq!(packaged.poster_frame, 3, "nothing better is to be had");
}

#[tokio::test]
async fn captions_survive_a_reader_of_webvtt() {
    let studio = Studio::open().await;
    let film = studio.path("film.mp4");
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=s=64x64:r=24:d=1",
            "-c:v",
            "libx264",
            "-pix_fmt",
            "yuv420p",
        ],
        &film,
    );
    let mut spec = spec(vec![0]);
    spec.captions.push(Caption {
        start_seconds: 0.5,
        end_seconds: 1.5,
        speaker: Some("Ann & Bob".to_owned()),
        text: "1 < 2 --> true &amp; fine".to_owned(),
    });
    let packaged = package(&studio.ctx, &spec, &film, studio.dir.path())
        .await
        .unwrap();
    let text = std::fs::read_to_string(packaged.captions.unwrap()).unwrap();
    assert_eq!(
        text,
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\n<v Ann &amp; Bob>1 &lt; 2 --&gt; true &amp;amp; fine\n"
    );
    assert_eq!(packaged.chapters, None);
}
