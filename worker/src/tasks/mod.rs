//! What each kind of task does with the engine: files in, files out. One file per kind; fetching, uploading and remembering are the
//! runner's, once for all.

mod assemble;
mod check;
mod conform;
mod inspect;
mod mix;
mod package;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::task::{Artifact, TaskOutput, TaskRecord, TaskSpec};
use botflix_media::Context;

const JPEG: &str = "image/jpeg";
const WEBVTT: &str = "text/vtt; charset=utf-8";

/// Roles of artifacts in a record.
pub mod role {
    pub const PROXY: &str = "proxy";
    pub const SEGMENT: &str = "segment";
    pub const SOUND: &str = "sound";
    pub const FILM: &str = "film";
    /// Best first.
    pub const POSTERS: [&str; 3] = ["poster", "poster_2", "poster_3"];
    pub const STORYBOARD: &str = "storyboard";
    pub const STORYBOARD_VTT: &str = "storyboard_vtt";
    pub const CAPTIONS: &str = "captions";
    pub const CHAPTERS: &str = "chapters";
}

/// The bytes that a task reads, already on this machine under names of ours, and the records of the tasks before it.
pub struct Inputs<'a> {
    pub files: HashMap<Sha, PathBuf>,
    pub upstream: &'a BTreeMap<TaskKey, TaskRecord>,
}

/// A file that a task made.
pub struct MadeFile {
    pub role: &'static str,
    pub path: PathBuf,
    pub media_type: &'static str,
}

/// What a task made.
pub struct Made {
    pub output: TaskOutput,
    pub files: Vec<MadeFile>,
    /// Artifacts of a task before it that are this one's, too.
    pub passed_on: BTreeMap<String, Artifact>,
}

impl Made {
    /// Its own files are all that it has.
    pub fn of(output: TaskOutput, files: Vec<MadeFile>) -> Self {
        Self {
            output,
            files,
            passed_on: BTreeMap::new(),
        }
    }
}

/// The hashes of all that the task reads: its clips and the artifacts of the tasks before it.
pub fn wanted(
    spec: &TaskSpec,
    upstream: &BTreeMap<TaskKey, TaskRecord>,
) -> Result<Vec<Sha>, Failure> {
    let mut wanted = spec.clips();
    for task in spec.needs() {
        let record = upstream_record(upstream, &task)?;
        let role = match record.output {
            TaskOutput::Conform { .. } => role::SEGMENT,
            TaskOutput::Mix(_) => role::SOUND,
            TaskOutput::Assemble { .. } => role::FILM,
            // Passed on by name, not read.
            TaskOutput::Check { .. } => continue,
            TaskOutput::Inspect { .. } | TaskOutput::Package => {
                return Err(malformed("a task before it makes nothing to read"));
            }
        };
        wanted.push(artifact(record, role)?);
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

/// Runs the media part.
pub async fn run(ctx: &Context, spec: &TaskSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    match spec {
        TaskSpec::Inspect(spec) => inspect::run(ctx, spec, inputs).await,
        TaskSpec::Conform(spec) => conform::run(ctx, spec, inputs).await,
        TaskSpec::Mix(spec) => mix::run(ctx, spec, inputs).await,
        TaskSpec::Assemble(spec) => assemble::run(ctx, spec, inputs).await,
        TaskSpec::Check(spec) => check::run(ctx, spec, inputs).await,
        TaskSpec::Package(spec) => package::run(ctx, spec, inputs).await,
    }
}

impl Inputs<'_> {
    fn clip(&self, clip: &Sha) -> Result<&Path, Failure> {
        self.files
            .get(clip)
            .map(PathBuf::as_path)
            .ok_or_else(|| malformed("a clip it names was not fetched"))
    }

    fn record(&self, task: &TaskKey) -> Result<&TaskRecord, Failure> {
        upstream_record(self.upstream, task)
    }

    /// The artifact of a task before this one.
    fn made_by(&self, task: &TaskKey, role: &str) -> Result<&Path, Failure> {
        self.clip(&artifact(self.record(task)?, role)?)
    }
}

fn upstream_record<'a>(
    upstream: &'a BTreeMap<TaskKey, TaskRecord>,
    task: &TaskKey,
) -> Result<&'a TaskRecord, Failure> {
    upstream
        .get(task)
        .ok_or_else(|| malformed("the record of a task before it is not there"))
}

fn artifact(record: &TaskRecord, role: &str) -> Result<Sha, Failure> {
    record
        .artifact(role)
        .map(|artifact| artifact.sha256)
        .ok_or_else(|| malformed("a record before it lacks its artifact"))
}

/// An input that contradicts itself: only a bug of ours makes one.
fn malformed(why: &str) -> Failure {
    Failure::new(
        FailureClass::Permanent,
        WhoCanFix::Platform,
        "malformed_task_input",
        format!("The task's input is malformed: {why}."),
    )
}
