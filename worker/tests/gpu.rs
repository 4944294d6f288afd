//! Which encoder a film gets, on imitations of hosts: a device that works, one that only claims to, and none. What stands for NVENC is the
//! host's; everything of ours is real.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may fail loudly"
)]

mod studio;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use botflix_common::manifest::read::read_manifest;
use botflix_common::queue::{Queue, QueueConfig};
use botflix_common::storage::Storage;
use botflix_common::task::{EngineClass, Lane, LaneKind, Verify};
use botflix_media::engine::Prove;
use botflix_media::{EngineConfig, SandboxPolicy};
use botflix_testkit::{GpuHost, RedisServer, optional};
use botflix_worker::local::{self, LocalFilm, LocalRender};
use botflix_worker::{Limits, StartError, Worker, WorkerConfig};
use studio::{Studio, sha_of};
use tokio_util::sync::CancellationToken;

fn engine(host: GpuHost) -> EngineConfig {
    EngineConfig {
        ffmpeg: host.ffmpeg,
        host_root: host.root,
        sandbox: SandboxPolicy::Off,
        ..EngineConfig::default()
    }
}

async fn film(host: GpuHost, gpu: bool) -> LocalFilm {
    let studio = Studio::with(EngineConfig {
        prove: Prove::All,
        ..engine(host)
    })
    .await;
    let clip = studio.clip("a.mp4", "160x120", "25", "1").await;
    let sha = sha_of(&clip);
    let manifest = serde_json::json!({
        "title": "One shot",
        "format": { "width": 320, "height": 180, "fps": 24 },
        "shots": [{ "id": "s1", "source": { "clip": sha } }],
    });
    let job = LocalRender {
        manifest: read_manifest(manifest.to_string().as_bytes()).unwrap(),
        files: [(sha, clip)].into(),
        concurrency: 1,
        verify: Verify::Full,
        gpu,
    };
    let silent: local::Listener = Arc::new(|_, _| {});
    local::render(&studio.runner, job, silent, CancellationToken::new())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_device_that_is_proven_makes_the_segments_and_the_film_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(GpuHost::that_encodes(dir.path()).unwrap(), true).await;
    assert_eq!(made.plan.engine, Some(EngineClass::NvencH264));
    assert_eq!(made.record.engine, Some(EngineClass::NvencH264));
    assert_eq!(made.facts.frames, 24);
}

#[tokio::test]
async fn a_device_is_left_alone_where_the_processor_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(GpuHost::that_encodes(dir.path()).unwrap(), false).await;
    assert_eq!(made.record.engine, Some(EngineClass::X264Cpu1));
}

#[tokio::test]
async fn a_device_that_only_claims_to_encode_costs_no_film() {
    let dir = tempfile::tempdir().unwrap();
    let made = film(GpuHost::that_only_claims_to(dir.path()).unwrap(), true).await;
    assert_eq!(made.record.engine, Some(EngineClass::X264Cpu1));
    assert_eq!(made.facts.frames, 24);
}

fn worker_on(host: GpuHost, lanes: &[LaneKind], dir: &Path, redis: &RedisServer) -> WorkerConfig {
    WorkerConfig {
        queue: QueueConfig::new(redis.url()),
        storage: Storage::open(&format!("file://{}", dir.display())).unwrap(),
        engine: engine(host),
        lanes: lanes.to_vec(),
        name: "forge".to_owned(),
        slots: Some(1),
        limits: Limits::default(),
        tags: Vec::new(),
        grace: Duration::from_secs(25),
        scratch_root: dir.join("scratch"),
        clip_cache_bytes: 0,
        metrics_listen: None,
    }
}

#[tokio::test]
async fn a_worker_serves_the_lanes_of_what_its_devices_really_encode() {
    let Some(redis) = optional(RedisServer::start()) else {
        return;
    };
    let queue = Queue::connect(QueueConfig::new(redis.url())).unwrap();
    let all = [LaneKind::Io, LaneKind::Gpu, LaneKind::Cpu];
    let dir = tempfile::tempdir().unwrap();

    let host = GpuHost::that_encodes(dir.path()).unwrap();
    let worker = Worker::start(worker_on(host, &all, dir.path(), &redis));
    let worker = worker.await.unwrap();
    let hello = queue.workers().await.unwrap().remove(0);
    assert_eq!(hello.lanes, [Lane::Io, Lane::GpuNvencH264, Lane::Cpu]);
    worker.stop_gracefully(Duration::from_secs(5)).await;

    let host = GpuHost::that_only_claims_to(dir.path()).unwrap();
    let worker = Worker::start(worker_on(host, &all, dir.path(), &redis));
    let worker = worker.await.unwrap();
    let hello = queue.workers().await.unwrap().remove(0);
    assert_eq!(hello.lanes, [Lane::Io, Lane::Cpu]);
    worker.stop_gracefully(Duration::from_secs(5)).await;

    let host = GpuHost::that_only_claims_to(dir.path()).unwrap();
    let refused = Worker::start(worker_on(host, &[LaneKind::Gpu], dir.path(), &redis)).await;
    let Err(StartError::Config(why)) = refused else {
        panic!("a worker that can do nothing has started");
    };
    assert!(why.contains("botflix encoders"), "{why}");
}
