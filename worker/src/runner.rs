//! The one task runner: `up`, `worker` and `render --local` all run tasks here, through the same phases.
//!
//! memo lookup → private scratch → fetch → media → upload → result record. It knows neither leases nor queues: whoever calls it says when to
//! stop, and hears how far it is.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::storage::{Storage, StorageError};
use botflix_common::storage_key;
use botflix_common::task::{Artifact, PAYLOAD_VERSION, TaskInput, TaskOutput, TaskRecord};
use botflix_media::{Context, Engine, Progress};
use futures::FutureExt as _;
use tokio_util::sync::CancellationToken;

use crate::clip_cache::ClipCache;
use crate::failure::{canceled, scratch_failure, storage_failure, storage_too_slow};
use crate::scratch::{MIN_FREE_BYTES, Scratch, ScratchError};
use crate::tasks::{self, Inputs, Made};

/// Share of a task's progress that fetching and uploading get.
const FETCHED_AT: f64 = 0.05;
const MADE_AT: f64 = 0.95;
/// How often a task says that it lives while it waits for storage.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(2);
/// One file to or from storage. Storage's own timeouts end what stalls; this ends what creeps.
const STORAGE_STEP_LIMIT: Duration = Duration::from_secs(3600);

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

    /// Runs one task to its record. `progress` gets the fraction done, 0 to 1, and the speed in multiples of real time where known; it must
    /// not block. Once `cancel` is canceled this returns soon, with whatever failure.
    pub async fn run(
        &self,
        key: TaskKey,
        input: &TaskInput,
        progress: impl Fn(f64, Option<f64>) + Send + Sync + 'static,
        cancel: CancellationToken,
    ) -> Result<Ran, Failure> {
        let run = Run {
            shared: &self.shared,
            key,
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

/// One task on its way.
struct Run<'a> {
    shared: &'a Shared,
    key: TaskKey,
    input: &'a TaskInput,
    progress: Progress,
    cancel: CancellationToken,
}

impl Run<'_> {
    async fn to_record(&self) -> Result<Ran, Failure> {
        let started = Instant::now();
        self.check_key()?;
        if let Some(record) = self.moving(0.0, self.shared.remembered(&self.key)).await? {
            self.progress.report(1.0, None);
            return Ok(Ran {
                record,
                memoized: true,
            });
        }
        let place = self.shared.scratch.task_dir().map_err(|e| scratch_failure(&e))?;
        let inputs = self.fetch(place.path()).await?;
        let made = self.make(place.path(), &inputs).await?;
        let output = made.output.clone();
        let artifacts = self.upload(made).await?;
        let record = self.record(output, artifacts, started);
        self.moving(MADE_AT, self.remember(&record)).await?;
        self.progress.report(1.0, None);
        Ok(Ran {
            record,
            memoized: false,
        })
    }

    /// A worker of another version computes other keys; its result must not be taken for ours, nor ours for its.
    fn check_key(&self) -> Result<(), Failure> {
        if self.input.spec.key() == self.key {
            return Ok(());
        }
        Err(Failure::new(
            FailureClass::Retry,
            WhoCanFix::Operator,
            "task_key_mismatch",
            "The worker and the server do not agree on what the task is; they may be of different versions.",
        ))
    }

    /// Inputs lie apart from where children may write: they are hard links into the cache that other tasks read, too.
    async fn fetch(&self, place: &Path) -> Result<Inputs<'_>, Failure> {
        let dir = place.join("in");
        make_dir(&dir)?;
        let upstream = &self.input.upstream;
        let wanted = tasks::wanted(&self.input.spec, upstream)?;
        let total = wanted.len().max(1) as f64;
        let mut files: HashMap<Sha, PathBuf> = HashMap::with_capacity(wanted.len());
        for (at, sha) in wanted.into_iter().enumerate() {
            let path = dir.join(at.to_string());
            let obtaining = self.shared.clips.obtain(&self.shared.storage, &sha, &path);
            self.moving(FETCHED_AT * at as f64 / total, obtaining).await?;
            files.insert(sha, path);
        }
        Ok(Inputs { files, upstream })
    }

    async fn make(&self, place: &Path, inputs: &Inputs<'_>) -> Result<Made, Failure> {
        let scratch = place.join("work");
        make_dir(&scratch)?;
        let ctx = Context {
            engine: self.shared.engine.clone(),
            scratch,
            progress: self.progress.part(FETCHED_AT, MADE_AT),
            cancel: self.cancel.clone(),
        };
        ctx.progress.report(0.0, None);
        tasks::run(&ctx, &self.input.spec, inputs).await
    }

    async fn upload(&self, made: Made) -> Result<BTreeMap<String, Artifact>, Failure> {
        let mut artifacts = BTreeMap::new();
        for file in made.files {
            let uploading = async {
                let uploaded = self.shared.storage.upload_file(&file.path).await;
                uploaded.map_err(|error| storage_failure(&error))
            };
            let (sha256, bytes) = self.moving(MADE_AT, uploading).await?;
            let artifact = Artifact {
                sha256,
                bytes,
                media_type: file.media_type.to_owned(),
            };
            artifacts.insert(file.role.to_owned(), artifact);
        }
        Ok(artifacts)
    }

    fn record(
        &self,
        output: TaskOutput,
        artifacts: BTreeMap<String, Artifact>,
        started: Instant,
    ) -> TaskRecord {
        TaskRecord {
            version: PAYLOAD_VERSION,
            task: self.key,
            artifacts,
            output,
            engine: self.shared.engine.version().to_owned(),
            worker: self.shared.worker_name.clone(),
            wall_seconds: started.elapsed().as_secs_f64(),
        }
    }

    async fn remember(&self, record: &TaskRecord) -> Result<(), Failure> {
        self.shared
            .storage
            .put_json(&storage_key::record(&self.key), record)
            .await
            .map_err(|error| storage_failure(&error))
    }

    /// Waits for storage, which knows neither cancels nor progress: shows signs of life at `fraction` while its own limits hold.
    async fn moving<T>(
        &self,
        fraction: f64,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let mut ticks = tokio::time::interval(SIGN_OF_LIFE_EVERY);
        let limit = tokio::time::sleep(STORAGE_STEP_LIMIT);
        tokio::pin!(work, limit);
        loop {
            tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(canceled()),
                done = &mut work => return done,
                () = &mut limit => return Err(storage_too_slow()),
                _ = ticks.tick() => self.progress.report(fraction, None),
            }
        }
    }
}

fn make_dir(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir(path).map_err(|source| {
        scratch_failure(&ScratchError::Unusable {
            path: path.to_owned(),
            source,
        })
    })
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
        let Some(record) = found.filter(|record| record.task == *key) else {
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
