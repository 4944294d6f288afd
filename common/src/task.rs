//! Tasks: what a worker is asked, what it answers, and the key under which the answer is remembered.
//!
//! A [`TaskSpec`] holds everything that decides a result. Its key is a hash of it, so specs must never contain a time, a host, a render or
//! a director. Results travel as a [`TaskRecord`], stored at `cache/{key}/result.json`.

mod demand;
mod film;
mod lane;
mod picture;
mod priority;
mod sound;
mod spec;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::demand::Demand;
pub use self::film::{AssembleSpec, CheckSpec, Join, PackageSpec, Segment, SegmentSource, Verify};
pub use self::lane::{Lane, LaneKind};
pub use self::picture::{
    Blend, ConformSpec, EngineClass, MotionSpan, Overlay, Picture, PictureSource, SourcePicture,
    Take,
};
pub use self::priority::{NoPriority, Priority};
pub use self::sound::{Duck, Fade, FadeCurve, MixShot, MixSpec, MixTrack, Prediction};
pub use self::spec::{InspectSpec, TaskSpec};
use crate::facts::ClipFacts;
use crate::finding::Finding;
use crate::hash::{Sha, TaskKey};
use crate::manifest::ShotManifest;

/// Version of [`TaskMessage`] and [`TaskInput`] on the wire. One older is understood.
pub const PAYLOAD_VERSION: u32 = 1;

/// Whether a process whose newest payload version is `newest` understands a payload: of that version, or of the one before.
pub fn understands(newest: u32, version: u64) -> bool {
    let newest = u64::from(newest);
    version > 0 && version <= newest && version + 1 >= newest
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Measure a clip.
    Inspect,
    /// Make one segment in the film's format from one shot, or from several of a draft.
    Conform,
    /// Make the film's sound, encoded.
    Mix,
    /// Join segments and sound into the film.
    Assemble,
    /// Prove that the film is what the ledger says; of the pictures that are decoded for it, make posters and storyboard.
    Check,
    /// All that is published beside the film: those pictures, captions, chapters.
    Package,
}

impl TaskKind {
    pub const ALL: [Self; 6] = [
        Self::Inspect,
        Self::Conform,
        Self::Mix,
        Self::Assemble,
        Self::Check,
        Self::Package,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Inspect => "inspect",
            Self::Conform => "conform",
            Self::Mix => "mix",
            Self::Assemble => "assemble",
            Self::Check => "check",
            Self::Package => "package",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Raised when the same spec would now give another result; old records are then never read.
    pub fn version(self) -> u32 {
        match self {
            Self::Mix | Self::Assemble => 3,
            Self::Inspect | Self::Conform | Self::Check | Self::Package => 4,
        }
    }
}

/// One run of a task: the fence of the farm. Written `{key}.{attempt}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct AttemptId {
    pub task: TaskKey,
    pub attempt: u32,
}

impl std::fmt::Display for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.task, self.attempt)
    }
}

impl std::str::FromStr for AttemptId {
    type Err = crate::hash::BadHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (task, attempt) = text.split_once('.').ok_or(crate::hash::BadHash)?;
        Ok(Self {
            task: task.parse()?,
            attempt: attempt.parse().map_err(|_| crate::hash::BadHash)?,
        })
    }
}

/// What lies in the queue: small, because inputs are in object storage at `inputs/{task}/{attempt}.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    pub version: u32,
    pub id: AttemptId,
    pub kind: TaskKind,
    /// What it needs of its host; an older API does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub demand: Option<Demand>,
}

/// What the worker fetches for an attempt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskInput {
    pub version: u32,
    pub spec: TaskSpec,
    /// The accepted record of each task in `spec.needs()`.
    pub upstream: BTreeMap<TaskKey, TaskRecord>,
}

/// An output blob, stored at `blobs/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Artifact {
    pub sha256: Sha,
    pub bytes: u64,
    pub media_type: String,
}

/// The result of a task. What SQL accepted is what dependents read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TaskRecord {
    pub version: u32,
    pub task: TaskKey,
    /// By role: `proxy`, `segment`, `sound`, `film`, `poster`, `poster_2`, `poster_3`, `storyboard`, `storyboard_vtt`, `captions`, `chapters`.
    pub artifacts: BTreeMap<String, Artifact>,
    pub output: TaskOutput,
    /// The build that ran, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    /// The worker's name.
    pub worker: String,
    pub wall_seconds: f64,
}

impl TaskRecord {
    /// The artifact in a role.
    pub fn artifact(&self, role: &str) -> Option<&Artifact> {
        self.artifacts.get(role)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskOutput {
    Inspect {
        facts: Box<ClipFacts>,
    },
    Conform {
        frames: u64,
        /// What its texts were drawn with; empty where there is no text. Not part of the key: fonts are the host's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        fonts: Vec<Font>,
    },
    Mix(SoundFacts),
    Assemble {
        frames: u64,
        duration_seconds: f64,
        /// SHA-256 over the picture packets in order, in hex; `check` recomputes it from the film.
        picture_digest: String,
        /// What the sound measured when it was encoded; `check` holds its packets against the film's.
        sound: SoundFacts,
        /// How many of the frames are copies of the clips' own packets.
        copied_frames: u64,
    },
    Check {
        film: FilmFacts,
        findings: Vec<Finding>,
        /// The frames of the film that became posters, best first. Records of older versions have none.
        #[serde(default)]
        poster_frames: Vec<u64>,
    },
    Package,
}

/// A font of the host that made something.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Font {
    /// Its PostScript name, e.g. `NotoSans-Bold`.
    pub name: String,
    /// Of the file's bytes: two versions of a font draw differently.
    pub sha256: Sha,
}

/// The encoded sound as measured after encoding.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SoundFacts {
    /// `None`: silent throughout.
    pub integrated_lufs: Option<f64>,
    pub true_peak_dbtp: Option<f64>,
    /// Gain that was applied to the mix before limiting, dB.
    pub gain_db: f64,
    pub samples: u64,
    /// Over all packets in order, each with its length: sound with the same hash is this sound.
    pub packets: Sha,
}

/// The finished film as measured by `check`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FilmFacts {
    pub width: u32,
    pub height: u32,
    pub fps: crate::units::FrameRate,
    pub frames: u64,
    pub video_seconds: f64,
    pub audio_seconds: f64,
    pub integrated_lufs: Option<f64>,
    pub true_peak_dbtp: Option<f64>,
    pub bytes: u64,
    /// For looking at the cut only: marked in the picture, never public.
    #[serde(default)]
    pub draft: bool,
}

impl FilmFacts {
    /// `check` measures a file; whether it is a draft, only its manifest knows.
    pub fn of_film(self, manifest: &ShotManifest) -> Self {
        Self {
            draft: manifest.is_draft(),
            ..self
        }
    }
}
