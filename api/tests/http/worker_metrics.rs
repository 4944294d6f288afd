//! What workers leave in Redis, as Prometheus sees it: honest ones merged, false and broken ones left out, and Redis away.

use botflix_common::exposition::{self, Sample};
use botflix_common::queue::METRICS_LIMIT_BYTES;
use botflix_common::report::WorkerHello;
use redis::Commands as _;

use crate::stand::{Stand, problem, until};

fn hello(name: &str) -> WorkerHello {
    WorkerHello {
        name: name.to_owned(),
        instance: format!("{name}-1"),
        version: "0.1.0".to_owned(),
        slots: 2,
        engine: "ffmpeg".to_owned(),
        ..WorkerHello::default()
    }
}

async fn page(stand: &Stand) -> Vec<Sample> {
    let answer = stand.get("/metrics/workers").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    exposition::read(&answer.text().await.unwrap()).unwrap()
}

async fn dropped(stand: &Stand, why: &str) -> f64 {
    let name = format!("botflix_relay_dropped_total{{why=\"{why}\"}}");
    stand.metric(&name).await
}

#[tokio::test]
async fn workers_metrics_are_relayed_and_one_that_lies_breaks_nothing() {
    let stand = Stand::start().await;
    let queue = &stand.server.app().queue;
    for name in ["anvil", "forge", "liar", "list", "huge"] {
        queue.hello(&hello(name)).await.unwrap();
    }
    let slots = "botflix_worker_slots 2\n";
    queue.leave_metrics("anvil-1", slots).await.unwrap();
    queue.leave_metrics("forge-1", slots).await.unwrap();
    let client = redis::Client::open(stand.redis.url()).unwrap();
    let mut raw = client.get_connection().unwrap();
    let lie = "botflix_worker_slots 2\nbotflix_tasks{lane=\"cpu\",state=\"ready\"} 0\n";
    let _: () = raw.set("botflix:metrics:liar-1", lie).unwrap();
    let _: () = raw.rpush("botflix:metrics:list-1", "no text").unwrap();
    let huge = "#".repeat(METRICS_LIMIT_BYTES * 3);
    let _: () = raw.set("botflix:metrics:huge-1", &huge).unwrap();

    let samples = page(&stand).await;
    let workers: Vec<&str> = samples.iter().map(|one| one.label("worker")).collect();
    assert_eq!(workers, ["anvil", "forge"], "{samples:?}");
    assert_eq!(dropped(&stand, "foreign").await, 1.0);
    assert_eq!(dropped(&stand, "too_large").await, 1.0);
    let refused = queue.leave_metrics("huge-1", &huge).await;
    assert!(refused.is_err(), "a worker does not even send it");

    // Forgotten with its worker, at the latest after half a minute.
    let left: i64 = raw.ttl("botflix:metrics:forge-1").unwrap();
    assert!((1..=30).contains(&left), "{left}");
    queue.goodbye("forge-1").await.unwrap();
    assert!(!raw.exists::<_, bool>("botflix:metrics:forge-1").unwrap());
    until("the page is made anew", async || {
        page(&stand)
            .await
            .iter()
            .all(|one| one.label("worker") == "anvil")
    })
    .await;
}

#[tokio::test]
async fn without_redis_the_relay_says_that_it_is_away_and_comes_back() {
    let mut stand = Stand::start().await;
    assert_eq!(page(&stand).await, []);
    stand.redis.stop().unwrap();
    until("the last page is too old", async || {
        let answer = stand.get("/metrics/workers").send().await.unwrap();
        answer.status() != 200
    })
    .await;
    let answer = stand.get("/metrics/workers").send().await.unwrap();
    problem(answer, 503, "unavailable").await;
    stand.redis.restart().unwrap();
    until("redis is back", async || {
        let answer = stand.get("/metrics/workers").send().await.unwrap();
        answer.status() == 200
    })
    .await;
}
