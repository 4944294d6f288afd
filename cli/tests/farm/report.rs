//! One report of one film, wherever it was made: on the farm and on the command line.

use std::path::Path;
use std::process::Command;

use botflix_common::finding::Severity;
use botflix_common::http::ReportBody;
use botflix_testkit::Farm;
use botflix_testkit::material::Picture;
use serde_json::{Value, json};

use crate::binary;

/// `botflix render` with what the place of rendering needs; returns the report.
fn report(dir: &Path, name: &str, key: &str, place: &[&str]) -> ReportBody {
    let to = dir.join(name);
    let mut command: Command = binary().command();
    command
        .args(["render", "manifest.json", "--clips", ".", "--json"])
        .args(["--report", name])
        .args(place)
        .env("BOTFLIX_DIRECTOR_KEY", key)
        .current_dir(dir);
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&std::fs::read(to).unwrap()).unwrap()
}

fn draft_with_faults(dir: &Path) -> Value {
    // Large enough for a proxy.
    let silent = Picture {
        width: 1280,
        height: 720,
        fps: "30",
        tone_hz: None,
        ..Picture::plain(2)
    };
    for (name, picture) in [("a.mp4", Picture::plain(2)), ("b.mp4", silent)] {
        std::fs::copy(picture.make().unwrap(), dir.join(name)).unwrap();
    }
    json!({
        "title": "Draft",
        "delivery": {"preset": "draft"},
        "shots": [
            {"id": "1", "source": {"file": "a.mp4"}},
            {"id": "2", "source": {"file": "b.mp4"},
             "dialogue": [{"text": "Nobody can say all of this, and nobody can read it, in so little time.", "end": 0.5}]},
        ],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drafts_report_is_the_same_from_the_farm_and_from_the_command_line() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let place = tempfile::tempdir().unwrap();
    let dir = place.path();
    let manifest = draft_with_faults(dir);
    std::fs::write(dir.join("manifest.json"), manifest.to_string()).unwrap();

    let key = director.key().unwrap();
    let of_farm = report(dir, "farm.json", key, &["--server", director.base()]);
    let local = ["--local", "--out", "film.mp4", "--cache", "cache"];
    let of_shell = report(
        dir,
        "shell.json",
        key,
        &[&local[..], &["--cpu-only"]].concat(),
    );
    assert_eq!(of_farm, of_shell);

    assert!(of_farm.film.unwrap().draft);
    let order: Vec<(Severity, f64)> = of_farm
        .findings
        .iter()
        .map(|one| (one.severity, one.at_seconds.unwrap_or(f64::NEG_INFINITY)))
        .collect();
    assert!(
        order.is_sorted_by(|a, b| a.0 > b.0 || (a.0 == b.0 && a.1 <= b.1)),
        "{order:?}"
    );
    let rules: Vec<&str> = of_farm
        .findings
        .iter()
        .map(|one| one.rule.as_str())
        .collect();
    for (rule, told) in [("film_length", "check"), ("reading_speed", "material")] {
        assert!(rules.contains(&rule), "{rule} of {told} in {rules:?}");
    }
}
