//! `botflix top` over a real farm: what it says is what the farm did.

use std::time::Duration;

use botflix_testkit::{Signal, Spawned, Up, deadline, story};
use serde_json::Value;

use crate::binary;

const LIMIT: Duration = Duration::from_secs(60);

fn top(up: &Up, words: &[&str]) -> std::process::Output {
    let mut command = binary().command();
    command.args(["top", "--server", up.base()]).args(words);
    command.output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn top_tells_what_was_made_and_by_whom_and_ends_cleanly_at_an_interrupt() {
    let up = Up::start(&binary()).unwrap();
    let director = up.client().unwrap().register("Watcher").await.unwrap();
    let manifest = story::short(&director, "Seen from above").await.unwrap();
    let render = director.submit(&manifest).await.unwrap();
    director
        .published(render.id, story::PATIENCE)
        .await
        .unwrap();

    let seen = deadline::until("the worker has told of its film", LIMIT, async || {
        let told = top(&up, &["--once", "--json"]);
        anyhow::ensure!(told.status.success(), "{told:?}");
        let glance: Value = serde_json::from_slice(&told.stdout)?;
        let made = glance["throughput"]["copied"].is_number();
        Ok(made.then_some(glance))
    });
    let glance = seen.await.unwrap();
    assert_eq!(glance["finished"]["published"], 1, "{glance}");
    assert_eq!(glance["verdict"], "healthy, idle", "{glance}");
    let worker = &glance["workers"][0];
    assert!(worker["done"].as_u64().unwrap() >= 5, "{glance}");
    assert_eq!(worker["failed"], 0, "{glance}");

    let page = top(&up, &["--once"]);
    let page = String::from_utf8(page.stdout).unwrap();
    assert!(
        page.contains("healthy, idle") && page.contains("1 published"),
        "{page}"
    );
    assert!(!page.contains('\x1b'), "{page}");
    assert!(page.lines().all(|line| line.chars().count() < 80), "{page}");

    let mut command = binary().command();
    command.args(["top", "--json", "--server", up.base()]);
    let log = up.dir().join("top.log");
    let mut running = Spawned::start("top", &mut command, &log).unwrap();
    running
        .until_ready(LIMIT, |running| running.log().lines().count() >= 2)
        .unwrap();
    running.signal(Signal::Interrupt).unwrap();
    assert_eq!(running.wait(LIMIT).unwrap().code(), Some(0));
    let second = running.log();
    let second: Value = serde_json::from_str(second.lines().nth(1).unwrap()).unwrap();
    assert!(second["throughput"]["now"].is_object(), "{second}");
}

#[test]
fn top_at_nothing_says_so_and_that_it_is_worth_trying_again() {
    let mut command = binary().command();
    command.args([
        "top",
        "--once",
        "--patience",
        "0",
        "--server",
        "http://127.0.0.1:9",
    ]);
    let told = command.output().unwrap();
    assert_eq!(told.status.code(), Some(2), "{told:?}");
    assert!(String::from_utf8_lossy(&told.stderr).contains("does not answer"));
}
