//! Everything that decides the result of one task, its key, and what must be fetched for it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AssembleSpec, CheckSpec, ConformSpec, Lane, MixSpec, PackageSpec, SegmentSource, TaskKind,
};
use crate::hash::{Sha, TaskKey};

/// Everything that decides the result of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskSpec {
    Inspect(InspectSpec),
    Conform(Box<ConformSpec>),
    Mix(MixSpec),
    Assemble(AssembleSpec),
    Check(CheckSpec),
    Package(PackageSpec),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InspectSpec {
    pub clip: Sha,
    /// Make a [`crate::facts::Proxy`] on the way. Left out of the key where none is wanted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proxy: bool,
}

impl TaskSpec {
    pub fn kind(&self) -> TaskKind {
        match self {
            Self::Inspect(_) => TaskKind::Inspect,
            Self::Conform(_) => TaskKind::Conform,
            Self::Mix(_) => TaskKind::Mix,
            Self::Assemble(_) => TaskKind::Assemble,
            Self::Check(_) => TaskKind::Check,
            Self::Package(_) => TaskKind::Package,
        }
    }

    /// The queue it goes into.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Conform(spec) => Lane::of_encoder(spec.engine),
            Self::Inspect(_) | Self::Mix(_) | Self::Check(_) | Self::Package(_) => Lane::Cpu,
            Self::Assemble(_) => Lane::Io,
        }
    }

    /// The hash of kind, kind version and every parameter. Struct fields serialize in declaration order, so equal specs give equal keys.
    pub fn key(&self) -> TaskKey {
        #[derive(Serialize)]
        struct Canonical<'a> {
            kind_version: u32,
            spec: &'a TaskSpec,
        }
        let canonical = Canonical {
            kind_version: self.kind().version(),
            spec: self,
        };
        // Specs hold only strings, integers and finite numbers: serialization cannot fail, and an empty text would be caught by the tests.
        TaskKey::of(&serde_json::to_vec(&canonical).unwrap_or_default())
    }

    /// The clips whose bytes the worker must fetch.
    pub fn clips(&self) -> Vec<Sha> {
        let mut clips: Vec<Sha> = match self {
            Self::Inspect(spec) => vec![spec.clip],
            Self::Conform(spec) => spec.clips(),
            Self::Mix(spec) => spec
                .shots
                .iter()
                .filter_map(|shot| shot.clip)
                .chain(spec.tracks.iter().map(|track| track.clip))
                .collect(),
            Self::Assemble(spec) => spec
                .segments
                .iter()
                .filter_map(|segment| match segment.source {
                    SegmentSource::Copy { clip, .. } => Some(clip),
                    SegmentSource::Conform { .. } => None,
                })
                .collect(),
            Self::Check(_) | Self::Package(_) => Vec::new(),
        };
        clips.sort_unstable();
        clips.dedup();
        clips
    }

    /// The tasks whose records this one reads.
    pub fn needs(&self) -> Vec<TaskKey> {
        let mut needs: Vec<TaskKey> = match self {
            Self::Inspect(_) | Self::Conform(_) | Self::Mix(_) => Vec::new(),
            Self::Assemble(spec) => spec
                .segments
                .iter()
                .filter_map(|segment| match segment.source {
                    SegmentSource::Conform { task } => Some(task),
                    SegmentSource::Copy { .. } => None,
                })
                .chain([spec.mix])
                .collect(),
            Self::Check(spec) => vec![spec.film],
            Self::Package(spec) => vec![spec.check],
        };
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}
