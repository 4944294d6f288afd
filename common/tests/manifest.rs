//! A director's document meets the contract: every problem at once, each where it is.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use botflix_common::manifest::read::{read_brief, read_manifest};
use botflix_common::problem::FieldProblem;

const CLIP: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn problems(text: &str) -> Vec<FieldProblem> {
    read_manifest(text.replace("CLIP", CLIP).as_bytes()).unwrap_err()
}

fn codes(problems: &[FieldProblem]) -> Vec<(&str, &str)> {
    let mut codes: Vec<(&str, &str)> = problems
        .iter()
        .map(|problem| (problem.pointer.as_str(), problem.code.as_str()))
        .collect();
    codes.sort_unstable();
    codes
}

#[test]
fn the_smallest_manifest_is_a_title_and_one_shot() {
    let text =
        format!(r#"{{"title": "T", "shots": [{{"id": "1", "source": {{"clip": "{CLIP}"}}}}]}}"#);
    let manifest = read_manifest(text.as_bytes()).unwrap();
    assert_eq!(manifest.loudness.integrated, -14.0);
    assert_eq!(manifest.language, "en");
}

#[test]
fn every_problem_is_reported_at_once_with_its_pointer() {
    let found = problems(
        r#"{"titel": "T", "shots": [
            {"id": "1", "source": {"clip": "CLIP"}, "trim": {"start": NaN}},
            {"id": "1", "source": {"file": "s01.mp4"}, "fit": "cove"},
            {"id": "3", "source": {"clip": "CLIP"}, "audio": {"gain": "loud"}}
        ]}"#,
    );
    assert_eq!(
        codes(&found),
        [
            ("/shots/0/trim/start", "not_a_number"),
            ("/shots/1/fit", "unknown_value"),
            ("/shots/1/source/file", "unknown_field"),
            ("/shots/2/audio/gain", "wrong_type"),
            ("/titel", "unknown_field"),
            ("/title", "missing_field"),
        ]
    );
    let meant = |pointer: &str| {
        found
            .iter()
            .find(|problem| problem.pointer == pointer && problem.did_you_mean.is_some())
            .and_then(|problem| problem.did_you_mean.clone())
    };
    assert_eq!(meant("/titel").as_deref(), Some("title"));
    assert_eq!(meant("/shots/1/fit").as_deref(), Some("cover"));
    assert_eq!(meant("/shots/1/source/file").as_deref(), Some("clip"));
}

#[test]
fn duplicates_unknown_beats_and_reversed_spans_are_found_after_the_shape() {
    let found = problems(
        r#"{"title": "T", "beats": [{"id": "storm", "name": "Storm"}], "shots": [
            {"id": "1", "source": {"clip": "CLIP"}, "trim": {"start": 2, "end": 1}, "beat": "strom"},
            {"id": "1", "source": {"clip": "CLIP"}, "dialogue": [{"text": "Hi", "start": 1, "end": 0.5}]}
        ]}"#,
    );
    assert_eq!(
        codes(&found),
        [
            ("/shots/0/beat", "unknown_beat"),
            ("/shots/0/trim/end", "reversed_trim"),
            ("/shots/1/dialogue/0/end", "reversed_line"),
            ("/shots/1/id", "duplicate_id"),
        ]
    );
    let beat = found
        .iter()
        .find(|problem| problem.pointer == "/shots/0/beat")
        .unwrap();
    assert_eq!(beat.did_you_mean.as_deref(), Some("storm"));
}

#[test]
fn formats_are_auto_or_a_size_and_an_exact_rate() {
    let with = |format: &str| {
        let text = format!(
            r#"{{"title": "T", "format": {format}, "shots": [{{"id": "1", "source": {{"clip": "{CLIP}"}}}}]}}"#
        );
        read_manifest(text.as_bytes())
    };
    assert!(with(r#""auto""#).is_ok());
    assert!(with(r#"{"width": 1280, "height": 720, "fps": 23.976}"#).is_ok());
    assert!(with(r#"{"width": 1280, "height": 720, "fps": "24000/1001"}"#).is_ok());
    assert_eq!(codes(&with(r#""automatic""#).unwrap_err())[0].0, "/format");
    assert_eq!(
        codes(&with(r#"{"width": 1281, "height": 720, "fps": 0}"#).unwrap_err()),
        [
            ("/format/fps", "out_of_range"),
            ("/format/width", "out_of_range")
        ]
    );
    assert_eq!(
        codes(&with(r#"{"width": 1280, "hieght": 720, "fps": 24}"#).unwrap_err()),
        [
            ("/format/height", "missing_field"),
            ("/format/hieght", "unknown_field")
        ]
    );
    assert!(with(r#"{"width": 1280, "height": 720, "fps": 1e308}"#).is_err());
    assert!(with(r#"{"width": 1280, "height": 720, "fps": "0/0"}"#).is_err());
}

#[test]
fn a_text_that_is_no_json_says_where() {
    let found = problems("{\"title\": ");
    assert_eq!(codes(&found), [("", "not_json")]);
    assert!(found[0].message.contains("line 1"));
}

#[test]
fn a_brief_needs_a_title_and_a_logline() {
    assert!(read_brief(br#"{"title": "T", "logline": "L"}"#).is_ok());
    let found = read_brief(br#"{"title": "T", "loglin": "L"}"#).unwrap_err();
    assert_eq!(
        codes(&found),
        [("/loglin", "unknown_field"), ("/logline", "missing_field")]
    );
}
