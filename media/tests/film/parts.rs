//! What a player and a catalog get beside the film.

use std::path::{Path, PathBuf};

use botflix_common::film::Caption;
use botflix_common::hash::TaskKey;
use botflix_common::task::PackageSpec;
use botflix_media::film::Film;
use botflix_media::look::{Pictures, Wanted, look};
use botflix_media::package::texts;

use crate::clips::{colours, cropped_colours, ffmpeg, ffprobe, lumas};
use crate::studio::{Picture, Shot, Studio};

/// Of a film of 24 pictures per second.
async fn pictures(studio: &Studio, film: &Path, posters: Vec<u64>, total_seconds: f64) -> Pictures {
    let wanted = Wanted {
        joins: Vec::new(),
        posters,
        fps: 24.0,
        total_seconds,
    };
    let film = Film::open(&studio.ctx, film).await.unwrap();
    let looked = look(&studio.ctx, &film, &wanted, studio.dir.path()).await;
    looked.unwrap().unwrap().pictures
}

fn frames(pictures: &Pictures) -> Vec<u64> {
    pictures.posters.iter().map(|(_, frame)| *frame).collect()
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

    let seen = pictures(&studio, &film, vec![3, 14, 24, 30], 2.0).await;
    assert!(
        matches!(frames(&seen)[..], [24, 30, _] | [30, 24, _]),
        "{seen:?}: those behind the cut, and not the one before it, come first"
    );
    let size = ffprobe(
        &[
            "-show_entries",
            "stream=codec_name,width,height",
            "-of",
            "csv=p=0",
        ],
        &seen.posters[0].0,
    );
    assert_eq!(size.trim(), "mjpeg,1280,720");

    let seen = pictures(&studio, &film, vec![3, 900], 2.0).await;
    assert_eq!(frames(&seen), [3], "nothing better is to be had");
}

#[tokio::test]
async fn shots_that_open_in_black_are_seen_where_they_are_not() {
    let studio = Studio::open().await;
    let film = studio.path("film.mp4");
    // Each second begins with a key picture and half a second of black.
    let source =
        "testsrc2=s=320x180:r=24:d=2,drawbox=c=black:t=fill:enable='lt(mod(t\\,1)\\,0.49)'";
    let x264 = "-c:v libx264 -preset ultrafast -g 24 -keyint_min 24 -sc_threshold 0";
    let mut args = vec!["-f", "lavfi", "-i", source];
    args.extend(x264.split_whitespace());
    ffmpeg(&args, &film);

    let mut frames = frames(&pictures(&studio, &film, vec![18, 42], 2.0).await);
    frames.sort_unstable();
    assert_eq!(frames, [18, 42]);
}

#[tokio::test]
async fn captions_survive_a_reader_of_webvtt() {
    let dir = tempfile::tempdir().unwrap();
    let spec = PackageSpec {
        check: TaskKey::of(b"check"),
        captions: vec![Caption {
            start_seconds: 0.5,
            end_seconds: 1.5,
            speaker: Some("Ann & Bob".to_owned()),
            text: "1 < 2 --> true &amp; fine".to_owned(),
        }],
        chapters: Vec::new(),
        total_seconds: 2.0,
    };
    let texts = texts(&spec, dir.path()).await.unwrap();
    let text = std::fs::read_to_string(texts.captions.unwrap()).unwrap();
    assert_eq!(
        text,
        "WEBVTT\n\n00:00:00.500 --> 00:00:01.500\n<v Ann &amp; Bob>1 &lt; 2 --&gt; true &amp;amp; fine\n"
    );
    assert_eq!(texts.chapters, None);
}

/// Four shots of a second, each of one colour with a pattern of its own, and a key picture at the start of each.
fn four_shots(studio: &Studio) -> PathBuf {
    let film = studio.path("shots.mp4");
    let shot = |colour: u32| {
        format!(
            "color=black:s=640x360:r=24:d=1,format=yuv420p,geq=lum='110+60*mod(floor(X/{0})+floor(Y/{0}),2)':cb={1}:cr=128",
            10 * colour,
            78 + 20 * colour
        )
    };
    let source = format!(
        "{}[a];{}[b];{}[c];{}[d];[a][b][c][d]concat=n=4",
        shot(1),
        shot(2),
        shot(3),
        shot(4)
    );
    let x264 = "-c:v libx264 -preset veryfast -bf 2 -g 24 -keyint_min 24 -sc_threshold 0";
    let mut args = vec!["-f", "lavfi", "-i", &source];
    args.extend(x264.split_whitespace());
    ffmpeg(&args, &film);
    film
}

#[tokio::test]
async fn three_posters_come_from_different_shots_and_the_storyboard_shows_what_its_text_says() {
    let studio = Studio::open().await;
    let film = four_shots(&studio);
    let candidates = vec![5, 7, 30, 53, 80, 95];
    let first = pictures(&studio, &film, candidates.clone(), 4.0).await;
    let frames = frames(&first);
    assert_eq!(frames.len(), 3);
    let mut seen: Vec<u64> = frames.iter().map(|frame| frame / 24).collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), 3, "{frames:?}: one shot each");
    for (poster, frame) in &first.posters {
        // A JPEG of another frame would have another blue difference.
        let [_, blue, _] = colours(poster)[0];
        let wanted = 78 + 20 * (frame / 24 + 1);
        assert!(
            u64::from(blue).abs_diff(wanted) <= 8,
            "frame {frame}: {blue}"
        );
    }

    // A tile for each second, which is a shot.
    let (sheet, cues) = first.storyboard;
    let text = std::fs::read_to_string(cues).unwrap();
    let cue = |at: u32| {
        let x = 160 * at;
        let end = at + 1;
        format!("\n00:00:0{at}.000 --> 00:00:0{end}.000\nstoryboard.jpg#xywh={x},0,160,90\n")
    };
    assert_eq!(
        text,
        "WEBVTT\n".to_owned() + &(0..4).map(cue).collect::<String>()
    );
    let size = ["-show_entries", "stream=width,height", "-of", "csv=p=0"];
    assert_eq!(ffprobe(&size, &sheet).trim(), "640,90");
    for tile in 0..4 {
        let [_, blue, _] = cropped_colours(&sheet, &format!("160:90:{}:0", 160 * tile))[0];
        let wanted = 78 + 20 * (tile + 1);
        assert!(i32::from(blue).abs_diff(wanted) <= 6, "tile {tile}: {blue}");
    }

    // The same bytes again.
    let bytes = |pictures: &[(PathBuf, u64)]| -> Vec<Vec<u8>> {
        let posters = pictures.iter().map(|(poster, _)| poster);
        posters
            .map(|poster| std::fs::read(poster).unwrap())
            .collect()
    };
    let before = bytes(&first.posters);
    let second = pictures(&studio, &film, candidates, 4.0).await;
    assert!(bytes(&second.posters) == before);
}

#[tokio::test]
async fn a_join_is_seen_once_though_it_is_a_tile_and_a_poster_too() {
    let studio = Studio::open().await;
    let file = four_shots(&studio);
    let wanted = Wanted {
        joins: vec![0, 24, 48, 72],
        posters: vec![0, 48],
        fps: 24.0,
        // A tile only: the other joins are decoded for themselves.
        total_seconds: 400.0,
    };
    let film = Film::open(&studio.ctx, &file).await.unwrap();
    let looked = look(&studio.ctx, &film, &wanted, studio.dir.path()).await;
    let looked = looked.unwrap().unwrap();
    let all = lumas(&file, 640 * 360);
    let wanted: Vec<u32> = [0, 24, 48, 72]
        .map(|at: usize| crc32fast::hash(&all[at]))
        .to_vec();
    assert_eq!(looked.luma_crcs, wanted);
    assert_eq!(looked.errors, 0);
}

#[tokio::test]
async fn damage_inside_of_a_clip_that_decoders_conceal_is_no_fault_of_the_film() {
    let studio = Studio::open().await;
    let (whole, clip) = (studio.path("whole.mp4"), studio.path("damaged.mp4"));
    let mut args = "-f lavfi -i testsrc2=s=320x180:r=24:d=2 -f lavfi -i sine=f=300:r=48000:d=2 -c:v libx264 -preset veryfast -bf 2 \
        -g 24 -keyint_min 24 -sc_threshold 0 -x264-params stitchable=1:open-gop=0 -pix_fmt yuv420p -c:a aac -b:a 96k -shortest"
        .split_whitespace()
        .collect::<Vec<_>>();
    ffmpeg(&args, &whole);
    // The second key picture: no join is there, but a tile of the storyboard.
    args = vec!["-i", whole.to_str().unwrap(), "-c", "copy"];
    args.extend(["-bsf:v", "noise=amount='if(eq(n,24),400,0)'"]);
    ffmpeg(&args, &clip);
    let film = Film::open(&studio.ctx, &clip).await.unwrap();
    let wanted = Wanted {
        joins: vec![0],
        posters: vec![24],
        fps: 24.0,
        total_seconds: 2.0,
    };
    let looked = look(&studio.ctx, &film, &wanted, studio.dir.path()).await;
    assert!(looked.unwrap().unwrap().errors > 0, "it is damaged");

    let shots = [Shot::new(&clip, 48)];
    let film = studio.film("film", Picture::Copied, "24", &shots).await;
    let checked = studio.checked(&film).await.unwrap();
    assert!(!checked.pictures.posters.is_empty());
}
