//! A worker between a real Redis and a directory as storage, with the test in the API's place.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod studio;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use botflix_common::failure::{FailureClass, WhoCanFix};
use botflix_common::queue::{Queue, QueueConfig, ReportReader};
use botflix_common::report::ReportBody;
use botflix_common::storage_key;
use botflix_common::task::{
    AttemptId, InspectSpec, Lane, LaneKind, PAYLOAD_VERSION, TaskInput, TaskKind, TaskMessage,
    TaskSpec,
};
use botflix_common::worker::{IdleCode, OffKind, WorkerOrders};
use botflix_media::{EngineConfig, SandboxPolicy};
use botflix_testkit::{RedisServer, deadline, optional};
use botflix_worker::{Limits, Worker, WorkerConfig};
use studio::{Studio, sha_of};

const PATIENCE: Duration = Duration::from_secs(60);

struct Farm {
    studio: Studio,
    queue: Queue,
    reports: ReportReader,
    worker: Worker,
    _redis: RedisServer,
}

async fn farm() -> Option<Farm> {
    let redis = optional(RedisServer::start())?;
    let studio = Studio::open().await;
    let queue = Queue::connect(QueueConfig::new(redis.url())).unwrap();
    let worker = Worker::start(WorkerConfig {
        queue: QueueConfig::new(redis.url()),
        storage: studio.storage.clone(),
        engine: EngineConfig {
            sandbox: SandboxPolicy::Off,
            ..EngineConfig::default()
        },
        lanes: vec![LaneKind::Io, LaneKind::Cpu],
        name: "node".to_owned(),
        slots: Some(2),
        limits: Limits::default(),
        tags: Vec::new(),
        grace: Duration::from_secs(25),
        scratch_root: studio.dir.path().join("node"),
        clip_cache_bytes: 0,
        metrics_listen: None,
    })
    .await
    .unwrap();
    let reports = queue.report_reader("the-test");
    Some(Farm {
        studio,
        queue,
        reports,
        worker,
        _redis: redis,
    })
}

impl Farm {
    async fn push(&self, input: &TaskInput) -> AttemptId {
        let id = AttemptId {
            task: input.spec.key(),
            attempt: 1,
        };
        let key = storage_key::input(&id);
        self.studio.storage.put_json(&key, input).await.unwrap();
        let message = TaskMessage {
            version: PAYLOAD_VERSION,
            id,
            kind: TaskKind::Inspect,
            demand: None,
        };
        assert!(self.queue.push(Lane::Cpu, &message).await.unwrap());
        id
    }

    /// Reports until one is `wanted`.
    async fn until(&mut self, wanted: fn(&ReportBody) -> bool) -> ReportBody {
        let since = Instant::now();
        while since.elapsed() < PATIENCE {
            let batch = self
                .reports
                .next_batch(1, Duration::from_secs(1))
                .await
                .unwrap();
            for (entry, report) in batch {
                self.reports.ack(&[entry]).await.unwrap();
                if wanted(&report.body) {
                    return report.body;
                }
            }
        }
        panic!("no such report came");
    }
}

fn inspection(clip: &std::path::Path) -> TaskInput {
    TaskInput {
        version: PAYLOAD_VERSION,
        spec: TaskSpec::Inspect(InspectSpec {
            clip: sha_of(clip),
            proxy: false,
        }),
        upstream: BTreeMap::new(),
    }
}

#[tokio::test]
async fn a_task_is_run_reported_and_acknowledged_and_the_worker_is_listed_until_it_stops() {
    let Some(mut farm) = farm().await else { return };
    let hello = farm.queue.workers().await.unwrap().remove(0);
    assert_eq!(hello.name, "node");
    let tried = hello.self_test.unwrap();
    let worked = |name: &str| {
        let found = tried.checks.iter().find(|check| check.name == name);
        found.is_some_and(|check| check.failed.is_none())
    };
    for name in ["decode h264", "decode hevc", "decode aac", "scratch"] {
        assert!(worked(name), "{name}: {tried:?}");
    }
    let of_a_device = |name: &str| name.starts_with("encode ") && !name.contains("264-cpu");
    let failed = tried
        .checks
        .iter()
        .find(|check| check.failed.is_some() && !of_a_device(&check.name));
    assert!(failed.is_none(), "{failed:?}");
    eprintln!("the self-test took {} s", tried.seconds);
    assert!(tried.speed_720p > 0.0 && tried.scratch_free_bytes > 0 && tried.seconds > 0.0);
    let clip = farm.studio.clip("a.mp4", "320x180", "24", "1").await;
    farm.studio.storage.upload_file(&clip).await.unwrap();
    farm.push(&inspection(&clip)).await;
    farm.until(|body| matches!(body, ReportBody::Started)).await;
    let done = farm
        .until(|body| matches!(body, ReportBody::Done { .. }))
        .await;
    assert!(matches!(
        done,
        ReportBody::Done {
            memoized: false,
            ..
        }
    ));
    farm.worker.stop_gracefully(Duration::from_secs(10)).await;
    assert!(farm.queue.workers().await.unwrap().is_empty());
    let depth = farm.queue.snapshot(Lane::Cpu).await.unwrap();
    assert!(depth.entries.is_empty(), "acknowledged: {depth:?}");
}

#[tokio::test]
async fn what_cannot_be_finished_within_the_grace_is_handed_back_and_not_charged() {
    let Some(mut farm) = farm().await else { return };
    // Long enough to be in the middle of it.
    let clip = farm.studio.clip("long.mp4", "1280x720", "30", "20").await;
    farm.studio.storage.upload_file(&clip).await.unwrap();
    farm.push(&inspection(&clip)).await;
    farm.until(|body| matches!(body, ReportBody::Progress { .. }))
        .await;
    let Farm {
        worker,
        queue,
        mut reports,
        ..
    } = farm;
    let since = Instant::now();
    worker.stop_gracefully(Duration::ZERO).await;
    assert!(since.elapsed() < Duration::from_secs(15));
    let mut last = None;
    loop {
        let batch = reports
            .next_batch(10, Duration::from_millis(200))
            .await
            .unwrap();
        if batch.is_empty() {
            break;
        }
        for (entry, report) in batch {
            reports.ack(&[entry]).await.unwrap();
            last = Some(report.body);
        }
    }
    assert_eq!(last, Some(ReportBody::Released));
    assert!(queue.snapshot(Lane::Cpu).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn an_input_of_an_unknown_version_is_reported_and_not_dropped() {
    let Some(mut farm) = farm().await else { return };
    let clip = farm.studio.clip("a.mp4", "320x180", "24", "0.5").await;
    let newer = TaskInput {
        version: PAYLOAD_VERSION + 1,
        ..inspection(&clip)
    };
    farm.push(&newer).await;
    let failed = farm
        .until(|body| matches!(body, ReportBody::Failed { .. }))
        .await;
    let ReportBody::Failed { failure } = failed else {
        unreachable!()
    };
    assert_eq!(failure.code, "unknown_payload_version");
    assert_eq!(failure.class, FailureClass::Permanent);
    assert_eq!(failure.who_can_fix, WhoCanFix::Operator);
    farm.worker.stop_gracefully(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn a_worker_that_was_taken_off_a_kind_takes_it_again_when_its_self_test_passes() {
    let Some(mut farm) = farm().await else { return };
    let hello = farm.queue.workers().await.unwrap().remove(0);
    let orders = WorkerOrders {
        revision: 1,
        off: vec![OffKind {
            kind: TaskKind::Inspect,
            instance: hello.instance,
            since_ms: 7,
            codes: Vec::new(),
        }],
        ..WorkerOrders::default()
    };
    let told = [(hello.name, orders)];
    farm.queue.give_orders(&told).await.unwrap();
    let refuses = deadline::until("it refuses the kind", PATIENCE, async || {
        let worker = farm.queue.workers().await?.remove(0);
        Ok((worker.off_kinds == [TaskKind::Inspect]).then_some(worker))
    });
    let refuses = refuses.await.unwrap();
    assert_eq!(refuses.idle, Some(IdleCode::KindsOff));
    let clip = farm.studio.clip("a.mp4", "320x180", "24", "1").await;
    farm.studio.storage.upload_file(&clip).await.unwrap();
    let id = farm.push(&inspection(&clip)).await;
    let proven = deadline::until("its self-test passes", PATIENCE, async || {
        let worker = farm.queue.workers().await?.remove(0);
        Ok(worker.proven.first().copied())
    });
    assert_eq!(proven.await.unwrap().since_ms, 7);
    farm.until(|body| matches!(body, ReportBody::Done { .. }))
        .await;
    assert_eq!(id.attempt, 1, "handed back without a report");
    farm.worker.stop_gracefully(Duration::from_secs(5)).await;
}
