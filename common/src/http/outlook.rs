//! What a render will do and what came of it: `/plan`, `/report` and `?dry_run=true`, and the same from a local render.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::film::{FilmFormat, LedgerRow, Quality};
use crate::finding::{Finding, worst_first};
use crate::hash::{Sha, TaskKey};
use crate::manifest::ShotManifest;
use crate::plan::Plan;
use crate::problem::FieldProblem;
use crate::task::{EngineClass, FilmFacts, SoundFacts, TaskKind, TaskOutput, TaskRecord, TaskSpec};

/// `GET /api/v1/renders/{id}/plan`: the tasks of a render, and what of them is already there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanBody {
    pub format: FilmFormat,
    pub duration_seconds: f64,
    pub total_frames: u64,
    /// Frames that are copied from the clips as they are, without encoding.
    pub copied_frames: u64,
    /// What encodes the rest; absent when nothing is encoded.
    pub engine: Option<EngineClass>,
    pub preset: Quality,
    /// Which frames of the film are which shot. Rows overlap in transitions.
    pub ledger: Vec<LedgerRow>,
    /// In an order in which every task comes after those it needs.
    pub tasks: Vec<PlanTask>,
    /// Expected cost of all tasks, CPU-seconds of the machine in docs/benchmarks.md.
    pub cost_cpu_seconds: f64,
    /// Of those whose result is not there yet.
    pub remaining_cpu_seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanTask {
    pub key: TaskKey,
    pub kind: TaskKind,
    /// The shot it works for, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shot: Option<String>,
    pub cost_cpu_seconds: f64,
    /// The result was there before this render: nothing is done again.
    pub reused: bool,
}

impl PlanBody {
    pub fn of(plan: &Plan, reused: impl Fn(&TaskKey) -> bool) -> Self {
        let tasks: Vec<PlanTask> = plan
            .tasks
            .iter()
            .map(|task| PlanTask {
                key: task.key,
                kind: task.kind(),
                shot: task.shot.clone(),
                cost_cpu_seconds: task.weight,
                reused: reused(&task.key),
            })
            .collect();
        let cost = |wanted: &dyn Fn(&PlanTask) -> bool| {
            let counted = tasks.iter().filter(|task| wanted(task));
            counted.map(|task| task.cost_cpu_seconds).sum()
        };
        let conform = plan.tasks.iter().find_map(|task| match &task.spec {
            TaskSpec::Conform(spec) => Some(spec),
            _ => None,
        });
        Self {
            format: plan.format,
            duration_seconds: plan.duration_seconds,
            total_frames: plan.total_frames,
            copied_frames: plan.copied_frames(),
            engine: conform.map(|spec| spec.engine),
            preset: plan.quality(),
            ledger: plan.ledger.clone(),
            cost_cpu_seconds: cost(&|_| true),
            remaining_cpu_seconds: cost(&|task| !task.reused),
            tasks,
        }
    }
}

/// `GET /api/v1/renders/{id}/report`: what is to be known of the material and of the film.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReportBody {
    pub title: String,
    /// Present once checked.
    pub film: Option<FilmFacts>,
    /// Present once mixed: as measured on the encoded sound.
    pub sound: Option<SoundFacts>,
    /// Frames that were copied from the clips as they are.
    pub copied_frames: u64,
    /// Builds that made it, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub builds: Vec<String>,
    /// Worst first. Each carries the fixes that are known to remove it.
    pub findings: Vec<Finding>,
}

impl ReportBody {
    /// Before anything is made: what the plan copies, and what the material says.
    pub fn foreseen(title: &str, copied_frames: u64, mut findings: Vec<Finding>) -> Self {
        worst_first(&mut findings);
        Self {
            title: title.to_owned(),
            film: None,
            sound: None,
            copied_frames,
            builds: Vec::new(),
            findings,
        }
    }

    /// `foreseen` are the findings of [`crate::findings::of_film`], `records` those of the plan's tasks that are done so far.
    pub fn of<'a>(
        manifest: &ShotManifest,
        plan: &Plan,
        foreseen: Vec<Finding>,
        records: impl IntoIterator<Item = &'a TaskRecord>,
    ) -> Self {
        let mut report = Self::foreseen(&manifest.title, plan.copied_frames(), foreseen);
        for record in records {
            match &record.output {
                TaskOutput::Mix(sound) => report.sound = Some(*sound),
                TaskOutput::Check { film, findings, .. } => {
                    report.film = Some(film.of_film(manifest));
                    report.findings.extend(findings.iter().cloned());
                }
                _ => {}
            }
            report.builds.push(record.engine.clone());
        }
        report.builds.sort_unstable();
        report.builds.dedup();
        worst_first(&mut report.findings);
        report
    }
}

/// `POST /api/v1/renders?dry_run=true`: what would come of it. Nothing is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DryRunBody {
    /// The farm would accept it now.
    pub valid: bool,
    pub errors: Vec<FieldProblem>,
    /// Clips that have to be sent first.
    pub missing_clips: Vec<Sha>,
    /// Clips that are still being inspected.
    pub inspecting_clips: Vec<Sha>,
    /// Present when all clips are known and nothing speaks against it.
    pub plan: Option<PlanBody>,
    /// What the facts of the clips say already.
    pub findings: Vec<Finding>,
}

/// When something will be ready: between two guesses, seconds from now.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Eta {
    pub low_seconds: f64,
    pub high_seconds: f64,
}

impl Eta {
    /// Less than this done says nothing of the rest.
    const LEAST_PROGRESS: f64 = 0.03;
    /// Tasks of different kinds run at different speeds: the straight line is trusted to this factor.
    const FACTOR: f64 = 1.5;

    /// From how long it took to come as far as `progress`, 0 to 1.
    pub fn extrapolated(elapsed_seconds: f64, progress: f64) -> Option<Self> {
        if progress < Self::LEAST_PROGRESS || !elapsed_seconds.is_finite() {
            return None;
        }
        let rest = elapsed_seconds * (1.0 - progress.min(1.0)) / progress;
        Some(Self {
            low_seconds: rest / Self::FACTOR,
            high_seconds: rest * Self::FACTOR,
        })
    }
}
