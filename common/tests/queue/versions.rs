//! Processes of different versions on one Redis: what one does not understand, another runs; what the version before wrote is understood.

use botflix_common::queue::{LaneBackend, LeaseEvent, Queue};
use botflix_common::report::{Report, ReportBody, WorkerHello};
use botflix_common::task::{Lane, PAYLOAD_VERSION, TaskInput, TaskMessage, TaskRecord};
use tokio::sync::mpsc;

use crate::farm::{Worker, attempt, eventually, eventually_empty, message, next, noting};
use crate::redis_server::RedisServer;

const CPU: Lane = Lane::Cpu;
/// As the version before wrote them; until there is one, as this version does.
const MESSAGE: &str = include_str!("payloads/1/message.json");
const INPUT: &str = include_str!("payloads/1/input.json");
const RECORD: &str = include_str!("payloads/1/record.json");
const REPORTS: &str = include_str!("payloads/1/reports.json");
const HELLO: &str = include_str!("payloads/1/hello.json");

/// A process that knows payloads up to this version.
fn knowing(redis: &RedisServer, payload_version: u32) -> Queue {
    let mut config = redis.config();
    config.payload_version = payload_version;
    Queue::connect(config).unwrap()
}

#[tokio::test]
async fn a_task_that_is_too_new_for_a_worker_goes_back_and_another_runs_it_as_the_same_attempt() {
    let redis = RedisServer::start();
    let (old, new) = (knowing(&redis, 1), knowing(&redis, 2));
    let id = attempt("newer", 3);
    let newer = TaskMessage {
        version: 2,
        ..message(id)
    };
    new.push(CPU, &newer).await.unwrap();
    let (ran, mut runs) = mpsc::channel(16);
    let old_worker = Worker::start(&old, vec![CPU], "old", 1, noting(&ran));
    // It looks again, and not at once.
    let tally = old_worker.tally.clone();
    eventually("it was declined twice", async || {
        tally.count(LeaseEvent::Declined) >= 2
    })
    .await;
    assert!(tally.count(LeaseEvent::Declined) < 5, "a hot loop");
    assert_eq!(
        old_worker
            .gate
            .declined_within(std::time::Duration::from_secs(60)),
        Some(2)
    );
    assert_eq!(tally.count(LeaseEvent::Taken), 0);
    assert!(runs.try_recv().is_err());

    let new_worker = Worker::start(&new, vec![CPU], "new", 1, noting(&ran));
    assert_eq!(next(&mut runs).await, id);
    eventually_empty(&new, CPU).await;
    // What it understands it goes on taking.
    new_worker.join().await;
    let known = attempt("known", 1);
    old.push(
        CPU,
        &TaskMessage {
            version: 1,
            ..message(known)
        },
    )
    .await
    .unwrap();
    assert_eq!(next(&mut runs).await, known);
    old_worker.join().await;
    let buried: u64 = redis::cmd("XLEN")
        .arg("botflix:dead")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert_eq!(buried, 0);
}

#[tokio::test]
async fn a_worker_understands_what_the_version_before_its_own_wrote() {
    let redis = RedisServer::start();
    let (old, new) = (knowing(&redis, 1), knowing(&redis, 2));
    let id = attempt("older", 1);
    old.push(
        CPU,
        &TaskMessage {
            version: 1,
            ..message(id)
        },
    )
    .await
    .unwrap();
    let (ran, mut runs) = mpsc::channel(16);
    let worker = Worker::start(&new, vec![CPU], "new", 1, noting(&ran));
    assert_eq!(next(&mut runs).await, id);
    worker.join().await;
}

#[tokio::test]
async fn a_hello_says_whether_its_worker_is_too_old_for_who_reads_it() {
    let redis = RedisServer::start();
    let (old, new) = (knowing(&redis, 1), knowing(&redis, 2));
    let hello = |name: &str| WorkerHello {
        name: name.to_owned(),
        instance: name.to_owned(),
        lanes: vec![CPU],
        ..WorkerHello::default()
    };
    old.hello(&hello("a")).await.unwrap();
    new.hello(&hello("b")).await.unwrap();
    let takes = async |queue: &Queue| -> Vec<bool> {
        let workers = queue.workers().await.unwrap();
        workers.iter().map(|one| one.takes_tasks_of(CPU)).collect()
    };
    assert_eq!(takes(&new).await, [false, true]);
    assert_eq!(takes(&old).await, [true, true]);
}

#[test]
fn what_the_version_before_wrote_reads_and_what_a_later_one_adds_is_passed_over() {
    let message: TaskMessage = serde_json::from_str(MESSAGE).unwrap();
    assert!(message.version + 1 >= PAYLOAD_VERSION);
    let input: TaskInput = serde_json::from_str(INPUT).unwrap();
    assert_eq!(input.spec.needs().len(), input.upstream.len());
    let record: TaskRecord = serde_json::from_str(RECORD).unwrap();
    assert_eq!(record.artifacts.len(), 1);
    let reports: Vec<Report> = serde_json::from_str(REPORTS).unwrap();
    let names: Vec<&str> = reports.iter().map(|report| report.body.name()).collect();
    assert_eq!(names, ReportBody::NAMES);
    let hello: WorkerHello = serde_json::from_str(HELLO).unwrap();
    assert_eq!(
        (hello.payload_version, hello.lanes),
        (1, vec![Lane::Io, CPU])
    );

    // The same with a field of tomorrow in each.
    for text in [MESSAGE, INPUT, RECORD, HELLO] {
        let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
        value["of_tomorrow"] = serde_json::json!({ "x": 1 });
        let text = value.to_string();
        let reads = serde_json::from_str::<TaskMessage>(&text).is_ok()
            || serde_json::from_str::<TaskInput>(&text).is_ok()
            || serde_json::from_str::<TaskRecord>(&text).is_ok()
            || serde_json::from_str::<WorkerHello>(&text).is_ok();
        assert!(reads, "{text}");
    }
    let tomorrow = REPORTS.replace("\"kind\":", "\"of_tomorrow\": 1, \"kind\":");
    assert_eq!(
        serde_json::from_str::<Vec<Report>>(&tomorrow).unwrap(),
        reports
    );
}

#[tokio::test]
async fn a_backend_starts_without_anything_declined() {
    let redis = RedisServer::start();
    let backend = LaneBackend::start(&redis.queue(), vec![CPU], "w").unwrap();
    let a_day = std::time::Duration::from_secs(86_400);
    assert_eq!(backend.gate().declined_within(a_day), None);
}
