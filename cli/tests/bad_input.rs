//! What directors get wrong, and what generators do: each is a pointed error or the right film, never a wrong one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod shell;

use std::path::Path;

use botflix_testkit::film;
use serde_json::{Value, json};
use shell::{Place, code, err, ffmpeg, last_json, local_render};

/// What must come of a manifest.
enum Outcome {
    /// Refused: at this place, with this code, before anything is made.
    Refused(&'static str, &'static str),
    /// A task says why it cannot be: code, and words of the message.
    Failed(&'static str, &'static [&'static str]),
    /// A film of so many frames at 25 per second, its sound as long as its picture.
    Film(u64),
}
use Outcome::{Failed, Film, Refused};

/// How much longer than the picture sound may be, or shorter: an AAC frame and a half.
const SOUND_SECONDS: f64 = 0.032;

fn shot(id: &str, source: &str, more: Value) -> Value {
    let mut shot = json!({ "id": id, "source": { "file": source } });
    merge(&mut shot, more);
    shot
}

fn merge(into: &mut Value, more: Value) {
    let fields = into.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
}

fn written(shots: Vec<Value>, more: Value) -> String {
    let mut manifest = json!({ "title": "Odd", "shots": shots });
    merge(&mut manifest, more);
    manifest.to_string()
}

fn one(source: &str, more: Value) -> String {
    written(vec![shot("s1", source, more)], json!({}))
}

fn two(second: Value) -> String {
    let shots = vec![
        shot("s1", "plain.mp4", json!({})),
        shot("s2", "plain.mp4", second),
    ];
    written(shots, json!({}))
}

fn titled(titles: Value) -> String {
    written(
        vec![shot("s1", "plain.mp4", json!({}))],
        json!({ "titles": titles }),
    )
}

fn with_track(track: Value) -> String {
    let mut whole = json!({ "id": "t", "kind": "music", "source": { "file": "tone.wav" } });
    merge(&mut whole, track);
    written(
        vec![shot("s1", "plain.mp4", json!({}))],
        json!({ "tracks": [whole] }),
    )
}

fn at_rate(fps: Value) -> String {
    written(
        vec![shot("s1", "plain.mp4", json!({}))],
        json!({ "format": { "width": 320, "height": 180, "fps": fps } }),
    )
}

fn many(shots: usize) -> String {
    let shots = (0..shots).map(|at| shot(&format!("s{at}"), "plain.mp4", json!({})));
    written(shots.collect(), json!({}))
}

/// A still of 320 × 180 around it, so that its own size does not become the film's.
fn still(file: &str) -> String {
    written(
        vec![shot("s1", file, json!({ "duration": 0.4 }))],
        json!({ "format": { "width": 320, "height": 180, "fps": 25 } }),
    )
}

/// The number stands for a word that JSON has not.
fn bare(manifest: &str, word: &str) -> String {
    manifest.replace("12345.5", word)
}

fn spans() -> Vec<(&'static str, String, Outcome)> {
    let short = json!({ "transition": { "kind": "dissolve", "duration": 1.5 } });
    let same = json!([{ "text": "A", "end": 0.8 }, { "text": "B", "start": 0.4 }]);
    vec![
        (
            "a trim past the end",
            one("plain.mp4", json!({ "trim": { "end": 7 } })),
            Refused("/shots/0/trim/end", "trim_past_end"),
        ),
        (
            "a trim that starts past the end",
            one("plain.mp4", json!({ "trim": { "start": 3 } })),
            Refused("/shots/0/trim/start", "trim_past_end"),
        ),
        (
            "a duration past the end",
            one("plain.mp4", json!({ "duration": 5 })),
            Refused("/shots/0/duration", "trim_past_end"),
        ),
        (
            "a reversed trim",
            one("plain.mp4", json!({ "trim": { "start": 0.8, "end": 0.2 } })),
            Refused("/shots/0/trim/end", "reversed_trim"),
        ),
        (
            "an empty trim",
            one("plain.mp4", json!({ "trim": { "start": 0.4, "end": 0.4 } })),
            Refused("/shots/0/trim/end", "reversed_trim"),
        ),
        (
            "a transition longer than its shot",
            two(short),
            Refused("/shots/1/transition/duration", "transition_too_long"),
        ),
        (
            "overlapping titles",
            titled(same),
            Refused("/titles/1", "titles_overlap"),
        ),
        (
            "a title after the film",
            titled(json!([{ "text": "A", "start": 9 }])),
            Refused("/titles/0/start", "title_past_end"),
        ),
        (
            "a loop of nothing",
            with_track(json!({ "loop": true, "trim": { "start": 0.5, "end": 0.51 } })),
            Refused("/tracks/0/loop", "loop_too_short"),
        ),
        (
            "a track that starts past its end",
            with_track(json!({ "trim": { "start": 4 } })),
            Refused("/tracks/0/trim/start", "trim_past_end"),
        ),
    ]
}

fn numbers() -> Vec<(&'static str, String, Outcome)> {
    let odd = |field: &str, value: &str| bare(&one("plain.mp4", json!({ field: 12345.5 })), value);
    vec![
        (
            "NaN seconds",
            odd("duration", "NaN"),
            Refused("/shots/0/duration", "not_a_number"),
        ),
        (
            "1e308 seconds",
            odd("duration", "1e308"),
            Refused("/shots/0/duration", "out_of_range"),
        ),
        (
            "1e999 seconds",
            odd("duration", "1e999"),
            Refused("/shots/0/duration", "not_a_number"),
        ),
        (
            "negative seconds",
            odd("duration", "-1"),
            Refused("/shots/0/duration", "out_of_range"),
        ),
        (
            "0 fps",
            at_rate(json!(0)),
            Refused("/format/fps", "out_of_range"),
        ),
        (
            "0/0 fps",
            at_rate(json!("0/0")),
            Refused("/format/fps", "out_of_range"),
        ),
        (
            "10,000 shots",
            many(10_000),
            Refused("/shots", "out_of_range"),
        ),
    ]
}

fn files() -> Vec<(&'static str, String, Outcome)> {
    let unknown_script = json!([{ "id": "name", "text": "A \u{13000} \u{10FFFD}" }]);
    vec![
        (
            "a character that no font has",
            titled(unknown_script),
            Failed("glyph_missing", &["U+10FFFD", "name"]),
        ),
        (
            "a still of 20,000 by 64 pixels",
            still("wide.png"),
            Film(10),
        ),
        (
            "a still of 20,000 by 10,000 pixels",
            still("huge.png"),
            Refused("/shots/0/source/still", "too_many_pixels"),
        ),
        (
            "an animated PNG",
            still("moving.png"),
            Refused("/shots/0/source/still", "animated_image"),
        ),
        (
            "an animated GIF",
            still("moving.gif"),
            Refused("/shots/0/source/clip", "animated_image"),
        ),
        (
            "sound that ends early",
            one("ends-early.mp4", json!({})),
            Film(25),
        ),
        (
            "sound that starts late",
            one("starts-late.mp4", json!({})),
            Film(25),
        ),
        (
            "a clip that changes its size",
            one("changes.mp4", json!({})),
            Film(50),
        ),
    ]
}

fn make_material(place: &Place) {
    let make = |name: &str, line: &str| ffmpeg(line, &place.path(name));
    let picture = "-f lavfi -i testsrc2=size=320x180:rate=25:duration=1";
    let h264 = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p";
    let sine = |seconds: &str| {
        format!("-f lavfi -i sine=frequency=330:sample_rate=48000:duration={seconds}")
    };
    let tone = sine("1");
    make("plain.mp4", &format!("{picture} {tone} {h264} -c:a aac"));
    make("tone.wav", &format!("{tone} -c:a pcm_s16le"));
    make(
        "ends-early.mp4",
        &format!("{picture} {} {h264} -c:a aac", sine("0.5")),
    );
    make(
        "starts-late.mp4",
        &format!("{picture} -itsoffset 0.5 {} {h264} -c:a aac", sine("0.5")),
    );
    make("wide.png", "-f lavfi -i testsrc=size=20000x64 -frames:v 1");
    make(
        "huge.png",
        "-f lavfi -i color=c=white:size=20000x10000 -frames:v 1 -pix_fmt monob",
    );
    make(
        "moving.gif",
        "-f lavfi -i testsrc2=size=64x64:rate=5:duration=1",
    );
    make(
        "moving.apng",
        "-f lavfi -i testsrc2=size=64x64:rate=5:duration=1 -plays 0",
    );
    std::fs::rename(place.path("moving.apng"), place.path("moving.png")).unwrap();
    let half = |name: &str, size: &str| {
        let source = format!(
            "-f lavfi -i testsrc2=size={size}:rate=25:duration=1 {h264} -bsf:v dump_extra -f h264"
        );
        make(name, &source);
        std::fs::read(place.path(name)).unwrap()
    };
    let both = [half("a.h264", "320x180"), half("b.h264", "160x90")].concat();
    place.write("both.h264", both);
    let both = format!("-r 25 -f h264 -i {} -c copy", place.str("both.h264"));
    make("changes.mp4", &both);
}

#[test]
fn bad_input_is_a_pointed_error_or_the_right_film() {
    let place = Place::new();
    make_material(&place);
    let mut wrong = Vec::new();
    for (name, manifest, outcome) in spans().into_iter().chain(numbers()).chain(files()) {
        if let Err(what) = holds(&place, &manifest, &outcome) {
            wrong.push(format!("{name}: {what}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn holds(place: &Place, manifest: &str, outcome: &Outcome) -> Result<(), String> {
    let file = place.write("odd.json", manifest);
    let (out, cache) = (place.str("odd.mp4"), place.str("cache"));
    if Path::new(&out).exists() {
        std::fs::remove_file(&out).unwrap();
    }
    let rendered = local_render(&file, &place.dir(), &out, &cache, &[]);
    let told = err(&rendered);
    match outcome {
        Refused(pointer, word) => {
            let errors = last_json(&rendered)["problem"]["errors"].clone();
            let found = errors.as_array().into_iter().flatten();
            let mut found = found.filter(|one| one["pointer"] == *pointer && one["code"] == *word);
            let refused = found.next().is_some() && code(&rendered) == 1 && told.contains(pointer);
            verdict(refused && !Path::new(&out).exists(), told)
        }
        Failed(word, words) => {
            let problem = last_json(&rendered)["problem"].clone();
            let said = words.iter().all(|word| told.contains(word));
            let failed = code(&rendered) == 1 && problem["code"] == *word && said;
            verdict(
                failed && !Path::new(&out).exists(),
                format!("{problem} {told}"),
            )
        }
        Film(frames) => {
            if code(&rendered) != 0 {
                return Err(told);
            }
            let film = film::measure(Path::new(&out)).map_err(|error| format!("{error:#}"))?;
            let seconds = *frames as f64 / 25.0;
            let right = film.frames == *frames
                && film.distinct_times == *frames
                && (film.video_seconds - seconds).abs() < 0.001
                && (film.audio_seconds - seconds).abs() < SOUND_SECONDS;
            verdict(right, format!("{film:?}"))
        }
    }
}

fn verdict(holds: bool, instead: String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(instead) }
}
