//! The plan: from a manifest and the facts of its clips to a task graph with all its keys. A pure function; nothing here runs anything.
//!
//! - [`format`]: what size and rate the film has;
//! - [`timeline`]: which frame and sample of the film comes from where;
//! - [`graph`]: the tasks that make it.

pub mod format;
pub mod graph;
pub mod timeline;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::ClipFacts;
use crate::film::{FilmFormat, LedgerRow};
use crate::hash::{Sha, TaskKey};
use crate::manifest::ShotManifest;
use crate::problem::FieldProblem;
use crate::task::{TaskKind, TaskSpec};
use crate::verdict::{self, Role, Verdict};

/// The facts of each clip that a manifest names.
pub type FactsByClip = HashMap<Sha, ClipFacts>;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    pub format: FilmFormat,
    /// Which frames of the film are which shot: the finished file must match it.
    pub ledger: Vec<LedgerRow>,
    pub total_frames: u64,
    pub total_samples: u64,
    pub duration_seconds: f64,
    /// In an order in which every task comes after those it needs.
    pub tasks: Vec<PlannedTask>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedTask {
    pub key: TaskKey,
    pub spec: TaskSpec,
    /// Expected cost in arbitrary units that are comparable within a plan; progress is weighted by it.
    pub weight: f64,
    /// The shot it works for, when it is one.
    pub shot: Option<String>,
}

impl PlannedTask {
    pub fn kind(&self) -> TaskKind {
        self.spec.kind()
    }
}

impl Plan {
    /// The one task of a kind that occurs once: `mix`, `assemble`, `check`, `package`.
    pub fn only(&self, kind: TaskKind) -> Option<&PlannedTask> {
        self.tasks.iter().find(|task| task.kind() == kind)
    }
}

/// Plans the film, or says everything that keeps it from being made.
///
/// `facts` must hold every clip of `manifest.clips()`; one that is absent is reported as `unknown_clip`.
pub fn plan(manifest: &ShotManifest, facts: &FactsByClip) -> Result<Plan, Vec<FieldProblem>> {
    let problems = clip_problems(manifest, facts);
    if !problems.is_empty() {
        return Err(problems);
    }
    let format = format::film_format(manifest, facts);
    let timeline = timeline::lay_out(manifest, facts, &format)?;
    Ok(graph::build(manifest, facts, format, &timeline))
}

/// What the known facts say against the manifest; clips without facts are passed over. For refusing early, before all is inspected.
pub fn known_problems(manifest: &ShotManifest, facts: &FactsByClip) -> Vec<FieldProblem> {
    clip_problems(manifest, facts)
        .into_iter()
        .filter(|problem| problem.code != UNKNOWN_CLIP)
        .collect()
}

/// The code of a clip that nobody has sent.
pub const UNKNOWN_CLIP: &str = "unknown_clip";

/// The problem of a clip that nobody has sent.
pub fn unknown_clip(pointer: &str, clip: &Sha) -> FieldProblem {
    FieldProblem::new(
        pointer,
        UNKNOWN_CLIP,
        format!("No clip {clip} was uploaded."),
    )
    .fix("Send it with POST /api/v1/clips first.")
}

fn clip_problems(manifest: &ShotManifest, facts: &FactsByClip) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for clip_use in manifest.clips() {
        let Some(known) = facts.get(&clip_use.clip) else {
            problems.push(unknown_clip(&clip_use.pointer, &clip_use.clip));
            continue;
        };
        let judgement = verdict::judge(known, clip_use.role);
        if judgement.verdict == Verdict::Refuse {
            problems.extend(judgement.reasons.into_iter().map(|reason| {
                let needed = match clip_use.role {
                    Role::Shot => "a shot",
                    Role::Track => "a track",
                };
                FieldProblem::new(
                    &clip_use.pointer,
                    &reason.code,
                    format!("The clip cannot be used for {needed}: {}", reason.message),
                )
            }));
        }
    }
    for (at, shot) in manifest.shots.iter().enumerate() {
        if let Some(video) = facts
            .get(&shot.source.clip)
            .and_then(|facts| facts.video.as_ref())
        {
            problems.extend(timeline::trim_problems(at, shot, video));
        }
    }
    problems
}

#[cfg(test)]
mod tests;
