//! A local render from clips to a checked film, with nothing but ffmpeg and a directory.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod studio;

use std::sync::{Arc, Mutex};

use botflix_common::manifest::read::read_manifest;
use botflix_common::task::{InspectSpec, TaskKind, TaskSpec, Verify};
use botflix_worker::local::{self, LocalError, LocalRender};
use studio::{Studio, sha_of};
use tokio_util::sync::CancellationToken;

fn silent() -> local::Listener {
    Arc::new(|_, _| {})
}

#[tokio::test]
async fn two_small_clips_become_a_checked_film_and_a_second_render_costs_nothing() {
    let studio = Studio::open().await;
    let first = studio.clip("a.mp4", "320x180", "24", "1.5").await;
    let second = studio.clip("b.mp4", "160x120", "25", "1").await;
    let (a, b) = (sha_of(&first), sha_of(&second));
    let manifest = serde_json::json!({
        "title": "Two shots",
        "beats": [{ "id": "one", "name": "One" }],
        "shots": [
            { "id": "s1", "beat": "one", "source": { "clip": a },
              "dialogue": [{ "speaker": "A", "text": "Hello." }] },
            { "id": "s2", "source": { "clip": b } },
        ],
    });
    let manifest = read_manifest(manifest.to_string().as_bytes()).unwrap();
    let job = || LocalRender {
        manifest: manifest.clone(),
        files: [(a, first.clone()), (b, second.clone())].into(),
        concurrency: 2,
        verify: Verify::default(),
        gpu: false,
    };
    let seen = Arc::new(Mutex::new((0.0, Vec::new())));
    let sink = Arc::clone(&seen);
    let listener: local::Listener = Arc::new(move |stages, fraction| {
        *sink.lock().unwrap() = (fraction, stages.to_vec());
    });
    let film = local::render(&studio.runner, job(), listener, CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(film.facts.frames, 60);
    assert_eq!((film.facts.width, film.facts.height), (320, 180));
    assert_eq!(film.memoized, 0);
    assert!(film.extras.contains_key("poster") && film.extras.contains_key("captions"));
    let (fraction, stages) = seen.lock().unwrap().clone();
    assert!((fraction - 1.0f64).abs() < 1e-9, "{fraction}");
    assert!(stages.iter().all(|stage| stage.done == stage.total));
    assert_eq!(stages.len(), TaskKind::ALL.len());

    let again = local::render(&studio.runner, job(), silent(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(again.memoized, again.tasks);
    assert_eq!(again.film, film.film);
}

#[tokio::test]
async fn a_clip_whose_first_picture_is_damaged_becomes_a_film_that_passes_every_check() {
    let studio = Studio::open().await;
    let whole = studio.clip("whole.mp4", "320x180", "24", "1.5").await;
    let damaged = whole.with_file_name("damaged.mp4");
    let made = std::process::Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&whole)
        .args(["-c", "copy", "-bsf:v", "noise=amount=eq(n\\,0)*50"])
        .arg(&damaged)
        .status();
    assert!(made.unwrap().success());
    let sha = sha_of(&damaged);
    let manifest = serde_json::json!({
        "title": "Damaged",
        "shots": [{ "id": "s1", "source": { "clip": sha } }],
    });
    let job = LocalRender {
        manifest: read_manifest(manifest.to_string().as_bytes()).unwrap(),
        files: [(sha, damaged)].into(),
        concurrency: 2,
        verify: Verify::Full,
        gpu: false,
    };
    let film = local::render(&studio.runner, job, silent(), CancellationToken::new())
        .await
        .unwrap();
    assert_eq!(film.facts.frames, 36);
    let mut findings = film.report.findings.iter();
    assert!(findings.any(|finding| finding.rule == "damaged_pictures"));
}

#[tokio::test]
async fn a_trim_past_the_end_is_pointed_at() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "320x180", "24", "1").await;
    let sha = sha_of(&clip);
    let manifest = serde_json::json!({
        "title": "Too long",
        "shots": [{ "id": "s1", "source": { "clip": sha }, "trim": { "end": 9.0 } }],
    });
    let job = LocalRender {
        manifest: read_manifest(manifest.to_string().as_bytes()).unwrap(),
        files: [(sha, clip)].into(),
        concurrency: 1,
        verify: Verify::default(),
        gpu: false,
    };
    let refused = local::render(&studio.runner, job, silent(), CancellationToken::new())
        .await
        .unwrap_err();
    let LocalError::Manifest(problems) = refused else {
        panic!("{refused}");
    };
    assert_eq!(problems[0].pointer, "/shots/0/trim/end");
}

#[tokio::test]
async fn drafts_are_made_of_proxies_which_are_made_once_and_only_for_them() {
    let studio = Studio::open().await;
    let clip = studio.clip("a.mp4", "1280x720", "24", "3").await;
    let sha = sha_of(&clip);
    let job = |preset: &str, end: f64| {
        let manifest = serde_json::json!({
            "title": "Cut",
            "shots": [
                { "id": "s1", "source": { "clip": sha }, "trim": { "end": end } },
                { "id": "s2", "source": { "clip": sha }, "trim": { "start": 2.5 } },
            ],
            "delivery": { "preset": preset },
        });
        LocalRender {
            manifest: read_manifest(manifest.to_string().as_bytes()).unwrap(),
            files: [(sha, clip.clone())].into(),
            concurrency: 2,
            verify: Verify::default(),
            gpu: false,
        }
    };
    let [plain, with_proxy] =
        [false, true].map(|proxy| TaskSpec::Inspect(InspectSpec { clip: sha, proxy }).key());
    let runner = &studio.runner;
    let render = |job| local::render(runner, job, silent(), CancellationToken::new());

    render(job("standard", 1.0)).await.unwrap();
    let proxied = runner.remembered(&with_proxy).await.unwrap();
    assert_eq!(proxied, None, "a film that is no draft needs none");
    let first = render(job("draft", 1.0)).await.unwrap();
    assert!(first.facts.draft && first.facts.frames == 36);
    let conforms = first
        .plan
        .tasks
        .iter()
        .filter(|task| task.kind == TaskKind::Conform);
    assert_eq!(conforms.count(), 1, "both shots at once");
    let proxied = runner.remembered(&with_proxy).await.unwrap().unwrap();
    assert!(proxied.artifact("proxy").is_some());

    // Another cut: only the inspection is there already.
    let second = render(job("draft", 2.0)).await.unwrap();
    assert_eq!((second.facts.frames, second.memoized), (60, 1));
    // And for the film itself either inspection serves.
    let record = botflix_common::storage_key::record(&plain);
    runner.storage().delete(&record).await.unwrap();
    let film = render(job("standard", 2.0)).await.unwrap();
    // The second shot is that of the first film.
    assert_eq!((film.facts.frames, film.memoized), (60, 2));
    assert_eq!(runner.remembered(&plain).await.unwrap(), None);
}
