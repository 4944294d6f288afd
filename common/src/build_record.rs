//! How a film was made: enough to make it again, byte for byte, on the same engine, and to say which step differs where it does not.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::{Sha, TaskKey};
use crate::manifest::ShotManifest;
use crate::plan::Plan;
use crate::task::{
    Artifact, EngineClass, FilmFacts, Font, TaskOutput, TaskRecord, TaskSpec, Verify,
};

/// Version of the document.
pub const BUILD_RECORD_VERSION: u32 = 2;

/// Prompts and models of the manifest are in it: it is for the director, not for the public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuildRecord {
    pub version: u32,
    /// The version of BotFlix that planned it.
    pub botflix: String,
    pub manifest: ShotManifest,
    /// Everything that was read, by hash; the same as `manifest` names.
    pub clips: Vec<Sha>,
    /// The encoder of what was not copied; absent when nothing was encoded.
    pub engine: Option<EngineClass>,
    pub verify: Verify,
    /// Every task in the plan's order: what decided its result, and its result.
    pub tasks: Vec<BuiltTask>,
    pub film: Artifact,
    pub facts: FilmFacts,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BuiltTask {
    pub key: TaskKey,
    pub spec: TaskSpec,
    /// By role.
    pub artifacts: BTreeMap<String, Artifact>,
    /// The build that ran, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    /// The fonts that its texts were drawn with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fonts: Vec<Font>,
}

impl BuildRecord {
    /// `None` when a task of the plan has no record, or none of them made and checked a film.
    pub fn of(
        manifest: &ShotManifest,
        plan: &Plan,
        verify: Verify,
        record: impl Fn(&TaskKey) -> Option<TaskRecord>,
    ) -> Option<Self> {
        let mut film = None;
        let mut facts = None;
        let mut engine = None;
        let mut tasks = Vec::with_capacity(plan.tasks.len());
        for task in &plan.tasks {
            let record = record(&task.key)?;
            if let Some(made) = record.artifacts.get("film") {
                film = Some(made.clone());
            }
            if let TaskOutput::Check { film, .. } = &record.output {
                facts = Some(film.of_film(manifest));
            }
            if let TaskSpec::Conform(spec) = &task.spec {
                engine = Some(spec.engine);
            }
            tasks.push(BuiltTask {
                key: task.key,
                spec: task.spec.clone(),
                artifacts: record.artifacts,
                engine: record.engine,
                fonts: match record.output {
                    TaskOutput::Conform { fonts, .. } => fonts,
                    _ => Vec::new(),
                },
            });
        }
        Some(Self {
            version: BUILD_RECORD_VERSION,
            botflix: env!("CARGO_PKG_VERSION").to_owned(),
            manifest: manifest.clone(),
            clips: manifest.distinct_clips(),
            engine,
            verify,
            tasks,
            film: film?,
            facts: facts?,
        })
    }
}
