//! One film through all that can be done with it: foreseen, fixed, rendered, checked, rebuilt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod shell;

use std::path::Path;

use serde_json::{Value, json};
use shell::{Place, botflix, code, err, ffmpeg, last_json, local_render, out};

const H264: &str = "-c:v libx264 -preset ultrafast -pix_fmt yuv420p -c:a aac";

/// A shot that is right, and one whose first second is black.
fn material(place: &Place) -> String {
    let tone = "-f lavfi -i sine=frequency=330:sample_rate=48000:duration";
    ffmpeg(
        &format!("-f lavfi -i testsrc2=size=320x180:rate=25:duration=2 {tone}=2 {H264}"),
        &place.path("right.mp4"),
    );
    let late = "color=c=black:size=320x180:rate=25:duration=1[b];testsrc2=size=320x180:rate=25:duration=2[t];[b][t]concat=n=2:v=1:a=0";
    ffmpeg(
        &format!("-f lavfi -i {late} {tone}=3 {H264}"),
        &place.path("late.mp4"),
    );
    let manifest = json!({
        "title": "From dark to light",
        "beats": [{ "id": "b", "name": "Light" }],
        "titles": [{ "id": "t", "text": "Light", "start": 0.2, "duration": 1.0 }],
        "shots": [
            { "id": "s1", "beat": "b", "source": { "file": "right.mp4" }, "dialogue": [{ "text": "Now.", "end": 1.5 }] },
            { "id": "s2", "beat": "b", "source": { "file": "late.mp4" } }
        ]
    });
    place.write("film.json", manifest.to_string())
}

fn json_of(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn rules(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .map(|finding| finding["rule"].as_str().unwrap().to_owned())
        .collect()
}

/// The plan of a manifest and what is to be known of its material; nothing is rendered.
fn foresee(place: &Place, manifest: &str) -> (Value, Value) {
    let (cache, report) = (place.str("cache"), place.str("foreseen.json"));
    let dir = place.dir();
    let planned = botflix(&[
        "render",
        manifest,
        "--clips",
        &dir,
        "--local",
        "--plan",
        "--json",
        "--report",
        &report,
        "--cache",
        &cache,
        "--cpu-only",
        "--sandbox",
        "off",
    ]);
    assert_eq!(code(&planned), 0, "{}", err(&planned));
    (last_json(&planned), json_of(&place.path("foreseen.json")))
}

fn check(place: &Place, manifest: &str, clips: bool) -> std::process::Output {
    let (film, dir, cache) = (place.str("film.mp4"), place.dir(), place.str("cache"));
    let mut words = vec![
        "check",
        &film,
        "--manifest",
        manifest,
        "--json",
        "--sandbox",
        "off",
    ];
    if clips {
        words.extend(["--clips", &dir, "--cache", &cache]);
    }
    botflix(&words)
}

fn wrong(checked: &Value) -> Vec<&str> {
    let points = checked["points"].as_array().unwrap().iter();
    points
        .filter(|point| point["holds"] == false)
        .map(|point| point["name"].as_str().unwrap())
        .collect()
}

#[test]
fn a_film_is_foreseen_fixed_rendered_checked_and_made_again_byte_for_byte() {
    let place = Place::new();
    let manifest = material(&place);
    let better = fix(&place, &manifest);
    let record = render(&place, &better);
    hold_against(&place, &manifest, &better);
    rebuild(&place, &record);
}

/// The manifest without the black second.
fn fix(place: &Place, manifest: &str) -> String {
    let (plan, report) = foresee(place, manifest);
    assert_eq!(plan["total_frames"], 125);
    assert!(
        plan["tasks"]
            .as_array()
            .unwrap()
            .iter()
            .all(|task| task["reused"] == false)
    );
    assert!(
        rules(&report).contains(&"black_picture".to_owned()),
        "{report}"
    );

    let foreseen = place.str("foreseen.json");
    let fixed = botflix(&[
        "fix",
        manifest,
        "--report",
        &foreseen,
        "--only",
        "black_picture",
    ]);
    assert_eq!(code(&fixed), 0, "{}", err(&fixed));
    let better = place.write("better.json", out(&fixed));
    assert_eq!(
        json_of(&place.path("better.json"))["shots"][1]["source"]["file"],
        "late.mp4"
    );
    let (plan, report) = foresee(place, &better);
    assert!(plan["total_frames"].as_u64().unwrap() < 125);
    assert!(
        !rules(&report).contains(&"black_picture".to_owned()),
        "{report}"
    );
    let other = botflix(&[
        "fix",
        &place.write("other.json", r#"{"title": "T", "shots": []}"#),
        "--report",
        &foreseen,
    ]);
    assert_eq!(code(&other), 1, "a report of another manifest");
    assert_eq!(out(&other), "");
    better
}

/// Renders with everything beside it, and returns where the build record is.
fn render(place: &Place, better: &str) -> String {
    let (plan, _) = foresee(place, better);
    let (film, cache, beside) = (
        place.str("film.mp4"),
        place.str("cache"),
        place.str("beside"),
    );
    let (report, record) = (place.str("report.json"), place.str("record.json"));
    let more = [
        "--report", &report, "--record", &record, "--extras", &beside, "--verify", "full",
    ];
    let rendered = local_render(better, &place.dir(), &film, &cache, &more);
    assert_eq!(code(&rendered), 0, "{}", err(&rendered));
    assert_eq!(
        json_of(Path::new(&report))["film"]["frames"],
        plan["total_frames"]
    );
    for name in ["poster.jpg", "captions.vtt", "chapters.vtt"] {
        assert!(place.path("beside").join(name).is_file(), "{name}");
    }
    let (plan, _) = foresee(place, better);
    let tasks = plan["tasks"].as_array().unwrap();
    let again = tasks.iter().filter(|task| task["reused"] == false);
    // The check was asked for every picture, and is now asked for the key pictures. What it makes is packaged again.
    assert_eq!(
        again.map(|task| &task["kind"]).collect::<Vec<_>>(),
        ["check", "package"]
    );
    record
}

fn hold_against(place: &Place, manifest: &str, better: &str) {
    let checked = check(place, better, true);
    assert_eq!(code(&checked), 0, "{}", out(&checked));
    let checked = check(place, manifest, true);
    assert_eq!(code(&checked), 1);
    assert_eq!(wrong(&last_json(&checked)), ["frames"]);
    let mut quiet = json_of(&place.path("better.json"));
    quiet["loudness"] = json!({ "integrated": -23.0 });
    quiet["captions"] = json!("off");
    let quiet = place.write("quiet.json", quiet.to_string());
    let checked = check(place, &quiet, false);
    assert_eq!(wrong(&last_json(&checked)), ["loudness", "captions"]);
}

fn rebuild(place: &Place, record: &str) {
    let dir = place.dir();
    let words = |record: &str, clips: &str| -> std::process::Output {
        botflix(&[
            "rebuild",
            record,
            "--clips",
            clips,
            "--json",
            "--sandbox",
            "off",
        ])
    };
    let again = words(record, &dir);
    assert_eq!(code(&again), 0, "{}{}", out(&again), err(&again));
    let body = last_json(&again);
    assert_eq!(
        (&body["identical"], &body["differences"]),
        (&json!(true), &json!([]))
    );
    let mut other = json_of(Path::new(record));
    let nothing = format!("sha256:{}", "0".repeat(64));
    other["film"]["sha256"] = json!(nothing);
    let font = other
        .pointer_mut("/tasks")
        .and_then(Value::as_array_mut)
        .unwrap()
        .iter_mut()
        .find_map(|task| task.pointer_mut("/fonts/0"))
        .expect("the title's font is in the record");
    let name = font["name"].as_str().unwrap().to_owned();
    font["sha256"] = json!(nothing);
    let other = place.write("other-record.json", other.to_string());
    let again = words(&other, &dir);
    assert_eq!(code(&again), 1);
    let told = last_json(&again)["differences"][0]["what"].to_string();
    assert!(
        told.contains("other fonts") && told.contains(&name) && told.contains("(00000000)"),
        "{told}"
    );
    let missing = words(record, &place.str("beside"));
    assert_eq!(code(&missing), 1);
    assert!(
        err(&missing).contains("2 of the record's 2 clips"),
        "{}",
        err(&missing)
    );
}
