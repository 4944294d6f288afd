//! The log of a render over HTTP: its shape, its pages, and who may read it.

use botflix_api::clock;
use botflix_api::db::tasks::attempts::End;
use botflix_api::db::tasks::moves::{self, Charge};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::http::{AttemptBody, AttemptOutcome, Page};
use botflix_common::task::AttemptId;
use reqwest::Response;
use serde_json::{Value, json};

use crate::renders::{smallest, submit};
use crate::stand::{Director, Stand, problem, until};

async fn get(stand: &Stand, director: &Director, path: &str) -> Response {
    let request = stand.get(path).bearer_auth(&director.key);
    request.send().await.unwrap()
}

async fn page(stand: &Stand, director: &Director, path: &str) -> Page<AttemptBody> {
    get(stand, director, path).await.json().await.unwrap()
}

/// Begins the attempt that is queued, and has it end without a result: the dispatcher queues the next one.
async fn ends(stand: &Stand, id: AttemptId, end: &End<'_>) {
    let mut tx = stand.server.app().db.write_graph().await.unwrap();
    let now_ms = clock::now_ms();
    let started = moves::start(&mut tx, id, "forge-1", now_ms).await;
    assert!(started.unwrap().is_made());
    let charge = Charge::Nothing;
    let requeued = moves::requeue(&mut tx, id, charge, end, now_ms, now_ms).await;
    assert!(requeued.unwrap().is_made());
    tx.commit().await.unwrap();
}

/// A render whose clip is being inspected for the third time.
async fn tried_twice(stand: &Stand, director: &Director) -> (String, Vec<AttemptBody>) {
    let clip = stand.upload(director, b"clip").await;
    let render: Value = submit(stand, director, &smallest(clip))
        .await
        .json()
        .await
        .unwrap();
    let path = format!("/api/v1/renders/{}/log", render["id"].as_str().unwrap());
    let failure = Failure::new(
        FailureClass::Retry,
        WhoCanFix::Operator,
        "engine_killed",
        "ffmpeg failed (signal 9)",
    )
    .with_internal("/srv/secret: Killed")
    .quoting("[h264 @ 0x55d0c8a5b2c0] no frame!\n/srv/secret: Killed");
    let failed = End::of_failure(AttemptOutcome::Retried, &failure);
    let released = End::silent(AttemptOutcome::Released, "The worker handed it back.");
    for (at, end) in [Some(failed), Some(released), None].into_iter().enumerate() {
        let mut log = Vec::new();
        until("the inspection is queued", async || {
            log = page(stand, director, &path).await.data;
            log.len() == at + 1
        })
        .await;
        match end {
            Some(end) => {
                let (task, attempt) = (log[at].task, log[at].attempt);
                ends(stand, AttemptId { task, attempt }, &end).await;
            }
            None => return (path, log),
        }
    }
    unreachable!()
}

#[tokio::test]
async fn the_log_says_what_every_attempt_said_and_nothing_for_operators() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let (path, log) = tried_twice(&stand, &ada).await;
    let answer = get(&stand, &ada, &path).await.text().await.unwrap();
    assert!(!answer.contains("secret") && !answer.contains("internal"));
    assert!(!answer.contains(&ada.id));
    let body: Value = serde_json::from_str(&answer).unwrap();
    let first = &log[0];
    assert_eq!(
        body["data"][0],
        json!({
            "task": first.task, "kind": "inspect", "attempt": 1, "worker": "forge-1",
            "queued_at": first.queued_at, "started_at": first.started_at, "ended_at": first.ended_at,
            "outcome": "retried", "message": "ffmpeg failed (signal 9)", "code": "engine_killed",
            "class": "retry", "who_can_fix": "operator", "engine_said": ["[h264] no frame!"],
        })
    );
    assert_eq!(body["data"][1]["outcome"], "released");
    assert_eq!(body["data"][1]["code"], Value::Null);
    assert_eq!(
        body["data"][2],
        json!({ "task": first.task, "kind": "inspect", "attempt": 3, "queued_at": log[2].queued_at })
    );
    assert_eq!(body["next_cursor"], Value::Null);
}

#[tokio::test]
async fn the_log_is_paged_oldest_first_and_seen_by_its_director_only() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let (path, log) = tried_twice(&stand, &ada).await;
    let first = page(&stand, &ada, &format!("{path}?limit=2")).await;
    let cursor = first.next_cursor.unwrap();
    let rest = page(&stand, &ada, &format!("{path}?limit=2&cursor={cursor}")).await;
    assert_eq!(rest.next_cursor, None);
    let numbers: Vec<u32> = [first.data, rest.data]
        .concat()
        .iter()
        .map(|attempt| attempt.attempt)
        .collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(log.len(), 3);

    problem(get(&stand, &eve, &path).await, 404, "not_found").await;
    problem(
        stand.get(&path).send().await.unwrap(),
        401,
        "missing_api_key",
    )
    .await;
    let nonsense = "/api/v1/renders/nonsense/log";
    problem(get(&stand, &ada, nonsense).await, 404, "not_found").await;
    for wrong in ["x", "1.2.3", "-1", "1.'; DROP TABLE attempts; --.1"] {
        let wrong = format!("{path}?cursor={wrong}");
        problem(get(&stand, &ada, &wrong).await, 400, "bad_parameter").await;
    }
}
