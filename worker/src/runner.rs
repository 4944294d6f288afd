//! The one task runner: `up`, `worker` and `render --local` all run tasks here, through the same phases.
//!
//! memo lookup → private scratch → fetch → media → upload → result record. It knows neither leases nor queues: whoever calls it says when to
//! stop, and hears how far it is.

mod phases;
mod timing;

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;

use botflix_common::fail_point::Passing;
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::TaskKey;
use botflix_common::storage::{Storage, StorageError};
use botflix_common::storage_key;
use botflix_common::task::{AttemptId, PAYLOAD_VERSION, TaskInput, TaskRecord};
use botflix_media::{Engine, Progress};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::clip_cache::ClipCache;
use crate::failure::storage_failure;
use crate::limits::Disk;
use crate::scratch::{MIN_FREE_BYTES, Scratch, ScratchError};
use phases::Run;

pub use timing::Phases;

pub struct RunnerConfig {
    /// Where private directories are made.
    pub scratch_root: PathBuf,
    /// Below it no task is started.
    pub min_free_bytes: u64,
    /// Clips and artifacts that are kept on this machine between tasks; 0: none.
    pub clip_cache_bytes: u64,
    /// Goes into records.
    pub worker_name: String,
}

impl RunnerConfig {
    pub fn new(scratch_root: impl Into<PathBuf>, worker_name: impl Into<String>) -> Self {
        Self {
            scratch_root: scratch_root.into(),
            min_free_bytes: MIN_FREE_BYTES,
            clip_cache_bytes: 8 << 30,
            worker_name: worker_name.into(),
        }
    }
}

/// Cheap to clone.
#[derive(Clone)]
pub struct TaskRunner {
    shared: Arc<Shared>,
}

struct Shared {
    storage: Storage,
    engine: Engine,
    scratch: Scratch,
    clips: ClipCache,
    worker_name: String,
}

/// A task that has its result.
#[derive(Clone, Debug)]
pub struct Ran {
    pub record: TaskRecord,
    /// The result was already there.
    pub memoized: bool,
    pub phases: Phases,
}

impl TaskRunner {
    pub fn new(
        storage: Storage,
        engine: Engine,
        config: RunnerConfig,
    ) -> Result<Self, ScratchError> {
        let scratch = Scratch::open(&config.scratch_root, config.min_free_bytes)?;
        let clips = ClipCache::open(&config.scratch_root, config.clip_cache_bytes)?;
        Ok(Self {
            shared: Arc::new(Shared {
                storage,
                engine,
                scratch,
                clips,
                worker_name: config.worker_name,
            }),
        })
    }

    pub fn engine(&self) -> &Engine {
        &self.shared.engine
    }

    pub fn storage(&self) -> &Storage {
        &self.shared.storage
    }

    /// Whether scratch has room for a task.
    pub fn check_room(&self) -> Result<(), ScratchError> {
        self.shared.scratch.check_room()
    }

    /// Bytes free in scratch.
    pub fn free_bytes(&self) -> Result<u64, ScratchError> {
        self.shared.scratch.free_bytes()
    }

    /// How the disk under scratch is used now.
    pub(crate) fn disk(&self) -> Result<Disk, ScratchError> {
        let Shared { scratch, clips, .. } = &*self.shared;
        // What cannot be read does not count as room.
        let (cached, read) = clips.bytes().unwrap_or_default();
        Ok(Disk {
            free: scratch.free_bytes()?,
            cached,
            read,
            written: scratch.written_bytes(),
        })
    }

    /// Has kept clips give way to tasks that may write so many bytes more.
    pub(crate) fn make_room(&self, bytes: u64) -> Result<(), ScratchError> {
        let Shared { scratch, clips, .. } = &*self.shared;
        let wanted = bytes.saturating_add(MIN_FREE_BYTES);
        let missing = wanted.saturating_sub(scratch.free_bytes()?);
        if missing > 0
            && let Err(error) = clips.give_way(missing)
        {
            tracing::warn!(%error, "kept clips cannot give way to what tasks write");
        }
        Ok(())
    }

    pub(crate) fn scratch(&self) -> &Scratch {
        &self.shared.scratch
    }

    /// Runs one attempt at a task to its record. `progress` gets the fraction done, 0 to 1, and the speed in multiples of real time where known; it must
    /// not block. Once `cancel` is canceled this returns soon, with whatever failure.
    pub async fn run(
        &self,
        id: AttemptId,
        input: &TaskInput,
        progress: impl Fn(f64, Option<f64>) + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Ran, Failure> {
        let run = Run {
            shared: &self.shared,
            key: id.task,
            passing: Passing::of(input.spec.kind(), id),
            input,
            progress: Progress::new(progress),
            cancel,
        };
        match AssertUnwindSafe(run.to_record()).catch_unwind().await {
            Ok(result) => result,
            Err(panic) => Err(crash(panic.as_ref())),
        }
    }

    /// The record of a task that already ran, if all it names is still there.
    pub async fn remembered(&self, key: &TaskKey) -> Result<Option<TaskRecord>, Failure> {
        self.shared.remembered(key).await
    }
}

impl Shared {
    async fn remembered(&self, key: &TaskKey) -> Result<Option<TaskRecord>, Failure> {
        let place = storage_key::record(key);
        let found: Option<TaskRecord> = match self.storage.get_json(&place).await {
            Err(StorageError::Unreadable { key, source }) => {
                tracing::warn!(key, error = %source, "a result record cannot be read: the task runs again");
                None
            }
            other => other.map_err(|error| storage_failure(&error))?,
        };
        // One that a newer worker wrote may say more than this one reads.
        let readable =
            |record: &TaskRecord| record.task == *key && record.version <= PAYLOAD_VERSION;
        let Some(record) = found.filter(readable) else {
            return Ok(None);
        };
        for artifact in record.artifacts.values() {
            let length = self.storage.len(&storage_key::blob(&artifact.sha256)).await;
            if length.map_err(|error| storage_failure(&error))? != Some(artifact.bytes) {
                return Ok(None);
            }
        }
        Ok(Some(record))
    }
}

fn crash(panic: &(dyn Any + Send)) -> Failure {
    let said = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_default();
    tracing::error!(panic = said, "a task panicked");
    Failure::new(
        FailureClass::Crash,
        WhoCanFix::Platform,
        "task_panicked",
        "The task ended by a fault in BotFlix.",
    )
    .with_internal(said)
}
