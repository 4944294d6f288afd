//! A runner on real ffmpeg, real scratch and a directory as storage, and tiny clips made on the spot.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};

use botflix_common::hash::Sha;
use botflix_common::storage::Storage;
use botflix_media::{Call, Context, Engine, EngineConfig, Program, Progress, SandboxPolicy};
use botflix_worker::{RunnerConfig, TaskRunner};
use tokio_util::sync::CancellationToken;

pub struct Studio {
    pub dir: tempfile::TempDir,
    pub engine: Engine,
    pub storage: Storage,
    pub runner: TaskRunner,
}

impl Studio {
    pub async fn open() -> Self {
        Self::with(EngineConfig::default()).await
    }

    pub async fn with(engine: EngineConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let storage = dir.path().join("storage");
        std::fs::create_dir_all(&storage).unwrap();
        let storage = Storage::open(&format!("file://{}", storage.display())).unwrap();
        let engine = Engine::discover(EngineConfig {
            // Hosts without Landlock run these tests, too; the sandbox has tests of its own.
            sandbox: SandboxPolicy::Off,
            ..engine
        })
        .await
        .unwrap();
        let mut config = RunnerConfig::new(dir.path().join("scratch"), "test-worker");
        config.min_free_bytes = 1 << 20;
        let runner = TaskRunner::new(storage.clone(), engine.clone(), config).unwrap();
        Self {
            dir,
            engine,
            storage,
            runner,
        }
    }

    /// A clip of moving bars and a tone.
    pub async fn clip(&self, name: &str, size: &str, rate: &str, seconds: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let ctx = Context {
            engine: self.engine.clone(),
            scratch: self.dir.path().to_owned(),
            progress: Progress::none(),
            cancel: CancellationToken::new(),
        };
        let pictures = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
        let sound = format!("sine=frequency=440:sample_rate=48000:duration={seconds}");
        let call = Call::new(Program::Ffmpeg)
            .args(["-f", "lavfi", "-i", &pictures, "-f", "lavfi", "-i", &sound])
            .args([
                "-c:v",
                "libx264",
                "-preset",
                "ultrafast",
                "-pix_fmt",
                "yuv420p",
            ])
            .args(["-c:a", "aac", "-movflags", "+faststart"])
            .output(&path);
        ctx.run(call).await.unwrap();
        path
    }
}

pub fn sha_of(path: &Path) -> Sha {
    Sha::of(&std::fs::read(path).unwrap())
}
