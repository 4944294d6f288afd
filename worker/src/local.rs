//! `render --local`: the same plan and the same runner in this process, without server, queue or database.
//!
//! Inspects the clips, plans, runs the graph with some tasks at once. Facts and artifacts are remembered in the runner's storage, so a second
//! render of a changed manifest does only what changed.

mod board;
mod graph;
mod product;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::build_record::BuildRecord;
use botflix_common::failure::Failure;
use botflix_common::finding::Finding;
use botflix_common::findings;
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::http::{PlanBody, ReportBody, Stage};
use botflix_common::manifest::ShotManifest;
use botflix_common::plan::{self, FactsByClip, Options, Plan};
use botflix_common::problem::FieldProblem;
use botflix_common::storage::StorageError;
use botflix_common::storage_key;
use botflix_common::task::{
    Artifact, EngineClass, FilmFacts, InspectSpec, TaskKind, TaskOutput, TaskRecord, TaskSpec,
    Verify,
};
use tokio_util::sync::CancellationToken;

use crate::runner::TaskRunner;
use board::Board;
use graph::{Graph, Node};
use product::finished;

/// What is to be made of what.
pub struct LocalRender {
    pub manifest: ShotManifest,
    /// Where the bytes of each clip lie.
    pub files: HashMap<Sha, PathBuf>,
    /// Tasks at once.
    pub concurrency: usize,
    pub verify: Verify,
    /// Encode on a GPU where one is proven to work.
    pub gpu: bool,
}

/// Hears how far each stage is, and the whole, 0 to 1. Called often: it must not block.
pub type Listener = Arc<dyn Fn(&[Stage], f64) + Send + Sync>;

/// A finished and checked film.
#[derive(Clone, Debug)]
pub struct LocalFilm {
    pub plan: PlanBody,
    pub report: ReportBody,
    pub record: BuildRecord,
    pub film: Artifact,
    /// As `check` measured it.
    pub facts: FilmFacts,
    /// Posters, storyboard, captions and chapters, by role.
    pub extras: BTreeMap<String, Artifact>,
    /// Tasks whose result was already there, and all tasks.
    pub memoized: usize,
    pub tasks: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// What keeps the film from being made, each with a pointer into the manifest.
    #[error("the manifest cannot be rendered")]
    Manifest(Vec<FieldProblem>),
    #[error("{} failed: {}", task_name(*kind, shot.as_deref()), failure.message)]
    Task {
        kind: TaskKind,
        shot: Option<String>,
        failure: Failure,
    },
    #[error("a clip could not be put into the cache")]
    Storage(#[source] StorageError),
    #[error("{} changed while it was read", path.display())]
    ClipChanged { path: PathBuf },
    /// A bug: the graph ended without a film.
    #[error("the plan ended without a {0}")]
    Incomplete(&'static str),
}

impl LocalError {
    /// Whether the same render may work later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Task { failure, .. } => {
                failure.class != botflix_common::failure::FailureClass::Permanent
            }
            Self::Storage(error) => error.is_retryable(),
            Self::ClipChanged { .. } => true,
            Self::Manifest(_) | Self::Incomplete(_) => false,
        }
    }
}

/// Renders; the artifacts are blobs of the runner's storage afterwards.
pub async fn render(
    runner: &TaskRunner,
    job: LocalRender,
    listener: Listener,
    cancel: CancellationToken,
) -> Result<LocalFilm, LocalError> {
    let mut board = Board::new(listener);
    let prospect = prospect(runner, &job, &mut board, &cancel).await?;
    let nodes = prospect.plan.tasks.iter().map(|task| Node {
        key: task.key,
        spec: task.spec.clone(),
        weight: task.weight,
        shot: task.shot.clone(),
    });
    let film = Graph::new(nodes.collect(), &mut board);
    let made = film
        .run(runner, &mut board, job.concurrency.max(1), &cancel)
        .await?;
    finished(&job, prospect, &made)
}

/// Inspects the clips and says what rendering would do: the plan with what is already there, and what is to be known of the material.
pub async fn foresee(
    runner: &TaskRunner,
    job: &LocalRender,
    listener: Listener,
    cancel: CancellationToken,
) -> Result<(PlanBody, Vec<Finding>), LocalError> {
    let mut board = Board::new(listener);
    let prospect = prospect(runner, job, &mut board, &cancel).await?;
    let mut there = HashSet::new();
    for task in &prospect.plan.tasks {
        let remembered = runner.remembered(&task.key).await;
        if remembered.is_ok_and(|record| record.is_some()) {
            there.insert(task.key);
        }
    }
    let body = PlanBody::of(&prospect.plan, |key| there.contains(key));
    Ok((body, prospect.findings))
}

/// What is known before the first frame is made.
struct Prospect {
    plan: Plan,
    findings: Vec<Finding>,
    inspected: usize,
    memoized: usize,
}

async fn prospect(
    runner: &TaskRunner,
    job: &LocalRender,
    board: &mut Board,
    cancel: &CancellationToken,
) -> Result<Prospect, LocalError> {
    for (sha, path) in &job.files {
        take_in(runner, sha, path).await?;
    }
    let inspections = Graph::new(inspections(runner, &job.manifest).await, board);
    let inspected = inspections
        .run(runner, board, job.concurrency.max(1), cancel)
        .await?;
    let facts = facts(&inspected.records);
    let options = options(runner, job);
    let plan = plan::plan_with(&job.manifest, &facts, &options).map_err(LocalError::Manifest)?;
    Ok(Prospect {
        findings: findings::of_film(&job.manifest, &facts, &plan),
        plan,
        inspected: inspected.records.len(),
        memoized: inspected.memoized.len(),
    })
}

fn options(runner: &TaskRunner, job: &LocalRender) -> Options {
    let codec = job.manifest.delivery.codec;
    Options {
        engines: if job.gpu {
            runner.engine().encoders_of(codec)
        } else {
            vec![EngineClass::on_cpu(codec)]
        },
        verify: job.verify,
    }
}

/// The bytes go into the storage once; they are hashed on the way, so that what is rendered is what was named.
async fn take_in(runner: &TaskRunner, sha: &Sha, path: &Path) -> Result<(), LocalError> {
    let there = runner.storage().len(&storage_key::blob(sha)).await;
    if there.map_err(LocalError::Storage)?.is_some() {
        return Ok(());
    }
    let (stored, _) = runner
        .storage()
        .upload_file(path)
        .await
        .map_err(LocalError::Storage)?;
    if stored == *sha {
        Ok(())
    } else {
        Err(LocalError::ClipChanged {
            path: path.to_owned(),
        })
    }
}

/// Proxies are made for drafts only; facts that came with one serve every film.
async fn inspections(runner: &TaskRunner, manifest: &ShotManifest) -> Vec<Node> {
    let mut nodes = Vec::new();
    for clip in manifest.distinct_clips() {
        let [plain, with_proxy] =
            [false, true].map(|proxy| TaskSpec::Inspect(InspectSpec { clip, proxy }));
        let remembered = runner.remembered(&with_proxy.key()).await;
        let spec = if manifest.is_draft() || remembered.is_ok_and(|record| record.is_some()) {
            with_proxy
        } else {
            plain
        };
        nodes.push(Node {
            key: spec.key(),
            spec,
            weight: board::INSPECT_WEIGHT,
            shot: None,
        });
    }
    nodes
}

fn facts(records: &BTreeMap<TaskKey, (TaskSpec, TaskRecord)>) -> FactsByClip {
    records
        .values()
        .filter_map(|(spec, record)| match (spec, &record.output) {
            (TaskSpec::Inspect(spec), TaskOutput::Inspect { facts }) => {
                Some((spec.clip, facts.as_ref().clone()))
            }
            _ => None,
        })
        .collect()
}

fn task_name(kind: TaskKind, shot: Option<&str>) -> String {
    match shot {
        Some(shot) => format!("{} of shot {shot}", kind.name()),
        None => kind.name().to_owned(),
    }
}
