//! Manifests in: accepted once, refused with every reason, seen by their director alone.

use botflix_api::db;
use botflix_common::facts::{ClipFacts, Container};
use botflix_common::fixtures;
use botflix_common::hash::Sha;
use botflix_common::http::ClipStatus;
use botflix_common::units::FrameRate;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::stand::{Director, Stand, problem};

const NOBODYS: &str = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

pub async fn submit(stand: &Stand, director: &Director, manifest: &str) -> Response {
    stand
        .post("/api/v1/renders")
        .bearer_auth(&director.key)
        .body(manifest.to_owned())
        .send()
        .await
        .unwrap()
}

pub fn smallest(clip: Sha) -> String {
    json!({"title": "T", "shots": [{"id": "1", "source": {"clip": clip}}]}).to_string()
}

/// A clip that was inspected and is a sound without a picture.
async fn sound_clip(stand: &Stand, director: &Director, bytes: &[u8]) -> Sha {
    let sha = stand.upload(director, bytes).await;
    let facts = ClipFacts {
        container: Some(Container::Wav),
        video: None,
        audio: Some(fixtures::sound(480_000)),
        ..fixtures::silent_clip(320, 180, FrameRate::new(24, 1).unwrap(), 48)
    };
    let mut tx = stand.server.app().db.write().await.unwrap();
    let moved = db::clips::fate::inspected(&mut tx, &sha, ClipStatus::Ready, &facts)
        .await
        .unwrap();
    assert!(moved.is_made());
    tx.commit().await.unwrap();
    sha
}

fn has(problem: &Value, pointer: &str, code: &str) -> bool {
    problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .any(|error| error["pointer"] == pointer && error["code"] == code)
}

#[tokio::test]
async fn every_problem_of_a_manifest_comes_at_once_with_its_pointer() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let sound = sound_clip(&stand, &ada, b"sound").await;
    let manifest = format!(
        r#"{{"titel": "T", "shots": [
            {{"id": "1", "source": {{"clip": "{sound}"}}}},
            {{"id": "1", "source": {{"clip": "{NOBODYS}"}}, "trim": {{"start": NaN}}}},
            {{"id": "3", "source": {{"clip": "{NOBODYS}"}}, "audio": {{"gain": "loud"}}, "fit": "cove"}}
        ]}}"#
    );
    let found = problem(
        submit(&stand, &ada, &manifest).await,
        422,
        "invalid_manifest",
    )
    .await;
    for (pointer, code) in [
        ("/titel", "unknown_field"),
        ("/title", "missing_field"),
        ("/shots/0/source/clip", "no_video"),
        ("/shots/1/source/clip", "unknown_clip"),
        ("/shots/1/trim/start", "not_a_number"),
        ("/shots/1/id", "duplicate_id"),
        ("/shots/2/source/clip", "unknown_clip"),
        ("/shots/2/audio/gain", "wrong_type"),
        ("/shots/2/fit", "unknown_value"),
    ] {
        assert!(
            has(&found, pointer, code),
            "{pointer} {code} is not in {found:#}"
        );
    }
    let meant = found["errors"]
        .as_array()
        .unwrap()
        .iter()
        .find(|error| error["pointer"] == "/titel");
    assert_eq!(meant.unwrap()["did_you_mean"], "title");
    assert_eq!(found["who_can_fix"], "director");
    assert_eq!(found["retryable"], false);
}

#[tokio::test]
async fn another_directors_clip_is_unknown() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let clip = stand.upload(&ada, b"clip").await;
    let found = problem(
        submit(&stand, &eve, &smallest(clip)).await,
        422,
        "invalid_manifest",
    )
    .await;
    assert!(
        has(&found, "/shots/0/source/clip", "unknown_clip"),
        "{found:#}"
    );
    let huge = " ".repeat(5 * 1024 * 1024);
    problem(submit(&stand, &ada, &huge).await, 413, "too_large").await;
    problem(submit(&stand, &ada, "[1").await, 422, "invalid_manifest").await;
}

#[tokio::test]
async fn the_same_idempotency_key_is_the_same_render() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let clip = stand.upload(&ada, b"clip").await;
    let send = |body: String| {
        stand
            .post("/api/v1/renders")
            .bearer_auth(&ada.key)
            .header("idempotency-key", "k1")
            .body(body)
            .send()
    };
    let first = send(smallest(clip)).await.unwrap();
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let location = first.headers()["location"].to_str().unwrap().to_owned();
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let again = send(smallest(clip)).await.unwrap();
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(again.headers()["location"], location);
    let other = smallest(clip).replace("\"T\"", "\"U\"");
    problem(send(other).await.unwrap(), 422, "idempotency_key_reused").await;

    let list: Value = stand
        .get("/api/v1/renders")
        .bearer_auth(&ada.key)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["next_cursor"], Value::Null);
}

#[tokio::test]
async fn renders_are_seen_by_their_director_only_and_paged_newest_first() {
    let stand = Stand::start().await;
    let (ada, eve) = (stand.register("Ada").await, stand.register("Eve").await);
    let clip = stand.upload(&ada, b"clip").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let body: Value = submit(&stand, &ada, &smallest(clip))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(body["state"], "accepted");
        ids.insert(0, body["id"].as_str().unwrap().to_owned());
    }
    let get = async |path: &str, director: &Director| {
        stand
            .get(path)
            .bearer_auth(&director.key)
            .send()
            .await
            .unwrap()
    };
    let path = format!("/api/v1/renders/{}", ids[0]);
    assert_eq!(get(&path, &ada).await.status(), 200);
    problem(get(&path, &eve).await, 404, "not_found").await;
    problem(get(&format!("{path}/events"), &eve).await, 404, "not_found").await;
    problem(
        get("/api/v1/renders/nonsense", &ada).await,
        404,
        "not_found",
    )
    .await;

    let page: Value = get("/api/v1/renders?limit=2", &ada)
        .await
        .json()
        .await
        .unwrap();
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest: Value = get(&format!("/api/v1/renders?limit=2&cursor={cursor}"), &ada)
        .await
        .json()
        .await
        .unwrap();
    let seen: Vec<&str> = [&page, &rest]
        .into_iter()
        .flat_map(|page| page["data"].as_array().unwrap())
        .map(|render| render["id"].as_str().unwrap())
        .collect();
    assert_eq!(seen, ids);
    problem(
        get("/api/v1/renders?cursor=x", &ada).await,
        400,
        "bad_parameter",
    )
    .await;
    problem(
        get("/api/v1/renders?limit=x", &ada).await,
        400,
        "bad_parameter",
    )
    .await;
}

#[tokio::test]
async fn a_retry_says_what_there_is_to_try_again() {
    let stand = Stand::start().await;
    let (ada, bob) = (stand.register("Ada").await, stand.register("Bob").await);
    let clip = stand.upload(&ada, b"clip").await;
    let film = smallest(clip).replace(r#""id":"1""#, r#""id":"opening""#);
    let accepted: Value = submit(&stand, &ada, &film).await.json().await.unwrap();
    let path = format!("/api/v1/renders/{}/retry", accepted["id"].as_str().unwrap());
    let retry = async |director: &Director, body: &'static str| {
        let call = stand.post(&path).bearer_auth(&director.key).body(body);
        call.send().await.unwrap()
    };
    // It waits for its clip: nothing to do, and no error either.
    assert_eq!(retry(&ada, "").await.status(), StatusCode::OK);
    let unknown = problem(
        retry(&ada, r#"{"shot": "openin"}"#).await,
        422,
        "invalid_body",
    )
    .await;
    assert!(has(&unknown, "/shot", "unknown_shot"), "{unknown}");
    assert_eq!(unknown["errors"][0]["did_you_mean"], "opening");
    assert_eq!(
        retry(&ada, r#"{"shots": "1"}"#).await.status(),
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(retry(&ada, "{").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(retry(&bob, "").await.status(), StatusCode::NOT_FOUND);

    let cancel = path.replace("/retry", "/cancel");
    let canceled = stand.post(&cancel).bearer_auth(&ada.key).send().await;
    assert_eq!(canceled.unwrap().status(), StatusCode::OK);
    let again = retry(&ada, "").await;
    assert_eq!(again.status(), StatusCode::ACCEPTED);
    let again: Value = again.json().await.unwrap();
    assert_eq!(again["state"], "accepted");
    assert_eq!(again["id"], accepted["id"]);
}

#[tokio::test]
async fn a_revision_is_a_render_of_its_own_that_names_the_first() {
    let stand = Stand::start().await;
    let (ada, bob) = (stand.register("Ada").await, stand.register("Bob").await);
    let clip = stand.upload(&ada, b"clip").await;
    let send = async |director: &Director, path: &str, key: &str, body: String| {
        let call = stand.post(path).bearer_auth(&director.key).body(body);
        let call = call.header("Idempotency-Key", key.to_owned());
        call.send().await.unwrap()
    };
    let first = send(&ada, "/api/v1/renders", "one", smallest(clip)).await;
    let first: Value = first.json().await.unwrap();
    assert_eq!(
        (&first["revision"], first.get("revises")),
        (&json!(1), None)
    );
    let path = format!(
        "/api/v1/renders/{}/revisions",
        first["id"].as_str().unwrap()
    );
    let dry = send(&ada, &format!("{path}?dry_run=true"), "dry", smallest(clip)).await;
    assert_eq!(dry.status(), StatusCode::OK);
    let dry: Value = dry.json().await.unwrap();
    assert_eq!(dry["inspecting_clips"], json!([clip]));
    let second = send(&ada, &format!("{path}?priority=8"), "two", smallest(clip)).await;
    assert_eq!(second.status(), StatusCode::ACCEPTED);
    let second: Value = second.json().await.unwrap();
    assert_ne!(second["id"], first["id"]);
    assert_eq!(
        (&first["priority"], &second["priority"]),
        (&json!(5), &json!(8))
    );
    assert_eq!(
        (&second["revision"], &second["revises"]),
        (&json!(2), &first["id"])
    );
    let same = send(&ada, &path, "two", smallest(clip)).await;
    assert_eq!(same.headers()["idempotent-replayed"], "true");
    // The key stood for a first render: the same manifest at another place is another request.
    let reused = send(&ada, &path, "one", smallest(clip)).await;
    problem(reused, 422, "idempotency_key_reused").await;
    let flawed = send(
        &ada,
        &path,
        "three",
        r#"{"title": "T", "shots": []}"#.to_owned(),
    )
    .await;
    problem(flawed, 422, "invalid_manifest").await;
    let foreign = send(&bob, &path, "one", smallest(clip)).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
}
