//! The plan: from a manifest and the facts of its clips to a task graph with all its keys. A pure function; nothing here runs anything.
//!
//! - [`format`]: what size and rate the film has;
//! - [`timeline`]: which frame of the film is which shot's;
//! - [`texts`]: titles and burned-in captions on it;
//! - [`pieces`]: the film cut into segments that are copied and segments that are made;
//! - [`copies`]: which of a shot's frames are copied;
//! - [`strips`]: a draft's segments, of several shots each;
//! - [`sound`]: the same for its sound;
//! - [`graph`]: the tasks that make all that.

mod clips;
mod copies;
pub mod format;
mod graph;
mod pieces;
mod predicted;
mod sound;
mod strips;
mod texts;
pub mod timeline;

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::ClipFacts;
use crate::film::{FilmFormat, LedgerRow, Quality, VideoCodec};
use crate::hash::{Sha, TaskKey};
use crate::manifest::ShotManifest;
use crate::problem::FieldProblem;
use crate::task::{EngineClass, TaskKind, TaskSpec, Verify};

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
    /// Expected cost in CPU-seconds; progress is weighted by it.
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

    /// Frames that are copied from the clips as they are.
    pub fn copied_frames(&self) -> u64 {
        match self.only(TaskKind::Assemble).map(|task| &task.spec) {
            Some(TaskSpec::Assemble(spec)) => spec.copied_frames(),
            _ => 0,
        }
    }

    pub fn quality(&self) -> Quality {
        match self.only(TaskKind::Mix).map(|task| &task.spec) {
            Some(TaskSpec::Mix(spec)) => spec.quality,
            _ => Quality::default(),
        }
    }
}

/// What the place of the render decides, not its manifest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// Encoders proven where the segments will be made, best first. Where none of a codec is named, its encoder on the processor is taken.
    pub engines: Vec<EngineClass>,
    pub verify: Verify,
}

impl Options {
    /// One class for the whole film: segments of different classes do not share their parameter sets.
    pub fn engine_for(&self, codec: VideoCodec, format: FilmFormat) -> EngineClass {
        let fits = |class: &EngineClass| {
            class.codec() == codec && class.takes(format.width, format.height)
        };
        let mut proven = self.engines.iter().copied();
        proven.find(fits).unwrap_or(EngineClass::on_cpu(codec))
    }
}

/// [`plan_with`] the encoders of any host's processor.
pub fn plan(manifest: &ShotManifest, facts: &FactsByClip) -> Result<Plan, Vec<FieldProblem>> {
    plan_with(manifest, facts, &Options::default())
}

/// Plans the film, or says everything that keeps it from being made.
///
/// `facts` must hold every clip of `manifest.clips()`; one that is absent is reported as `unknown_clip`.
pub fn plan_with(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    options: &Options,
) -> Result<Plan, Vec<FieldProblem>> {
    let problems = clips::problems(manifest, facts);
    if !problems.is_empty() {
        return Err(problems);
    }
    let format = format::film_format(manifest, facts);
    let timeline = timeline::lay_out(manifest, facts, &format)?;
    graph::build(manifest, facts, format, &timeline, options)
}

/// What the known facts say against the manifest; clips without facts are passed over. For refusing early, before all is inspected.
pub fn known_problems(manifest: &ShotManifest, facts: &FactsByClip) -> Vec<FieldProblem> {
    clips::problems(manifest, facts)
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

#[cfg(test)]
mod tests;
