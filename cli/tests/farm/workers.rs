//! Operators' commands over real workers: paused, resumed, drained, stopped.

use std::process::Output;
use std::time::Duration;

use botflix_common::http::RenderState;
use botflix_testkit::{Farm, deadline, material, story};
use serde_json::Value;

use crate::binary;

const LIMIT: Duration = Duration::from_secs(60);
/// Longer than a worker takes to judge a second of sound.
const PAUSED_FOR: Duration = Duration::from_secs(6);

fn workers(farm: &Farm, words: &[&str]) -> Output {
    let mut command = binary().command();
    command
        .arg("workers")
        .args(words)
        .args(["--server", &farm.base()])
        .env("BOTFLIX_OPERATOR_TOKEN", Farm::OPERATOR_TOKEN);
    command.output().unwrap()
}

/// The only worker, as the farm's operator sees it.
fn only(farm: &Farm) -> Value {
    let told = workers(farm, &["--json"]);
    assert!(told.status.success(), "{told:?}");
    let mut body: Value = serde_json::from_slice(&told.stdout).unwrap();
    let first = body["workers"].get_mut(0);
    first.map(Value::take).unwrap_or_default()
}

async fn until(farm: &Farm, what: &str, is_so: impl Fn(&Value) -> bool) {
    deadline::until(what, LIMIT, async || Ok(is_so(&only(farm)).then_some(())))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_is_paused_resumed_drained_and_stopped_as_an_operator_says() {
    let mut farm = Farm::builder(binary()).start().await.unwrap();
    let director = farm.director().await.unwrap();
    until(&farm, "the worker is there", |worker| {
        worker["state"] == "active"
    })
    .await;
    assert!(
        workers(
            &farm,
            &["set", "w1", "--tags", "attic,night", "--slots", "1"]
        )
        .status
        .success()
    );
    assert!(workers(&farm, &["pause", "w1"]).status.success());
    until(&farm, "it is paused", |worker| {
        worker["state"] == "paused" && worker["idle"]["code"] == "paused"
    })
    .await;

    // Also after it was started again, it takes nothing.
    let before = only(&farm)["processes"][0]["instance"].clone();
    farm.worker("w1").unwrap().kill().unwrap();
    farm.start_worker("w1").unwrap();
    until(&farm, "it is paused again", |worker| {
        let processes = worker["processes"].as_array().cloned().unwrap_or_default();
        let again = |process: &Value| process["instance"] != before && process["state"] == "paused";
        processes.iter().any(again)
    })
    .await;
    let sound = std::fs::read(material::narration(1).unwrap()).unwrap();
    let waiting = director.upload(sound).await.unwrap();
    let judged = director.judged(&waiting.clip, PAUSED_FOR).await;
    assert!(judged.is_err(), "a paused worker took a task: {judged:?}");
    let table = workers(&farm, &[]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("an operator paused it"), "{table}");

    assert!(workers(&farm, &["resume", "w1"]).status.success());
    until(&farm, "it works", |worker| worker["state"] == "active").await;
    let manifest = story::short(&director, "Goes on").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let slow = story::slow(&director, "Interrupted").await.unwrap();
    let render = director.submit(&slow).await.unwrap();
    until(&farm, "it is busy", |worker| worker["busy"]["tasks"] == 1).await;
    assert!(workers(&farm, &["stop", "w1", "--now"]).status.success());
    let status = farm.last_worker().unwrap().wait(LIMIT).unwrap();
    assert_eq!(status.code(), Some(0), "it ended by itself");
    let state = director.render(render.id).await.unwrap().state;
    assert_eq!(state, RenderState::Running);

    farm.start_worker("w2").unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();
    assert!(workers(&farm, &["drain", "w2"]).status.success());
    deadline::until("it is drained", LIMIT, async || {
        let told = workers(&farm, &[]);
        let table = String::from_utf8(told.stdout)?;
        Ok(table.contains("it is drained").then_some(()))
    })
    .await
    .unwrap();
    assert!(farm.last_worker().unwrap().exited().unwrap().is_none());
}

fn token_command(farm: &Farm, words: &[&str]) -> Output {
    let mut command = binary().command();
    command
        .arg("worker-token")
        .args(words)
        .args(["--server", &farm.base()])
        .env("BOTFLIX_OPERATOR_TOKEN", Farm::OPERATOR_TOKEN);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_joins_with_a_token_alone_and_not_with_one_that_was_revoked() {
    let mut farm = Farm::builder(binary()).workers(&[]).start().await.unwrap();
    let made = token_command(&farm, &["create", "--name", "attic"]);
    assert!(made.status.success(), "{made:?}");
    let token = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    farm.start_joining_worker("joined", &token).unwrap();
    let director = farm.director().await.unwrap();
    let manifest = story::short(&director, "Made by a guest").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();
    assert_eq!(only(&farm)["name"], "joined");

    let listed = token_command(&farm, &["list", "--json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let about = &listed["worker_tokens"][0];
    assert_eq!(about["last_worker"], "joined");
    let id = about["id"].as_str().unwrap();
    assert!(token_command(&farm, &["revoke", id]).status.success());
    farm.start_joining_worker("late", &token).unwrap();
    let status = farm.last_worker().unwrap().wait(LIMIT).unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(
        farm.last_worker()
            .unwrap()
            .log()
            .contains("invalid_join_token")
    );
}
