//! One healthy Redis: delivery, order, cancel, bad messages, many tasks.

use std::time::Duration;

use botflix_common::queue::{Queue, QueueConfig, QueueError, Signal};
use botflix_common::report::{ReportBody, WorkerHello};
use botflix_common::task::{AttemptId, Lane, PAYLOAD_VERSION};
use tokio::sync::mpsc;

use crate::farm::{Worker, attempt, eventually, eventually_empty, message, next, noting, within};
use crate::redis_server::RedisServer;

const CPU: Lane = Lane::Cpu;

#[tokio::test]
async fn an_attempt_that_is_pushed_twice_is_queued_once() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let id = attempt("twice", 1);
    assert!(queue.push(CPU, &message(id)).await.unwrap());
    assert!(!queue.push(CPU, &message(id)).await.unwrap());
    assert!(
        queue
            .push(CPU, &message(attempt("twice", 2)))
            .await
            .unwrap()
    );
    assert_eq!(queue.depth(CPU).await.unwrap().waiting, 2);
}

#[tokio::test]
async fn a_task_runs_once_and_leaves_neither_an_entry_nor_a_consumer() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 2, noting(&ran));
    let id = attempt("once", 1);
    queue.push(CPU, &message(id)).await.unwrap();
    assert_eq!(next(&mut runs).await, id);
    eventually_empty(&queue, CPU).await;
    assert!(
        !queue.push(CPU, &message(id)).await.unwrap(),
        "it had been pushed"
    );
    worker.join().await;
    assert!(runs.try_recv().is_err(), "it ran again");
    let consumers: Vec<redis::Value> = redis::cmd("XINFO")
        .arg("CONSUMERS")
        .arg("botflix:lane:cpu")
        .arg("farm")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert!(consumers.is_empty(), "{consumers:?}");
}

/// Seconds for which it is remembered that an attempt was pushed.
async fn remembered(redis: &RedisServer, id: AttemptId) -> i64 {
    redis::cmd("TTL")
        .arg(format!("botflix:seen:{id}"))
        .query_async(&mut redis.connection().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_attempt_that_has_left_its_lane_is_remembered_for_minutes_only() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let of_ended = 1..=300;
    let [done, removed, lost] = ["done", "removed", "lost"].map(|name| attempt(name, 1));
    queue.push(CPU, &message(removed)).await.unwrap();
    assert!(remembered(&redis, removed).await > 60 * 60);
    assert!(queue.remove(CPU, removed).await.unwrap());
    assert!(of_ended.contains(&remembered(&redis, removed).await));

    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, noting(&ran));
    queue.push(CPU, &message(done)).await.unwrap();
    assert_eq!(next(&mut runs).await, done);
    eventually_empty(&queue, CPU).await;
    assert!(of_ended.contains(&remembered(&redis, done).await));
    worker.join().await;

    let gone = Worker::start(&queue, vec![CPU], "w2", 1, |_, _| std::future::pending());
    queue.push(CPU, &message(lost)).await.unwrap();
    eventually("a worker has it", async || {
        queue.depth(CPU).await.unwrap().held == 1
    })
    .await;
    drop(gone);
    let reaped = queue.reap(CPU, Duration::ZERO).await.unwrap();
    assert_eq!(reaped, [lost]);
    assert!(of_ended.contains(&remembered(&redis, lost).await));
}

#[tokio::test]
async fn a_worker_serves_its_lanes_in_its_order_and_takes_no_more_than_it_has_slots() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let io = attempt("io", 1);
    queue.push(Lane::Io, &message(io)).await.unwrap();
    for number in 0..3 {
        queue
            .push(CPU, &message(attempt("cpu", number)))
            .await
            .unwrap();
    }
    let (ran, mut runs) = mpsc::channel(16);
    let (let_go, may_go) = tokio::sync::watch::channel(false);
    let worker = Worker::start(&queue, vec![CPU, Lane::Io], "w1", 1, move |message, _| {
        let (ran, mut may_go) = (ran.clone(), may_go.clone());
        async move {
            ran.send(message.id).await?;
            may_go.wait_for(|go| *go).await?;
            Ok(())
        }
    });
    let mut order = vec![next(&mut runs).await];
    let held = queue.snapshot(CPU).await.unwrap();
    assert_eq!(held.entries.len(), 3);
    assert_eq!(
        held.entries
            .iter()
            .filter(|e| e.holder.as_deref() == Some("w1"))
            .count(),
        1
    );
    assert_eq!(queue.depth(Lane::Io).await.unwrap().held, 0);
    let_go.send_replace(true);
    for _ in 0..3 {
        order.push(next(&mut runs).await);
    }
    assert_eq!(order[3], io, "the first lane goes first");
    worker.join().await;
}

#[tokio::test]
async fn a_bad_payload_is_buried_and_reported_and_the_next_task_runs() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut raw = redis.connection().await;
    let old = attempt("older", 4);
    let versioned = format!(r#"{{"version":0,"id":"{old}","kind":"hologram"}}"#);
    let other = serde_json::to_string(&message(attempt("other", 1))).unwrap();
    let bad: [(&str, &[u8]); 4] = [
        ("not an id", b"not json"),
        ("not an id", b"\xff\xfe"),
        (&old.to_string(), versioned.as_bytes()),
        (&attempt("this", 1).to_string(), other.as_bytes()),
    ];
    for (id, payload) in bad {
        let mut add = redis::cmd("XADD");
        add.arg("botflix:lane:cpu")
            .arg("*")
            .arg("id")
            .arg(id)
            .arg("p")
            .arg(payload);
        add.query_async::<String>(&mut raw).await.unwrap();
    }
    let good = attempt("good", 1);
    queue.push(CPU, &message(good)).await.unwrap();

    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, noting(&ran));
    assert_eq!(next(&mut runs).await, good);
    eventually_empty(&queue, CPU).await;
    worker.join().await;
    assert!(runs.try_recv().is_err(), "a bad payload ran");

    let buried: u64 = redis::cmd("XLEN")
        .arg("botflix:dead")
        .query_async(&mut raw)
        .await
        .unwrap();
    assert_eq!(buried, 4);
    let mut reports = queue.report_reader("api");
    let batch = reports
        .next_batch(10, Duration::from_secs(1))
        .await
        .unwrap();
    let codes: Vec<(String, String)> = batch
        .iter()
        .map(|(_, report)| match &report.body {
            ReportBody::Failed { failure } => (report.id.to_string(), failure.code.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        codes,
        [
            (old.to_string(), "payload_version_unknown".to_owned()),
            (
                attempt("this", 1).to_string(),
                "payload_malformed".to_owned()
            ),
        ]
    );
}

#[tokio::test]
async fn an_attempt_that_waits_can_be_removed_and_one_that_runs_can_only_be_canceled() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (signaled, mut signals) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, move |_, lease| {
        let signaled = signaled.clone();
        async move {
            signaled.send(Signal::Run).await?;
            signaled.send(lease.lost_or_canceled().await).await?;
            Ok(())
        }
    });
    let (runs, waits) = (attempt("runs", 1), attempt("waits", 1));
    queue.push(CPU, &message(runs)).await.unwrap();
    assert_eq!(next(&mut signals).await, Signal::Run);
    queue.push(CPU, &message(waits)).await.unwrap();
    assert!(queue.remove(CPU, waits).await.unwrap());
    assert!(!queue.remove(CPU, waits).await.unwrap());
    assert!(!queue.remove(CPU, runs).await.unwrap());
    queue.cancel(runs).await.unwrap();
    let told = within(Duration::from_secs(2), signals.recv())
        .await
        .unwrap();
    assert_eq!(told, Signal::Cancel);
    eventually_empty(&queue, CPU).await;
    worker.join().await;
}

#[tokio::test]
async fn a_closed_gate_takes_nothing_and_an_opened_one_does() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, noting(&ran));
    queue
        .push(CPU, &message(attempt("before", 1)))
        .await
        .unwrap();
    next(&mut runs).await;
    // The worker reads already; what that read brings must go back.
    worker.gate.close();
    let id = attempt("while closed", 1);
    queue.push(CPU, &message(id)).await.unwrap();
    let quiet = tokio::time::timeout(Duration::from_millis(1_500), runs.recv()).await;
    assert!(quiet.is_err(), "a closed gate let {quiet:?} through");
    assert_eq!(queue.depth(CPU).await.unwrap().waiting, 1);
    worker.gate.open();
    assert_eq!(next(&mut runs).await, id);
    worker.join().await;
}

#[tokio::test]
async fn a_task_whose_handler_fails_is_left_for_the_reaper() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let worker = Worker::start(&queue, vec![CPU], "w1", 1, |_, _| async {
        Err("boom".into())
    });
    let id = attempt("fails", 1);
    queue.push(CPU, &message(id)).await.unwrap();
    let mut reaped = Vec::new();
    eventually("it is reaped", async || {
        reaped.extend(queue.reap(CPU, queue.config().lease).await.unwrap());
        !reaped.is_empty()
    })
    .await;
    assert_eq!(reaped, [id]);
    worker.join().await;
}

#[tokio::test]
async fn twenty_thousand_tasks_drain() {
    const TASKS: u32 = 20_000;
    let redis = RedisServer::start();
    let queue = redis.queue();
    // Pushed in bulk: the pushing itself is measured elsewhere.
    let mut raw = redis.connection().await;
    for chunk in 0..TASKS / 1_000 {
        let mut pipe = redis::pipe();
        for number in chunk * 1_000..(chunk + 1) * 1_000 {
            let id = attempt("backlog", number);
            let payload = serde_json::to_string(&message(id)).unwrap();
            pipe.cmd("XADD").arg("botflix:lane:cpu").arg("*");
            pipe.arg("id")
                .arg(id.to_string())
                .arg("p")
                .arg(payload)
                .ignore();
        }
        pipe.query_async::<()>(&mut raw).await.unwrap();
    }
    let snapshot = queue.snapshot(CPU).await.unwrap();
    assert!(!snapshot.truncated);
    assert_eq!(snapshot.entries.len(), TASKS as usize, "all pages of it");
    let (ran, mut runs) = mpsc::channel(1_024);
    let worker = Worker::start(&queue, vec![CPU, Lane::Io], "w1", 16, noting(&ran));
    let mut seen = std::collections::HashSet::new();
    for _ in 0..TASKS {
        assert!(seen.insert(next(&mut runs).await), "one ran twice");
    }
    eventually_empty(&queue, CPU).await;
    worker.join().await;
    assert!(runs.try_recv().is_err());
}

#[tokio::test]
async fn workers_are_listed_until_they_say_goodbye_or_fall_silent() {
    let redis = RedisServer::start();
    let mut config = redis.config();
    config.hello_ttl = Duration::from_secs(1);
    let queue = Queue::connect(config).unwrap();
    let hello = |instance: &str| WorkerHello {
        name: "node".to_owned(),
        instance: instance.to_owned(),
        version: "0.1.0".to_owned(),
        lanes: vec![CPU],
        slots: 2,
        engine: "ffmpeg".to_owned(),
        payload_version: PAYLOAD_VERSION,
        ..WorkerHello::default()
    };
    queue.hello(&hello("a")).await.unwrap();
    queue.hello(&hello("b")).await.unwrap();
    assert_eq!(queue.workers().await.unwrap(), [hello("a"), hello("b")]);
    queue.goodbye("a").await.unwrap();
    assert_eq!(queue.workers().await.unwrap(), [hello("b")]);
    eventually("the silent one is forgotten", async || {
        queue.workers().await.unwrap().is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_forgets_or_evicts_is_warned_of() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    assert!(queue.health().await.unwrap().warnings().is_empty());
    let mut raw = redis.connection().await;
    for (name, value) in [("appendonly", "no"), ("maxmemory-policy", "allkeys-lru")] {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        set.query_async::<()>(&mut raw).await.unwrap();
    }
    assert_eq!(queue.health().await.unwrap().warnings().len(), 2);
}

#[tokio::test]
async fn an_absent_redis_is_a_retryable_error_and_no_hang() {
    let mut config = QueueConfig::new("redis+unix:///nowhere/redis.sock");
    config.command_timeout = Duration::from_millis(500);
    let queue = Queue::connect(config).unwrap();
    let error = within(Duration::from_secs(2), queue.ping())
        .await
        .unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert!(matches!(
        Queue::connect(QueueConfig::new("nonsense")),
        Err(QueueError::Config(_))
    ));
}
