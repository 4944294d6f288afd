//! Files that manifests name, on a real directory.

use super::*;
use botflix_common::manifest::Source;
use serde_json::json;

fn resolve(bytes: &[u8], dir: &Path) -> Result<Resolved, Vec<FieldProblem>> {
    super::resolve(bytes, dir, Overrides::default())
}

fn manifest(file: &str) -> Vec<u8> {
    format!(r#"{{"title": "T", "shots": [{{"id": "s1", "source": {{"file": "{file}"}}}}]}}"#)
        .into_bytes()
}

#[test]
fn the_stand_in_is_spelled_as_serde_json_spells_it() {
    assert_eq!(
        Value::from(numbers::STAND_IN).to_string(),
        NOT_A_NUMBER_AS_WRITTEN
    );
}

#[test]
fn a_file_becomes_the_clip_of_its_bytes() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("s1.mp4"), b"bytes").unwrap();
    let resolved = resolve(&manifest("s1.mp4"), dir.path()).unwrap();
    let sha = Sha::of(b"bytes");
    assert_eq!(resolved.manifest.shots[0].source, Source::Clip(sha));
    assert_eq!(
        resolved.document["shots"][0]["source"]["clip"],
        sha.to_string()
    );
    assert_eq!(resolved.files[&sha], dir.path().join("s1.mp4"));
}

#[test]
fn a_missing_file_is_pointed_at_with_the_name_that_was_meant() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("shot-01.mp4"), b"bytes").unwrap();
    let problems = resolve(&manifest("shot-1.mp4"), dir.path()).unwrap_err();
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].pointer, "/shots/0/source/file");
    assert_eq!(problems[0].code, "missing_file");
    assert_eq!(problems[0].did_you_mean.as_deref(), Some("shot-01.mp4"));
}

#[test]
fn no_name_leads_out_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let clips = dir.path().join("clips");
    std::fs::create_dir(&clips).unwrap();
    std::fs::write(dir.path().join("secret.mp4"), b"bytes").unwrap();
    let absolute = dir.path().join("secret.mp4");
    for name in [
        "../secret.mp4",
        "a/../../secret.mp4",
        absolute.to_str().unwrap(),
        "",
    ] {
        let problems = resolve(&manifest(name), &clips).unwrap_err();
        assert_eq!(problems[0].code, "file_outside_clips", "{name}");
    }
}

#[test]
fn problems_of_files_and_of_the_document_are_told_together_and_a_nan_is_still_one() {
    let dir = tempfile::tempdir().unwrap();
    let text = r#"{"titel": "T", "shots": [{"id": "s1", "source": {"file": "no.mp4"}, "audio": {"gain": NaN}}]}"#;
    let problems = resolve(text.as_bytes(), dir.path()).unwrap_err();
    let codes: Vec<&str> = problems
        .iter()
        .map(|problem| problem.code.as_str())
        .collect();
    for code in [
        "missing_file",
        "unknown_field",
        "missing_field",
        "not_a_number",
    ] {
        assert!(codes.contains(&code), "{code} in {codes:?}");
    }
    assert_eq!(codes.len(), 4, "each once: {codes:?}");
}

#[test]
fn a_picture_becomes_a_still_by_its_bytes_and_not_by_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let heads: [(&str, &[u8]); 4] = [
        ("a.mp4", b"\x89PNG\r\n\x1a\n and more"),
        ("b.jpg", b"\xff\xd8\xff\xe0 and more"),
        ("c.webp", b"RIFF\x10\0\0\0WEBPVP8 "),
        ("d.png", b"\0\0\0\x18ftypisom"),
    ];
    let shots: Vec<Value> = heads
        .iter()
        .map(|(name, bytes)| {
            std::fs::write(dir.path().join(name), bytes).unwrap();
            json!({ "id": name, "source": { "file": name }, "duration": 2.0 })
        })
        .collect();
    let track = json!({ "id": "t", "kind": "music", "source": { "file": "a.mp4" } });
    let manifest = json!({ "title": "T", "shots": shots, "tracks": [track] });
    let resolved = resolve(manifest.to_string().as_bytes(), dir.path()).unwrap();
    let sources: Vec<Source> = resolved
        .manifest
        .shots
        .iter()
        .map(|shot| shot.source)
        .collect();
    let [png, jpeg, webp, mp4] = heads.map(|(_, bytes)| Sha::of(bytes));
    let expected = [
        Source::Still(png),
        Source::Still(jpeg),
        Source::Still(webp),
        Source::Clip(mp4),
    ];
    assert_eq!(sources, expected);
    assert_eq!(
        resolved.document["tracks"][0]["source"],
        json!({ "clip": png }),
        "what a track names is never a still"
    );
    assert_eq!(resolved.files.len(), 4);
}

#[test]
fn offline_a_picture_is_known_by_its_name() {
    let still = br#"{"title": "T", "shots": [{"id": "s1", "source": {"file": "x.PNG"}}]}"#;
    let problems = offline_problems(still);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!(problems[0].code, "duration_missing");
    assert_eq!(offline_problems(&manifest("x.mp4")), Vec::new());
}

#[test]
fn a_draft_is_written_into_the_document_that_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("s1.mp4"), b"bytes").unwrap();
    let draft = Overrides {
        preset: Some(Quality::Draft),
    };
    let resolved = super::resolve(&manifest("s1.mp4"), dir.path(), draft).unwrap();
    assert!(resolved.manifest.is_draft());
    assert_eq!(resolved.document["delivery"], json!({ "preset": "draft" }));
}
