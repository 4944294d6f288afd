//! Every example manifest is rendered, measured by a stranger's tool, and held against what it should come to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod shell;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use botflix_testkit::film;
use serde_json::Value;
use shell::{Place, code, err, last_json, local_render};

/// An example and what its film must be.
struct Example {
    name: &'static str,
    size: (u64, u64),
    frames: u64,
    /// Where ledger rows begin, in frames of the film.
    shots: &'static [u64],
    codec: &'static str,
}

const fn plain(name: &'static str, frames: u64, shots: &'static [u64]) -> Example {
    Example {
        name,
        size: (320, 180),
        frames,
        shots,
        codec: "h264",
    }
}

const EXAMPLES: &[Example] = &[
    plain("episode", 50, &[0]),
    plain("trim", 45, &[0, 25]),
    plain("free-tier", 60, &[0, 30]),
    plain("motion", 25, &[0]),
    plain("colour", 65, &[0, 15]),
    plain("dissolve", 90, &[0, 40]),
    plain("fade", 88, &[0, 38]),
    plain("titles", 100, &[0, 50]),
    plain("captions", 100, &[0, 50]),
    plain("chapters", 100, &[0, 50]),
    plain("ducking", 50, &[0]),
    plain("loop", 100, &[0, 50]),
    plain("tracks", 100, &[0, 50]),
    plain("shot-audio", 100, &[0, 50]),
    plain("loudness", 100, &[0, 50]),
    plain("cover", 100, &[0, 38, 75]),
    Example {
        size: (240, 180),
        ..plain("format", 96, &[0, 48])
    },
    Example {
        size: (160, 90),
        ..plain("draft", 100, &[0, 50])
    },
    plain("high", 60, &[0]),
    Example {
        codec: "hevc",
        ..plain("hevc", 50, &[0])
    },
    Example {
        codec: "av1",
        ..plain("av1", 25, &[0])
    },
];

/// Seconds of difference that the rounding of one frame and one AAC frame make.
const ROUNDING_SECONDS: f64 = 0.03;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples")
}

fn make_material(dir: &str) {
    let made = Command::new(folder().join("make-material"))
        .arg(dir)
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn every_example_is_listed_here_and_in_the_readme() {
    let names = std::fs::read_dir(folder()).unwrap().flatten();
    let there: BTreeSet<String> = names
        .filter_map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            name.strip_suffix(".json").map(str::to_owned)
        })
        .collect();
    let listed: BTreeSet<String> = EXAMPLES.iter().map(|one| one.name.to_owned()).collect();
    assert_eq!(there, listed);
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for name in there {
        assert!(readme.contains(&format!("({name}.json)")), "{name}");
    }
}

#[test]
fn every_example_becomes_the_film_that_it_describes() {
    let place = Place::new();
    let material = place.str("material");
    make_material(&material);
    let mut wrong = Vec::new();
    for example in EXAMPLES {
        if let Err(what) = render(example, &place, &material) {
            wrong.push(format!("{}: {what}", example.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn render(example: &Example, place: &Place, material: &str) -> Result<(), String> {
    let manifest = folder().join(format!("{}.json", example.name));
    let out = place.str(&format!("{}.mp4", example.name));
    let cache = place.str("cache");
    let rendered = local_render(manifest.to_str().unwrap(), material, &out, &cache, &[]);
    if code(&rendered) != 0 {
        return Err(err(&rendered));
    }
    let body = last_json(&rendered);
    let film = film::measure(Path::new(&out)).map_err(|error| format!("{error:#}"))?;
    let starts: Vec<u64> = rows(&body, "first_frame");
    let lengths: Vec<u64> = rows(&body, "frames");
    let end = starts.iter().zip(&lengths).map(|(a, b)| a + b).max();
    let expectations = [
        (
            "ledger",
            starts == example.shots && end == Some(example.frames),
        ),
        (
            "frames",
            film.frames == example.frames && film.distinct_times == example.frames,
        ),
        ("frames as told", body["film"]["frames"] == example.frames),
        ("size", (film.width, film.height) == example.size),
        (
            "codec",
            film.video_codec == example.codec && film.audio_codec == "aac",
        ),
        (
            "sound as long as the picture",
            (film.audio_seconds - film.video_seconds).abs() < ROUNDING_SECONDS,
        ),
        ("draft", body["film"]["draft"] == (example.name == "draft")),
    ];
    let mut wrong: Vec<String> = expectations
        .iter()
        .filter(|(_, holds)| !holds)
        .map(|(what, _)| (*what).to_owned())
        .collect();
    wrong.extend(errors(&body));
    wrong.extend(streams(Path::new(&out), example));
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{} in {body} and {film:?}", wrong.join(", ")))
    }
}

fn rows(body: &Value, field: &str) -> Vec<u64> {
    let rows = body["ledger"].as_array().unwrap().iter();
    rows.map(|row| row[field].as_u64().unwrap()).collect()
}

/// Findings that say a viewer will notice something; the examples have none.
fn errors(body: &Value) -> Vec<String> {
    let findings = body["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| finding["severity"] == "error")
        .map(|finding| format!("finding {finding}"))
        .collect()
}

/// One picture, one sound, and captions and chapters where they were asked for.
fn streams(film: &Path, example: &Example) -> Option<String> {
    let told = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-of",
            "json",
            "-show_streams",
            "-show_chapters",
        ])
        .arg(film)
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();
    let streams = told["streams"].as_array().unwrap();
    let count = |kind: &str| {
        let of_kind = streams.iter().filter(|stream| stream["codec_type"] == kind);
        of_kind.count()
    };
    let (captions, named) = match example.name {
        "chapters" => (1, 2),
        "episode" => (0, 1),
        _ => (0, 0),
    };
    let chapters = told["chapters"].as_array().unwrap().len();
    let found = [count("video"), count("audio"), count("subtitle"), chapters];
    let wanted = [1, 1, captions, named];
    (found != wanted).then(|| format!("video, audio, captions, chapters: {found:?}"))
}
