//! The words and exit codes of the command line, as a shell script would meet them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod shell;

use std::path::Path;

use serde_json::json;
use shell::{Place, botflix, botflix_with, clip, code, err, last_json, out};

#[test]
fn a_mistake_on_the_command_line_is_permanent_and_help_is_not_a_mistake() {
    assert_eq!(code(&botflix(&["frobnicate"])), 1);
    assert_eq!(code(&botflix(&["render", "m.json"])), 1);
    assert_eq!(
        code(&botflix(&[
            "worker",
            "--redis",
            "redis://x",
            "--storage",
            "file:///x",
            "--lanes",
            "tpu"
        ])),
        1
    );
    assert_eq!(code(&botflix(&["--help"])), 0);
    assert_eq!(code(&botflix(&["--version"])), 0);
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let empty = [
        ("BOTFLIX_REDIS_URL", ""),
        ("BOTFLIX_STORAGE_URL", ""),
        ("BOTFLIX_JOIN_TOKEN", ""),
    ];
    let join = botflix_with(&["worker", "--join", "http://127.0.0.1:9"], &empty);
    assert_eq!(code(&join), 1);
    assert!(
        err(&join).contains("BOTFLIX_JOIN_TOKEN is not set"),
        "{}",
        err(&join)
    );
    let api = ["api", "--database", "sqlite:///x", "--storage", "file:///x"];
    let api = botflix_with(&api, &empty);
    assert_eq!(code(&api), 1);
    assert!(err(&api).contains("--redis <URL>"), "{}", err(&api));
}

#[test]
fn a_manifest_that_names_files_is_valid_offline() {
    let place = Place::new();
    let manifest = json!({ "title": "T", "shots": [{ "id": "s1", "source": { "file": "s1.mp4" } }],
        "tracks": [{ "id": "m", "kind": "music", "source": { "file": "m.wav" } }] });
    let file = place.write("m.json", manifest.to_string());
    let valid = botflix(&["validate", "manifest", &file]);
    assert_eq!(code(&valid), 0, "{}", err(&valid));
    let json = botflix(&["validate", "manifest", &file, "--json"]);
    assert_eq!(last_json(&json), json!({ "valid": true, "errors": [] }));
}

#[test]
fn every_problem_of_a_manifest_is_told_at_once_with_its_pointer() {
    let place = Place::new();
    let text = r#"{"titel": "T", "shots": [
        {"id": "s1", "source": {"file": "a.mp4"}, "audio": {"gain": NaN}},
        {"id": "s1", "source": {"file": "b.mp4"}, "trim": {"start": "2"}}]}"#;
    let file = place.write("m.json", text);
    let refused = botflix(&["validate", "manifest", &file]);
    assert_eq!(code(&refused), 1);
    assert_eq!(out(&refused), "", "problems are for people: stderr");
    for word in [
        "/titel",
        "Did you mean \"title\"?",
        "/shots/0/audio/gain",
        "/shots/1/trim/start",
    ] {
        assert!(err(&refused).contains(word), "{word} in {}", err(&refused));
    }
    let json = last_json(&botflix(&["validate", "manifest", &file, "--json"]));
    assert_eq!(json["valid"], false);
    assert!(json["errors"].as_array().unwrap().len() >= 4);
}

#[test]
fn a_brief_needs_a_logline() {
    let place = Place::new();
    let good = place.write("good.json", r#"{"title": "T", "logline": "L"}"#);
    assert_eq!(code(&botflix(&["validate", "brief", &good])), 0);
    let bad = place.write("bad.json", r#"{"title": "T"}"#);
    let refused = botflix(&["validate", "brief", &bad]);
    assert_eq!(code(&refused), 1);
    assert!(err(&refused).contains("/logline"));
    assert_eq!(
        code(&botflix(&["validate", "brief", "/nonexistent.json"])),
        1
    );
}

#[test]
fn a_render_without_a_key_or_with_a_bad_manifest_says_what_to_do() {
    let place = Place::new();
    let manifest =
        json!({ "title": "T", "shots": [{ "id": "s1", "source": { "file": "s1.mp4" } }] });
    let file = place.write("m.json", manifest.to_string());
    let dir = place.str("");
    let call = [
        "render",
        &file,
        "--clips",
        &dir,
        "--server",
        "http://127.0.0.1:9",
    ];
    let missing = botflix(&call);
    assert_eq!(code(&missing), 1);
    assert!(
        err(&missing).contains("/shots/0/source/file"),
        "{}",
        err(&missing)
    );
    assert!(err(&missing).contains("missing_file"));

    place.write("s1.mp4", b"bytes");
    let keyless = botflix(&call);
    assert_eq!(code(&keyless), 1);
    assert!(err(&keyless).contains("BOTFLIX_DIRECTOR_KEY"));
}

#[test]
fn a_picture_clip_is_accepted_and_text_is_refused_with_its_reason() {
    let place = Place::new();
    clip(&place.path("a.mp4"), "320x180", "24", "1");
    let accepted = botflix(&["inspect", &place.str("a.mp4"), "--json", "--sandbox", "off"]);
    assert_eq!(code(&accepted), 0, "{}", err(&accepted));
    let body = last_json(&accepted);
    assert_eq!(body["verdict"], "accept", "{body}");
    assert_eq!(body["facts"]["video"]["frames"], 24);

    let text = place.write("notes.mp4", "just some words, again and again\n".repeat(50));
    let refused = botflix(&["inspect", &text, "--json", "--sandbox", "off"]);
    assert_eq!(code(&refused), 1);
    let body = last_json(&refused);
    assert_eq!(body["verdict"], "refuse");
    assert!(!body["reasons"].as_array().unwrap().is_empty());
    assert_eq!(code(&botflix(&["inspect", "/nonexistent.mp4"])), 1);
}

#[test]
fn a_local_render_makes_a_film_and_remembers_it() {
    let place = Place::new();
    clip(&place.path("a.mp4"), "320x180", "24", "1.5");
    clip(&place.path("b.mp4"), "160x120", "25", "1");
    let manifest = json!({ "title": "Two", "shots": [
        { "id": "s1", "source": { "file": "a.mp4" } },
        { "id": "s2", "source": { "file": "b.mp4" } } ] });
    let file = place.write("m.json", manifest.to_string());
    let (dir, film, cache) = (place.str(""), place.str("film.mp4"), place.str("cache"));
    let call = [
        "render",
        &file,
        "--clips",
        &dir,
        "--local",
        "--out",
        &film,
        "--cache",
        &cache,
        "--json",
        "--sandbox",
        "off",
    ];
    let rendered = botflix(&call);
    assert_eq!(code(&rendered), 0, "{}", err(&rendered));
    let body = last_json(&rendered);
    assert_eq!(body["film"]["frames"], 60);
    assert_eq!(body["memoized"], 0);
    assert_eq!(
        std::fs::metadata(&film).unwrap().len(),
        body["film"]["bytes"]
    );

    let again = last_json(&botflix(&call));
    assert_eq!(again["memoized"], again["tasks"]);
    assert_eq!(again["sha256"], body["sha256"]);
}

#[test]
fn a_trim_past_the_end_of_a_clip_is_pointed_at_by_a_local_render() {
    let place = Place::new();
    clip(&place.path("a.mp4"), "320x180", "24", "1");
    let manifest = json!({ "title": "Long", "shots": [
        { "id": "s1", "source": { "file": "a.mp4" }, "trim": { "start": 0.5, "end": 7 } } ] });
    let file = place.write("m.json", manifest.to_string());
    let (dir, film) = (place.str(""), place.str("film.mp4"));
    let call = [
        "render",
        &file,
        "--clips",
        &dir,
        "--local",
        "--out",
        &film,
        "--no-cache",
        "--json",
        "--sandbox",
        "off",
    ];
    let refused = botflix(&call);
    assert_eq!(code(&refused), 1);
    assert!(
        err(&refused).contains("/shots/0/trim/end"),
        "{}",
        err(&refused)
    );
    assert_eq!(
        last_json(&refused)["problem"]["errors"][0]["code"],
        "trim_past_end"
    );
    assert!(!Path::new(&film).exists());
}

#[test]
fn a_server_that_is_away_is_worth_trying_again() {
    let place = Place::new();
    place.write("s1.mp4", b"bytes");
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = format!("http://127.0.0.1:{port}");
    let refused = botflix(&[
        "register",
        "--server",
        &server,
        "--name",
        "Nobody",
        "--patience",
        "0",
    ]);
    assert_eq!(code(&refused), 2, "{}", err(&refused));
    assert!(err(&refused).contains("does not answer"));
}
