//! Reports: none is lost, their order is kept, and what is not acknowledged comes again.

use std::time::Duration;

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::queue::ReportReader;
use botflix_common::report::{Report, ReportBody};

use crate::farm::{attempt, eventually, within};
use crate::redis_server::RedisServer;

fn report(number: u32, body: ReportBody) -> Report {
    Report {
        id: attempt("report", number),
        worker: "w1".to_owned(),
        body,
    }
}

fn failed(number: u32) -> Report {
    let failure = Failure::new(FailureClass::Retry, WhoCanFix::Operator, "x", "y");
    report(number, ReportBody::Failed { failure })
}

fn progress(number: u32, fraction: f64) -> Report {
    report(
        number,
        ReportBody::Progress {
            fraction,
            speed: None,
        },
    )
}

/// Reads and acknowledges until `count` reports came.
async fn read(reader: &mut ReportReader, count: usize) -> Vec<Report> {
    let mut read = Vec::new();
    eventually("all reports came", async || {
        let Ok(batch) = reader.next_batch(64, Duration::from_millis(200)).await else {
            return false;
        };
        let (entries, reports): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        reader.ack(&entries).await.unwrap();
        read.extend(reports);
        read.len() >= count
    })
    .await;
    read
}

#[tokio::test]
async fn reports_survive_a_redis_outage_in_order() {
    const REPORTS: u32 = 300;
    let mut redis = RedisServer::start();
    let queue = redis.queue();
    let sender = queue.report_sender();
    sender
        .send_durable(report(0, ReportBody::Started))
        .await
        .unwrap();
    redis.kill();
    for number in 1..REPORTS {
        sender
            .send(report(number, ReportBody::Started))
            .await
            .unwrap();
        sender.send(progress(number, 0.5)).await.unwrap();
    }
    let last = tokio::spawn({
        let sender = sender.clone();
        async move { sender.send_durable(failed(REPORTS)).await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!last.is_finished(), "Redis is away: nothing can be durable");
    redis.start_again();
    within(Duration::from_secs(10), last)
        .await
        .unwrap()
        .unwrap();

    let mut reader = queue.report_reader("api");
    let arrived = read(&mut reader, REPORTS as usize + 1).await;
    let lasting: Vec<Report> = arrived
        .into_iter()
        .filter(|report| report.body.name() != "progress")
        .collect();
    let expected: Vec<Report> = (0..REPORTS)
        .map(|number| report(number, ReportBody::Started))
        .chain([failed(REPORTS)])
        .collect();
    // A report whose answer was lost may come twice, next to itself; none may be missing or out of order.
    let mut unique = lasting;
    unique.dedup();
    assert_eq!(unique, expected);
    sender.close(Duration::from_secs(2)).await.unwrap();
}

#[tokio::test]
async fn an_acknowledged_report_is_gone_and_another_comes_again_to_another_reader() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let sender = queue.report_sender();
    for number in 0..2 {
        sender
            .send_durable(report(number, ReportBody::Started))
            .await
            .unwrap();
    }
    let mut dies = queue.report_reader("dies");
    let batch = dies.next_batch(10, Duration::from_secs(1)).await.unwrap();
    assert_eq!(batch.len(), 2);
    dies.ack(&[batch[0].0.clone()]).await.unwrap();
    drop(dies);

    let mut lives = queue.report_reader("lives");
    assert_eq!(read(&mut lives, 1).await, [report(1, ReportBody::Started)]);
    let left: u64 = redis::cmd("XLEN")
        .arg("botflix:reports")
        .query_async(&mut redis.connection().await)
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(
        queue.forget_idle_consumers(Duration::ZERO).await.unwrap(),
        2
    );
}

#[tokio::test]
async fn progress_is_only_the_latest_and_never_follows_the_end() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let sender = queue.report_sender();
    redis.signal("STOP");
    for step in 0..50 {
        sender
            .send(progress(1, f64::from(step) / 50.0))
            .await
            .unwrap();
    }
    sender.send(failed(1)).await.unwrap();
    redis.signal("CONT");
    sender
        .send_durable(report(2, ReportBody::Started))
        .await
        .unwrap();
    let mut reader = queue.report_reader("api");
    let arrived = read(&mut reader, 2).await;
    let end = arrived
        .iter()
        .position(|report| *report == failed(1))
        .unwrap();
    assert!(arrived.len() <= 4, "{arrived:?}");
    assert!(
        arrived[end + 1..]
            .iter()
            .all(|report| report.body.name() != "progress")
    );
}

#[tokio::test]
async fn something_that_is_no_report_is_buried_and_the_next_report_is_read() {
    let redis = RedisServer::start();
    let queue = redis.queue();
    let mut raw = redis.connection().await;
    let mut add = redis::cmd("XADD");
    add.arg("botflix:reports").arg("*").arg("r").arg("{}");
    add.query_async::<String>(&mut raw).await.unwrap();
    let sender = queue.report_sender();
    sender
        .send_durable(report(1, ReportBody::Released))
        .await
        .unwrap();
    let mut reader = queue.report_reader("api");
    assert_eq!(
        read(&mut reader, 1).await,
        [report(1, ReportBody::Released)]
    );
    let buried: u64 = redis::cmd("XLEN")
        .arg("botflix:dead")
        .query_async(&mut raw)
        .await
        .unwrap();
    assert_eq!(buried, 1);
}

#[tokio::test]
async fn a_sender_that_closes_while_redis_is_away_says_that_reports_were_left() {
    let mut redis = RedisServer::start();
    let queue = redis.queue();
    let sender = queue.report_sender();
    redis.kill();
    sender.send(report(1, ReportBody::Started)).await.unwrap();
    let closed = within(
        Duration::from_secs(4),
        sender.close(Duration::from_millis(500)),
    )
    .await;
    assert!(closed.is_err());
}
