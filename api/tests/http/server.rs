//! The server as a whole: ready or not, measured, stopped in order.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::stand::{Stand, until};

#[tokio::test]
async fn readiness_names_the_part_that_is_away_and_recovers() {
    let mut stand = Stand::start().await;
    assert_eq!(stand.get("/healthz").send().await.unwrap().status(), 200);
    let ready = stand.get("/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 200);
    let body: Value = ready.json().await.unwrap();
    assert_eq!(body, json!({"ready": true, "reasons": []}));

    stand.redis.stop().unwrap();
    until("redis is missed", async || {
        let answer = stand.get("/readyz").send().await.unwrap();
        answer.status() == 503
            && answer.json::<Value>().await.unwrap()["reasons"] == json!(["redis"])
    })
    .await;
    assert_eq!(stand.get("/healthz").send().await.unwrap().status(), 200);
    stand.redis.restart().unwrap();
    until("redis is back", async || {
        stand.get("/readyz").send().await.unwrap().status() == 200
    })
    .await;
}

#[tokio::test]
async fn metrics_count_requests_by_route_and_not_by_path() {
    let stand = Stand::start().await;
    for id in ["a", "b"] {
        stand
            .get(&format!("/api/v1/episodes/{id}"))
            .send()
            .await
            .unwrap();
        stand.get(&format!("/nowhere/{id}")).send().await.unwrap();
    }
    let answer = stand.get("/metrics").send().await.unwrap();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/plain")
    );
    let text = answer.text().await.unwrap();
    let count = |route: &str| {
        format!(
            r#"botflix_http_request_duration_seconds_count{{method="GET",route="{route}",status="404"}} 2"#
        )
    };
    assert!(text.contains(&count("/api/v1/episodes/{id}")), "{text}");
    assert!(text.contains(&count("unmatched")), "{text}");
}

#[tokio::test]
async fn a_stop_ends_event_streams_and_long_polls_at_once() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let clip = stand.upload(&ada, b"clip").await;
    let manifest = json!({"title": "T", "shots": [{"id": "1", "source": {"clip": clip}}]});
    let post = stand
        .post("/api/v1/renders")
        .bearer_auth(&ada.key)
        .json(&manifest);
    let render: Value = post.send().await.unwrap().json().await.unwrap();
    let path = format!("/api/v1/renders/{}", render["id"].as_str().unwrap());
    let stream = stand
        .get(&format!("{path}/events"))
        .bearer_auth(&ada.key)
        .send()
        .await
        .unwrap();
    let poll = tokio::spawn(
        stand
            .get(&format!("{path}?wait=60"))
            .bearer_auth(&ada.key)
            .send(),
    );
    let address = stand.server.local_addr();
    let Stand { server, .. } = stand;
    let started = Instant::now();
    let (_, text) = tokio::join!(server.stop(), stream.text());
    assert!(text.unwrap().contains("event: state"));
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    // The poll either got an answer with what there was, or came too late to be taken.
    if let Ok(answer) = poll.await.unwrap() {
        assert_eq!(answer.status(), 200);
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let redis = botflix_testkit::RedisServer::start().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().display();
    let config = botflix_api::ApiConfig::new(
        format!("sqlite://{path}/botflix.db"),
        redis.url(),
        format!("file://{path}/storage"),
        "127.0.0.1:0".parse().unwrap(),
    );
    let first = botflix_api::start(config.clone()).await.unwrap();
    let client = reqwest::Client::new();
    let register = client
        .post(format!("{}/api/v1/directors/register", first.public_url()))
        .json(&json!({"name": "Ada"}));
    let registered: Value = register.send().await.unwrap().json().await.unwrap();
    first.stop().await;
    let second = botflix_api::start(config).await.unwrap();
    let me = client
        .get(format!("{}/api/v1/directors/me", second.public_url()))
        .bearer_auth(registered["api_key"].as_str().unwrap());
    assert_eq!(me.send().await.unwrap().status(), 200);
    second.stop().await;
}
