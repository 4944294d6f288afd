//! The phases of one task, once for every kind.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use botflix_common::fail_point::{self, FailPoint, Passing};
use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::storage_key;
use botflix_common::task::{Artifact, PAYLOAD_VERSION, TaskInput, TaskOutput, TaskRecord};
use botflix_media::{Context, Progress};
use tokio_util::sync::CancellationToken;

use super::timing::{Lap, Phases};
use super::{Ran, Shared};
use crate::failure::{canceled, scratch_failure, storage_failure, storage_too_slow};
use crate::scratch::ScratchError;
use crate::tasks::{self, Inputs, Made};

/// Share of a task's progress that fetching and uploading get.
const FETCHED_AT: f64 = 0.05;
const MADE_AT: f64 = 0.95;
/// How often a task says that it lives while it waits for storage.
const SIGN_OF_LIFE_EVERY: Duration = Duration::from_secs(2);
/// One file to or from storage. Storage's own timeouts end what stalls; this ends what creeps.
const STORAGE_STEP_LIMIT: Duration = Duration::from_secs(3600);

/// One task on its way.
pub struct Run<'a> {
    pub shared: &'a Shared,
    pub key: TaskKey,
    pub passing: Passing,
    pub input: &'a TaskInput,
    pub progress: Progress,
    pub cancel: CancellationToken,
}

impl Run<'_> {
    pub async fn to_record(&self) -> Result<Ran, Failure> {
        let started = Instant::now();
        self.check_key()?;
        if let Some(record) = self.moving(0.0, self.shared.remembered(&self.key)).await? {
            self.progress.report(1.0, None);
            return Ok(Ran {
                record,
                memoized: true,
                phases: Phases::default(),
            });
        }
        let place = self
            .shared
            .scratch
            .task_dir()
            .map_err(|e| scratch_failure(&e))?;
        let mut lap = Lap::start();
        let inputs = self.fetch(place.path()).await?;
        let fetch = lap.take();
        let made = self.make(place.path(), &inputs).await?;
        let make = lap.take();
        let output = made.output.clone();
        fail_point::pass(FailPoint::BeforeUpload, self.passing);
        let artifacts = self.upload(made).await?;
        fail_point::pass(FailPoint::AfterUpload, self.passing);
        let record = self.record(output, artifacts, started);
        self.moving(MADE_AT, self.remember(&record)).await?;
        self.progress.report(1.0, None);
        Ok(Ran {
            record,
            memoized: false,
            phases: Phases {
                fetch,
                make,
                upload: lap.take(),
            },
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
            self.moving(FETCHED_AT * at as f64 / total, obtaining)
                .await?;
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
        let mut artifacts = made.passed_on;
        for file in made.files {
            let uploading = async {
                let uploaded = self.shared.storage.take_file(&file.path).await;
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
