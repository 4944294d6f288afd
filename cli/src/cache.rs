//! Work on this machine alone: a runner on a directory in which facts and artifacts are remembered, and files taken out of it.

use std::path::{Path, PathBuf};

use botflix_common::storage::Storage;
use botflix_common::storage_key;
use botflix_common::task::Artifact;
use botflix_media::EngineConfig;
use botflix_worker::{RunnerConfig, TaskRunner, selftest};
use tempfile::TempDir;

use crate::args::CacheArgs;
use crate::commands::worker::start_fault;
use crate::exit::Fault;
use crate::settings::Settings;

/// Where results are remembered; a temporary place is gone when this value is.
pub enum Place {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl Place {
    pub fn of(args: &CacheArgs, settings: &Settings) -> Result<Self, Fault> {
        if args.no_cache {
            return Self::temporary();
        }
        let dir = args
            .cache
            .clone()
            .or_else(|| settings.cache_dir.clone())
            .ok_or_else(|| {
                Fault::permanent("there is no home directory to remember results in")
                    .hint("name one with --cache, or remember nothing with --no-cache")
            })?;
        std::fs::create_dir_all(&dir)
            .and_then(|()| dir.canonicalize())
            .map(Self::Kept)
            .map_err(|error| {
                Fault::permanent(format!("{} cannot be used as cache", dir.display()))
                    .because(error)
            })
    }

    /// Nothing was remembered, nothing will be.
    pub fn temporary() -> Result<Self, Fault> {
        let dir = tempfile::Builder::new().prefix("botflix-render-").tempdir();
        dir.map(Self::Temporary)
            .map_err(|error| Fault::retryable("no temporary directory").because(error))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }

    /// What the engine can do here is remembered, too.
    pub async fn runner(&self, engine: EngineConfig) -> Result<TaskRunner, Fault> {
        let storage = Storage::open_cache(&self.path().join("storage"))
            .map_err(|error| Fault::permanent("the cache cannot be used").because(error))?;
        let mut config = RunnerConfig::new(self.path().join("scratch"), "local");
        // The storage is a directory beside it: tasks get hard links.
        config.clip_cache_bytes = 0;
        let engine = EngineConfig {
            proof_cache: Some(self.path().join("engine.json")),
            ..engine
        };
        selftest::runner(storage, engine, config)
            .await
            .map_err(start_fault)
    }
}

/// A copy: the cached bytes must not change when somebody edits the file.
pub async fn copy_out(storage: &Storage, artifact: &Artifact, out: &Path) -> Result<(), Fault> {
    let failed = |error: &dyn std::error::Error| {
        Fault::permanent(format!("{} cannot be written: {error}", out.display()))
    };
    let mut part = out.as_os_str().to_owned();
    part.push(".part");
    let key = storage_key::blob(&artifact.sha256);
    // The cache is a directory of this machine; where the file system can, this copies nothing.
    let cached = storage.local_path(&key).unwrap_or_default();
    tokio::fs::copy(&cached, &part)
        .await
        .map_err(|error| failed(&error))?;
    tokio::fs::rename(&part, out)
        .await
        .map_err(|error| failed(&error))
}

/// A document for other programs, whole or not at all.
pub fn write_json(value: &impl serde::Serialize, to: &Path) -> Result<(), Fault> {
    let failed =
        |error| Fault::permanent(format!("{} cannot be written", to.display())).because(error);
    let mut text = serde_json::to_vec_pretty(value)
        .map_err(|error| Fault::permanent("a document cannot be written").because(error))?;
    text.push(b'\n');
    let mut part = to.as_os_str().to_owned();
    part.push(".part");
    std::fs::write(&part, text)
        .and_then(|()| std::fs::rename(&part, to))
        .map_err(failed)
}
