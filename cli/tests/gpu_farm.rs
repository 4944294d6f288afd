//! A farm with one GPU worker, from the submission to the published film, and what happens when that worker leaves in the middle. The host of
//! the GPU worker is imitated; server, workers, Redis and ffmpeg are real, and all in this process.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::time::Duration;

use botflix_api::{ApiConfig, Server};
use botflix_common::build_record::BuildRecord;
use botflix_common::http::{ClipBody, PlanBody, RenderBody};
use botflix_common::queue::QueueConfig;
use botflix_common::storage::Storage;
use botflix_common::task::{EngineClass, LaneKind};
use botflix_media::EngineConfig;
use botflix_testkit::material::Picture;
use botflix_testkit::{Client, GpuHost, RedisServer, deadline, optional};
use botflix_worker::{Limits, Worker, WorkerConfig};
use serde_json::{Value, json};

const LIMIT: Duration = Duration::from_secs(120);

struct Farm {
    redis: RedisServer,
    storage: String,
    server: Server,
    dir: tempfile::TempDir,
}

impl Farm {
    async fn start(redis: RedisServer) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = dir.path().join("storage");
        std::fs::create_dir_all(&storage).unwrap();
        let storage = format!("file://{}", storage.display());
        let database = format!("sqlite://{}", dir.path().join("farm.db").display());
        let here = "127.0.0.1:0".parse().unwrap();
        let mut config = ApiConfig::new(database, redis.url(), &storage, here);
        config.farm.encoder_absent_for = Duration::from_secs(3);
        let server = botflix_api::start(config).await.unwrap();
        Self {
            redis,
            storage,
            server,
            dir,
        }
    }

    async fn worker(&self, name: &str, lanes: &[LaneKind], engine: EngineConfig) -> Worker {
        Worker::start(WorkerConfig {
            queue: QueueConfig::new(self.redis.url()),
            storage: Storage::open(&self.storage).unwrap(),
            engine,
            lanes: lanes.to_vec(),
            name: name.to_owned(),
            slots: Some(1),
            limits: Limits::default(),
            tags: Vec::new(),
            grace: Duration::from_secs(25),
            scratch_root: self.dir.path().join(name),
            clip_cache_bytes: 0,
            metrics_listen: None,
        })
        .await
        .unwrap()
    }

    /// Its ffmpeg is a script and its device a file: both lie where no sandbox would let a child look.
    async fn gpu_worker(&self, dir: &Path) -> Worker {
        let host = GpuHost::that_encodes(dir).unwrap();
        let engine = EngineConfig {
            ffmpeg: host.ffmpeg,
            host_root: host.root,
            sandbox: botflix_media::SandboxPolicy::Off,
            ..EngineConfig::default()
        };
        self.worker("forge", &[LaneKind::Gpu], engine).await
    }

    async fn director(&self) -> Client {
        let client = Client::new(&format!("http://{}", self.server.local_addr())).unwrap();
        client.register("Ida").await.unwrap()
    }
}

/// A film that copies nothing: its size is not the clip's.
fn film(title: &str, clip: &ClipBody, width: u32) -> Value {
    json!({
        "title": title,
        "format": {"width": width, "height": 140, "fps": 25},
        "shots": [
            {"id": "s1", "source": {"clip": clip.clip}, "duration": 1},
            {"id": "s2", "source": {"clip": clip.clip}, "trim": {"start": 1, "end": 2}},
        ],
    })
}

async fn plan(director: &Client, render: &RenderBody) -> PlanBody {
    let path = format!("/api/v1/renders/{}/plan", render.id);
    director.get(&path).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gpu_worker_makes_the_segments_and_its_going_costs_no_film() {
    let Some(redis) = optional(RedisServer::start()) else {
        return;
    };
    let farm = Farm::start(redis).await;
    let both = [LaneKind::Io, LaneKind::Cpu];
    let plain = farm.worker("plain", &both, EngineConfig::default()).await;
    let host = tempfile::tempdir().unwrap();
    let forge = farm.gpu_worker(host.path()).await;
    let director = farm.director().await;
    let clip = director
        .clip(&Picture::plain(2).make().unwrap())
        .await
        .unwrap();
    director.judged(&clip.clip, LIMIT).await.unwrap();

    // The farm hears of the device within seconds.
    let mut width = 200;
    let render = deadline::until("a film is planned for the device", LIMIT, async || {
        width += 2;
        let render = director.submit(&film("One", &clip, width)).await?;
        let taken = plan(&director, &render).await.engine == Some(EngineClass::NvencH264);
        if !taken {
            director.cancel(render.id).await?;
        }
        Ok(taken.then_some(render))
    })
    .await
    .unwrap();
    let episode = director.published(render.id, LIMIT).await.unwrap();
    assert_eq!(episode.film.frames, 50);
    let path = format!("/api/v1/renders/{}/record", render.id);
    let record: BuildRecord = director.get(&path).await.unwrap();
    assert_eq!(record.engine, Some(EngineClass::NvencH264));

    // Its worker goes as the next one is sent, which waits for it.
    let next = film("Two", &clip, 302);
    let (render, ()) = tokio::join!(
        director.submit(&next),
        forge.stop_gracefully(Duration::from_secs(10))
    );
    let render = render.unwrap();
    director.published(render.id, LIMIT).await.unwrap();
    let events = director.event_log(render.id).await.unwrap();
    let mut told = events.iter().filter_map(|event| event.message.as_deref());
    assert!(
        told.any(|message| message.contains("the processor makes this film")),
        "{events:?}"
    );
    let path = format!("/api/v1/renders/{}/record", render.id);
    let record: BuildRecord = director.get(&path).await.unwrap();
    assert_eq!(record.engine, Some(EngineClass::X264Cpu1));
    plain.stop_gracefully(Duration::from_secs(10)).await;
    farm.server.stop().await;
}
