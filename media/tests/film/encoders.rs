//! Clips of different encoders in one film, by copy: the number burned into each picture is read back in ffmpeg and in Chromium.

use std::path::{Path, PathBuf};
use std::process::Command;

use botflix_common::film::VideoCodec;
use botflix_common::task::Verify;
use botflix_media::check::Ingredients;

use crate::clips::{ffmpeg, ffprobe, raw};
use crate::studio::{Film, Picture, Shot, Studio};

const BITS: u64 = 9;
const WIDTH: u64 = 320;
const HEIGHT: u64 = 180;
const FPS: &str = "24";

/// Settings of five encoders that share nothing: profile, level, references, reordering, entropy coding, delimiters.
const ENCODERS: [&str; 5] = [
    "-profile:v baseline -level 3.0 -refs 1 -bf 0 -g 10",
    "-profile:v main -level 3.1 -refs 3 -bf 2 -g 12 -x264-params open-gop=0:b-pyramid=0:b-adapt=0",
    "-profile:v high -level 4.0 -refs 5 -bf 3 -g 24 -x264-params open-gop=0:b-pyramid=normal:weightp=2",
    "-profile:v high -refs 2 -bf 1 -g 48 -x264-params open-gop=0:cabac=0:aud=1",
    "-profile:v high -refs 4 -bf 3 -g 16 -x264-params open-gop=0:repeat-headers=1:bluray-compat=1 -level 4.1",
];

/// A clip whose pictures show `first`, `first + 1`, …: a bar for each bit, the lowest on the left, white for 1.
fn numbered(first: u64, frames: u64, encoder: &str, out: &Path) {
    let picture = format!(
        "color=black:s={WIDTH}x{HEIGHT}:r={FPS},format=yuv420p,\
         geq=lum='if(mod(floor((N+{first})/pow(2,floor(X*{BITS}/W))),2),235,16)':cb=128:cr=128"
    );
    let tone = format!("sine=f={}:r=48000", 200 + first);
    let frames = frames.to_string();
    let mut args = vec!["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone];
    args.extend([
        "-frames:v",
        &frames,
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-sc_threshold",
        "0",
    ]);
    args.extend(encoder.split_whitespace());
    args.extend(["-c:a", "aac", "-b:a", "96k", "-shortest"]);
    ffmpeg(&args, out);
}

/// What a row of grey says.
fn number(row: &[u8]) -> u64 {
    (0..BITS)
        .map(|bit| u64::from(row[((2 * bit + 1) * WIDTH / (2 * BITS)) as usize] > 127) << bit)
        .sum()
}

/// The number in each picture, as ffmpeg decodes them from the start.
fn numbers(film: &Path) -> Vec<u64> {
    let row = format!(
        "crop={WIDTH}:2:0:{},format=gray,crop={WIDTH}:1:0:0",
        HEIGHT / 2
    );
    let args = [
        "-map",
        "0:v",
        "-vf",
        &row,
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
    ];
    raw(film, &args)
        .chunks_exact(WIDTH as usize)
        .map(number)
        .collect()
}

async fn film_of_five_encoders(studio: &Studio) -> Film {
    const FRAMES: u64 = 20;
    let mut shots = Vec::new();
    // Back to the first encoder at the end, and twice in a row.
    for (at, encoder) in [0, 1, 2, 3, 4, 0, 0, 2].into_iter().enumerate() {
        let clip = studio.path(&format!("clip-{at}.mp4"));
        numbered(at as u64 * FRAMES, FRAMES, ENCODERS[encoder], &clip);
        shots.push(Shot::new(&clip, FRAMES));
    }
    studio.film("film", Picture::Copied, FPS, &shots).await
}

#[tokio::test]
async fn clips_of_five_encoders_are_joined_by_copy_and_every_picture_is_read_back() {
    let studio = Studio::open().await;
    let film = film_of_five_encoders(&studio).await;
    assert_eq!(film.assembled.copied_frames, 160);
    studio.checked(&film).await.unwrap();
    let mut full = film.check.clone();
    full.verify = Verify::Full;
    botflix_media::check::check(&studio.ctx, &full, &film.file, film.ingredients())
        .await
        .unwrap();
    assert_eq!(numbers(&film.file), (0..160).collect::<Vec<_>>());
    // One sample entry, whose profile and level cover all: High at 4.1, of no special constraint.
    let bytes = std::fs::read(&film.file).unwrap();
    let entries: Vec<&[u8]> = bytes
        .windows(8)
        .filter(|window| window.starts_with(b"avcC"))
        .collect();
    assert_eq!(entries, [b"avcC\x01\x64\x00\x29"]);
    let start = [
        "-select_streams",
        "v",
        "-show_entries",
        "stream=start_pts",
        "-of",
        "csv=p=0",
    ];
    assert_eq!(ffprobe(&start, &film.file).trim(), "0");
    // A decoder that starts in the middle finds the sets that it needs.
    for frame in [7, 21, 39, 59, 75, 95, 103, 125, 145u64] {
        let between = format!("{}", (frame as f64 + 0.5) / 24.0);
        assert_eq!(
            number(&row_at(&film.file, &between)),
            frame + 1,
            "after {between} s"
        );
    }

    if let Some((node, modules)) = browser() {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/browser/frames.mjs");
        let output = Command::new(node)
            .arg(script)
            .arg(&film.file)
            .args(["160", FPS, &BITS.to_string()])
            .env("BOTFLIX_BROWSER_MODULES", modules)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        println!("{told}");
        assert!(
            output.status.success(),
            "{told}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            told.lines().filter(|line| line.starts_with("ok: ")).count(),
            2
        );
    }
}

/// The middle row of the first picture not before a time.
fn row_at(film: &Path, seconds: &str) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-ss", seconds, "-i"])
        .arg(film)
        .args([
            "-map",
            "0:v",
            "-frames:v",
            "1",
            "-vf",
            "format=gray",
            "-f",
            "rawvideo",
            "pipe:1",
        ])
        .output()
        .unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let middle = (HEIGHT / 2 * WIDTH) as usize;
    output.stdout[middle..middle + WIDTH as usize].to_vec()
}

/// Node's place and that of the modules. `None` on a bare laptop; `make test` sets `BOTFLIX_TEST_ALL`, and then it fails.
fn browser() -> Option<(&'static str, PathBuf)> {
    let named = std::env::var_os("BOTFLIX_BROWSER_MODULES").map(PathBuf::from);
    let modules = named.unwrap_or_else(|| {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/browser/node_modules")
    });
    let there =
        modules.join("playwright-core").is_dir() && Path::new("/usr/bin/chromium").is_file();
    assert!(
        there || std::env::var_os("BOTFLIX_TEST_ALL").is_none(),
        "not installed: chromium and playwright-core (`make setup-test` installs them)"
    );
    if !there {
        eprintln!("skipped: chromium and playwright-core are not installed");
    }
    there.then_some(("node", modules))
}

#[tokio::test]
async fn a_part_of_a_clip_is_copied_from_any_idr_and_refused_from_any_other_picture() {
    let studio = Studio::open().await;
    let (long, other) = (studio.path("long.mp4"), studio.path("other.mp4"));
    // Groups of 12: 100, 112, 124, 136, 148.
    numbered(100, 60, ENCODERS[1], &long);
    numbered(300, 30, ENCODERS[2], &other);
    let part = |clip: &Path, first: u64, frames| Shot {
        start_seconds: first as f64 / 24.0,
        ..Shot::new(clip, frames)
    };
    let shots = [
        part(&long, 24, 12),
        part(&other, 0, 30),
        part(&long, 0, 24),
        part(&long, 48, 12),
    ];
    let film = studio.film("film", Picture::Copied, FPS, &shots).await;
    studio.checked(&film).await.unwrap();
    let wanted: Vec<u64> = (124..136)
        .chain(300..330)
        .chain(100..124)
        .chain(148..160)
        .collect();
    assert_eq!(numbers(&film.file), wanted);

    for (first, frames, why) in [
        (30, 6, "not a key picture"),
        (24, 40, "past the end"),
        (24, 1_000_000_000_000, "far past the end"),
        (70, 1, "beyond the end"),
        (24, 2, "cut where pictures still refer to the next one"),
    ] {
        let mut spec = film.assemble.clone();
        spec.segments.truncate(1);
        spec.segments[0].frames = frames;
        if let botflix_common::task::SegmentSource::Copy { first_frame, .. } =
            &mut spec.segments[0].source
        {
            *first_frame = first;
        }
        let failure = botflix_media::assemble::assemble(
            &studio.ctx,
            &spec,
            &film.segments[..1],
            &film.sound_file,
            &studio.path("no.mp4"),
        )
        .await
        .expect_err(why)
        .failure();
        assert_eq!(failure.code, "segment_not_as_planned", "{why}");
    }
}

#[tokio::test]
async fn clips_that_cannot_share_a_track_are_refused_by_name() {
    let studio = Studio::open().await;
    let fits = studio.path("fits.mp4");
    numbered(0, 12, ENCODERS[1], &fits);
    let film = studio
        .film("film", Picture::Copied, FPS, &[Shot::new(&fits, 12)])
        .await;
    for (name, args) in [
        ("matroska.mkv", "-c copy"),
        (
            "fragments.mp4",
            "-c copy -movflags frag_keyframe+empty_moov",
        ),
        (
            "small.mp4",
            "-vf scale=160:90 -c:v libx264 -preset ultrafast",
        ),
        ("other.mp4", "-c:v mpeg4"),
        // Packets stay, an edit list hides some.
        ("hidden.mp4", "-c copy"),
    ] {
        let clip = studio.path(name);
        let mut all = Vec::new();
        if name == "hidden.mp4" {
            all.extend(["-ss", "0.2"]);
        }
        all.extend(["-i", fits.to_str().unwrap()]);
        all.extend(args.split_whitespace());
        ffmpeg(&all, &clip);
        let failure = botflix_media::assemble::assemble(
            &studio.ctx,
            &film.assemble,
            &[clip],
            &film.sound_file,
            &studio.path("no.mp4"),
        )
        .await
        .expect_err(name)
        .failure();
        assert_eq!(failure.code, "segments_not_joinable", "{name}");
    }
}

#[tokio::test]
async fn segments_of_hevc_and_of_av1_are_joined_where_their_decoders_are_set_up_alike() {
    let studio = Studio::open().await;
    let base = studio.path("base.mp4");
    numbered(0, 12, ENCODERS[1], &base);
    let film = studio
        .film(
            "film",
            Picture::Copied,
            FPS,
            &[Shot::new(&base, 12), Shot::new(&base, 12)],
        )
        .await;
    for (codec, name, encoder) in [
        (
            VideoCodec::Hevc,
            "hevc.mp4",
            "-c:v libx265 -preset ultrafast -x265-params log-level=error:open-gop=0",
        ),
        (VideoCodec::Av1, "av1.mp4", "-c:v libsvtav1 -preset 12"),
    ] {
        let clip = studio.path(name);
        let mut args = vec!["-i", base.to_str().unwrap(), "-an"];
        args.extend(encoder.split_whitespace());
        ffmpeg(&args, &clip);
        let (mut assemble, mut check) = (film.assemble.clone(), film.check.clone());
        (assemble.codec, check.codec) = (codec, codec);
        let out = studio.path("joined.mp4");
        let segments = [clip.clone(), clip];
        let made = botflix_media::assemble::assemble(
            &studio.ctx,
            &assemble,
            &segments,
            &film.sound_file,
            &out,
        )
        .await
        .unwrap();
        check.verify = Verify::Full;
        // The second would begin with the film's end.
        check.chapters = 1;
        let from = Ingredients {
            picture_digest: &made.picture_digest,
            sound: film.sound,
        };
        botflix_media::check::check(&studio.ctx, &check, &out, from.clone())
            .await
            .unwrap();
        check.verify = Verify::Joins;
        botflix_media::check::check(&studio.ctx, &check, &out, from)
            .await
            .unwrap();
        let shown: Vec<u64> = (0..12).chain(0..12).collect();
        assert_eq!(numbers(&out), shown, "{name}");
    }
}
