//! `botflix log`: what became of every attempt, asked for by whoever sent the render.

use std::process::Output;

use botflix_common::http::{AttemptBody, AttemptOutcome};
use botflix_testkit::{Client, Farm, story};
use serde_json::Value;

use crate::binary;

fn log(director: &Client, words: &[&str]) -> Output {
    let mut command = binary().command();
    command
        .arg("log")
        .args(words)
        .args(["--server", director.base()])
        .env("BOTFLIX_DIRECTOR_KEY", director.key().unwrap_or_default());
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_a_film_names_every_task_that_made_it() {
    let farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    let stranger = farm.director().await.unwrap();
    let manifest = story::short(&director, "Logged").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();
    let id = render.id.to_string();

    let told = log(&director, &[&id, "--json"]);
    assert!(told.status.success(), "{told:?}");
    let mut body: Value = serde_json::from_slice(&told.stdout).unwrap();
    let attempts: Vec<AttemptBody> = serde_json::from_value(body["attempts"].take()).unwrap();
    let kinds: Vec<&str> = attempts.iter().map(|one| one.kind.name()).collect();
    for kind in ["inspect", "conform", "mix", "assemble", "check", "package"] {
        assert!(kinds.contains(&kind), "{kind} in {kinds:?}");
    }
    for one in &attempts {
        assert_eq!(one.outcome, Some(AttemptOutcome::Done), "{one:?}");
        assert!(one.engine.as_ref().unwrap().contains("ffmpeg"), "{one:?}");
        assert!(one.wall_seconds.unwrap() > 0.0, "{one:?}");
        assert!(one.worker.is_some() && one.ended_at.is_some(), "{one:?}");
    }
    let film = attempts.iter().find(|one| one.kind.name() == "assemble");
    assert!(film.unwrap().artifact_bytes["film"] > 1000);

    let table = log(&director, &[&id]);
    assert!(table.status.success());
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), 1 + attempts.len(), "{table}");
    assert!(
        table.contains("s01") && table.contains("assemble"),
        "{table}"
    );

    let refused = log(&stranger, &[&id]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("not_found"));
}
