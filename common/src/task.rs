//! Tasks: what a worker is asked, what it answers, and the key under which the answer is remembered.
//!
//! A [`TaskSpec`] holds everything that decides a result. Its key is a hash of it, so specs must never contain a time, a host, a render or
//! a director. Results travel as a [`TaskRecord`], stored at `cache/{key}/result.json`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::facts::ClipFacts;
use crate::film::{Caption, Chapter, FilmFormat, Fit, LedgerRow, Loudness};
use crate::finding::Finding;
use crate::hash::{Sha, TaskKey};

/// Version of [`TaskMessage`] and [`TaskInput`] on the wire. One older is understood.
pub const PAYLOAD_VERSION: u32 = 1;

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Measure a clip.
    Inspect,
    /// Make one segment in the film's format from one shot.
    Conform,
    /// Make the film's sound, encoded.
    Mix,
    /// Join segments and sound into the film.
    Assemble,
    /// Prove that the film is what the ledger says.
    Check,
    /// Poster, captions, chapters.
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
        1
    }

    pub fn lane(self) -> Lane {
        match self {
            Self::Inspect | Self::Conform | Self::Mix | Self::Check | Self::Package => Lane::Cpu,
            Self::Assemble => Lane::Io,
        }
    }
}

/// A queue of tasks that need the same capability.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    Cpu,
    Gpu,
    Io,
}

impl Lane {
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Gpu, Self::Io];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
            Self::Io => "io",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lane| lane.name() == name)
    }
}

/// What encodes pictures. Chosen by the plan and part of the key: segments of different classes never share a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EngineClass {
    #[serde(rename = "x264-cpu/1")]
    X264Cpu1,
}

/// Everything that decides the result of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum TaskSpec {
    Inspect(InspectSpec),
    Conform(ConformSpec),
    Mix(MixSpec),
    Assemble(AssembleSpec),
    Check(CheckSpec),
    Package(PackageSpec),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InspectSpec {
    pub clip: Sha,
}

/// One shot's picture, re-encoded: exactly `frames` frames in `format`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConformSpec {
    pub clip: Sha,
    pub engine: EngineClass,
    pub format: FilmFormat,
    pub fit: Fit,
    /// Seconds from the clip's first picture at which the segment starts.
    pub start_seconds: f64,
    /// Exact length of the segment; the last picture is held when the clip ends a little early.
    pub frames: u64,
    pub source: SourcePicture,
}

/// The facts of a clip that the conform filter chain depends on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SourcePicture {
    pub interlaced: bool,
    pub hdr: bool,
    pub alpha: bool,
    pub full_range: bool,
}

/// The whole sound of a film on one sample timeline, encoded once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixSpec {
    /// In film order; `first_sample` grows and the entries tile the film exactly.
    pub shots: Vec<MixShot>,
    pub tracks: Vec<MixTrack>,
    /// Samples per channel of the film at 48 kHz.
    pub total_samples: u64,
    pub loudness: Loudness,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixShot {
    /// `None`: silence (no sound track, or muted).
    pub clip: Option<Sha>,
    /// Where the shot starts in the film, in samples at 48 kHz.
    pub first_sample: u64,
    pub samples: u64,
    /// Seconds from the clip's **first picture** at which the shot starts (its trim).
    pub clip_start_seconds: f64,
    /// First sound sample relative to the first picture (from the facts).
    pub clip_sound_offset_seconds: f64,
    pub gain_db: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MixTrack {
    pub clip: Sha,
    /// Where the track's sound starts in the film, in samples at 48 kHz. What runs past the film's end is cut.
    pub first_sample: u64,
    pub gain_db: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssembleSpec {
    pub format: FilmFormat,
    /// In film order.
    pub segments: Vec<Segment>,
    /// The task whose record holds the sound.
    pub mix: TaskKey,
    pub captions: Vec<Caption>,
    pub chapters: Vec<Chapter>,
    pub title: String,
    /// BCP 47, e.g. `en`.
    pub language: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Segment {
    pub shot: String,
    pub frames: u64,
    pub source: SegmentSource,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SegmentSource {
    /// The packets of the clip's picture as they are.
    Copy { clip: Sha },
    /// The segment that a conform task made.
    Conform { task: TaskKey },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheckSpec {
    pub film: TaskKey,
    pub format: FilmFormat,
    pub ledger: Vec<LedgerRow>,
    pub total_samples: u64,
    pub loudness: Loudness,
    pub chapters: u32,
    pub captions: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PackageSpec {
    pub film: TaskKey,
    /// Frames of the film to choose a poster from.
    pub poster_frames: Vec<u64>,
    pub captions: Vec<Caption>,
    pub chapters: Vec<Chapter>,
    pub total_seconds: f64,
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
            Self::Conform(spec) => vec![spec.clip],
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
                    SegmentSource::Copy { clip } => Some(clip),
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
            Self::Package(spec) => vec![spec.film],
        };
        needs.sort_unstable();
        needs.dedup();
        needs
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
    /// By role: `segment`, `sound`, `film`, `poster`, `captions`, `chapters`.
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
    },
    Mix(SoundFacts),
    Assemble {
        frames: u64,
        duration_seconds: f64,
        /// SHA-256 over the picture packets in order, in hex; `check` recomputes it from the film.
        picture_digest: String,
    },
    Check {
        film: FilmFacts,
        findings: Vec<Finding>,
    },
    Package {
        /// The frame of the film that became the poster.
        poster_frame: u64,
    },
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
}
