//! `botflix up`: the whole farm in one process, and a clean end of it.

use std::time::Duration;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use botflix_testkit::{Signal, Up, deadline, story, up};
use reqwest::StatusCode;

use crate::binary;

/// A clean stop: running tasks may finish.
const GRACE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn up_renders_stops_cleanly_and_keeps_its_episodes() {
    let mut up = Up::start(&binary()).unwrap();
    let director = up.client().unwrap().register("Laptop").await.unwrap();
    let manifest = story::short(&director, "On a laptop").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    let episode = director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let redis: Vec<u32> = up
        .children()
        .into_iter()
        .filter(|(_, name)| name == "redis-server")
        .map(|(pid, _)| pid)
        .collect();
    assert_eq!(
        redis.len(),
        1,
        "a real Redis of its own: {:?}",
        up.children()
    );
    up.restart(&binary(), GRACE).unwrap();
    assert!(!alive(redis[0]), "its redis-server ended with it");
    let kept = up.client().unwrap().episodes().await.unwrap();
    assert_eq!(
        kept.iter().map(|kept| kept.id).collect::<Vec<_>>(),
        [episode.id]
    );

    let children = up.children();
    up.process.signal(Signal::Interrupt).unwrap();
    let status = up.process.wait(GRACE).unwrap();
    assert_eq!(status.code(), Some(0));
    for (pid, name) in children {
        assert!(!alive(pid), "{name} outlives the farm");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn up_killed_in_mid_render_goes_on_after_the_next_start() {
    let mut up = Up::start(&binary()).unwrap();
    let director = up.client().unwrap().register("Laptop").await.unwrap();
    let manifest = story::slow(&director, "Power cut").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    let worker = up.process.pid();
    deadline::until("ffmpeg runs", GRACE, async || {
        Ok(up::children(worker)
            .iter()
            .any(|(_, name)| name.starts_with("ffmpeg"))
            .then_some(()))
    })
    .await
    .unwrap();
    up.process.kill().unwrap();
    up.restart(&binary(), GRACE).unwrap();
    let director = director.at(up.base());
    let episode = director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();
    assert_eq!(director.episodes().await.unwrap().len(), 1);
    assert_eq!(episode.render_id, render.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn up_hands_the_operator_token_over_in_a_file_and_a_reset_voids_it() {
    let mut up = Up::start(&binary()).unwrap();
    let file = up.dir().join("data/operator-token");
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = token(&file);
    assert_eq!(as_operator(&up, &first).await, StatusCode::OK);
    assert!(!up.process.log().contains(&first), "never in a log");
    up.restart(&binary(), GRACE).unwrap();
    assert_eq!(token(&file), first, "made once");

    let data = up.dir().join("data");
    let mut reset = binary().command();
    reset.args(["operator-token", "reset", "--data"]).arg(data);
    assert!(reset.status().unwrap().success());
    let second = token(&file);
    assert_eq!(as_operator(&up, &first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(as_operator(&up, &second).await, StatusCode::OK);
}

fn token(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

async fn as_operator(up: &Up, token: &str) -> StatusCode {
    let url = format!("{}/api/v1/workers", up.base());
    let call = reqwest::Client::new().get(url).bearer_auth(token);
    call.send().await.unwrap().status()
}

/// Gone, or ended and not yet collected by whoever inherited it.
fn alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
