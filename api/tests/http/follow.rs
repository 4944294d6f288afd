//! A render followed: by long poll, and by its event log from any point on.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::renders::{smallest, submit};
use crate::stand::{Stand, problem};

#[tokio::test]
async fn a_long_poll_answers_when_the_render_ends_and_not_before() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let clip = stand.upload(&ada, b"clip").await;
    let render: Value = submit(&stand, &ada, &smallest(clip))
        .await
        .json()
        .await
        .unwrap();
    let path = format!("/api/v1/renders/{}", render["id"].as_str().unwrap());
    let wait = async |seconds: u64| -> Value {
        let request = stand
            .get(&format!("{path}?wait={seconds}"))
            .bearer_auth(&ada.key);
        request.send().await.unwrap().json().await.unwrap()
    };
    let started = Instant::now();
    assert_eq!(wait(1).await["state"], "accepted");
    assert!(started.elapsed() >= Duration::from_secs(1));

    let started = Instant::now();
    let cancel = stand.post(&format!("{path}/cancel")).bearer_auth(&ada.key);
    let (polled, canceled) = tokio::join!(wait(15), cancel.send());
    assert_eq!(canceled.unwrap().status(), 200);
    assert_eq!(polled["state"], "canceled");
    assert!(started.elapsed() < Duration::from_secs(10));
    // Canceling twice is no error: what was asked for is so.
    let again = stand.post(&format!("{path}/cancel")).bearer_auth(&ada.key);
    assert_eq!(again.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_event_stream_resumes_where_it_was_left_and_ends_with_the_render() {
    let stand = Stand::start().await;
    let ada = stand.register("Ada").await;
    let clip = stand.upload(&ada, b"clip").await;
    let render: Value = submit(&stand, &ada, &smallest(clip))
        .await
        .json()
        .await
        .unwrap();
    let path = format!("/api/v1/renders/{}", render["id"].as_str().unwrap());
    let cancel = stand.post(&format!("{path}/cancel")).bearer_auth(&ada.key);
    let follow = async |query: &str, last: Option<&str>| {
        let mut request = stand
            .get(&format!("{path}/events{query}"))
            .bearer_auth(&ada.key);
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        request.send().await.unwrap()
    };
    let live = follow("", None).await;
    assert_eq!(live.headers()["content-type"], "text/event-stream");
    // The stream was open before the cancel, and ends because of it.
    let (text, canceled) = tokio::join!(live.text(), cancel.send());
    assert_eq!(canceled.unwrap().status(), 200);
    let events = parse(&text.unwrap());
    assert!(events.len() >= 2, "{events:?}");
    let numbers: Vec<i64> = events.iter().map(|(id, _)| *id).collect();
    assert_eq!(numbers, (1..=events.len() as i64).collect::<Vec<_>>());
    assert_eq!(events[0].1["state"], "accepted");
    assert_eq!(events.last().unwrap().1["state"], "canceled");

    let rest = parse(&follow("", Some("1")).await.text().await.unwrap());
    assert_eq!(rest, events[1..]);
    assert_eq!(
        parse(&follow("?after=1", None).await.text().await.unwrap()),
        events[1..]
    );
    let last = numbers.last().unwrap().to_string();
    assert_eq!(follow("", Some(&last)).await.text().await.unwrap(), "");
    problem(follow("", Some("x")).await, 400, "bad_parameter").await;
}

/// The events of an SSE body: id and data. Checks that the event's name is its kind.
fn parse(text: &str) -> Vec<(i64, Value)> {
    let field = |block: &str, name: &str| {
        block
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .unwrap_or_else(|| panic!("no {name} in {block}"))
            .to_owned()
    };
    text.split("\n\n")
        .filter(|block| block.contains("data:"))
        .map(|block| {
            let data: Value = serde_json::from_str(&field(block, "data")).unwrap();
            assert_eq!(data["kind"], field(block, "event"));
            let id: i64 = field(block, "id").parse().unwrap();
            assert_eq!(data["seq"], id);
            (id, data)
        })
        .collect()
}
