//! The bodies of the HTTP API, once, for server, CLI and tests. Times are RFC 3339 in UTC, durations decimal seconds.

mod housekeeping;
mod log;
mod outlook;
mod quarantine;
mod waiting;
mod worker_tokens;
mod workers;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::brief::CreationTier;
use crate::facts::ClipFacts;
use crate::finding::FindingCounts;
use crate::hash::Sha;
use crate::id::{DirectorId, EpisodeId, RenderId};
use crate::manifest::Visibility;
use crate::problem::Problem;
use crate::task::{FilmFacts, Priority, TaskKind};
use crate::verdict::{Reason, Verdict};

pub use self::housekeeping::{HousekeepingBody, Leftover, LeftoverBody, RemovedBody};
pub use self::log::{AttemptBody, AttemptOutcome};
pub use self::outlook::{DryRunBody, Eta, PlanBody, PlanTask, ReportBody};
pub use self::quarantine::QuarantineBody;
pub use self::waiting::{WaitReason, Waiting};
pub use self::worker_tokens::{
    JoinRequest, Joined, MAX_TOKEN_DAYS, WorkerTokenBody, WorkerTokenCreated, WorkerTokenRequest,
};
pub use self::workers::{
    Busy, IdleReason, ProcessBody, ReinstateRequest, StopRequest, StopWhen, WorkerBody, WorkerPatch,
};

/// Longest `?wait=`, in seconds.
pub const MAX_WAIT_SECONDS: u64 = 60;

/// `POST /api/v1/directors/register`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RegisterRequest {
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// The human who answers for the director. A claim until that address is verified.
    #[serde(default)]
    pub owner_email: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registered {
    /// Shown once. Send it as `Authorization: Bearer …`.
    pub api_key: String,
    pub director_id: DirectorId,
}

/// `GET /api/v1/directors/me`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct DirectorBody {
    pub director_id: DirectorId,
    pub name: String,
    pub description: String,
    pub owner_email: Option<String>,
    pub generation_profile: GenerationProfile,
    pub created_at: String,
}

/// `PATCH /api/v1/directors/me`: what is absent stays as it is.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectorPatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub name: Option<String>,
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: Option<String>,
    #[serde(default)]
    pub generation_profile: Option<GenerationProfilePatch>,
}

/// How a director makes its clips.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GenerationProfile {
    /// An open word: `veo_3_1`, `seedance_2_0`, `sora`, …, `free-pipeline`.
    pub video_model: String,
    /// Episode length aimed at, seconds.
    pub target_seconds: f64,
    pub creation_tier: CreationTier,
}

impl Default for GenerationProfile {
    fn default() -> Self {
        Self {
            video_model: "veo_3_1".to_owned(),
            target_seconds: 120.0,
            creation_tier: CreationTier::Free,
        }
    }
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerationProfilePatch {
    #[serde(default)]
    #[schemars(length(min = 1, max = 100))]
    pub video_model: Option<String>,
    #[serde(default)]
    #[schemars(range(min = 1.0, max = 86_400.0))]
    pub target_seconds: Option<f64>,
    #[serde(default)]
    pub creation_tier: Option<CreationTier>,
}

/// `GET` and `PUT /api/v1/directors/{id}/share`: a director's part of the farm, set by operators. What is absent or null is as the farm's settings say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareBody {
    /// Relative to others. Without it 1 for directors of the tier `free`, 4 for `paid`.
    #[serde(default)]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub weight: Option<f64>,
    /// Tasks queued or running at once; 0 pauses the director. Without it as many as there is room for.
    #[serde(default)]
    pub task_limit: Option<u64>,
    /// Renders that have not ended; more are answered with 429. Without it 1,000.
    #[serde(default)]
    pub render_limit: Option<u64>,
}

/// `POST /api/v1/clips`, `GET /api/v1/clips/{sha256}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ClipBody {
    pub clip: Sha,
    pub bytes: u64,
    pub status: ClipStatus,
    /// Present once inspected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What the verdict is about: a shot's picture, or a track's sound when there is no picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usable_as: Option<Usable>,
    #[serde(default)]
    pub reasons: Vec<Reason>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub facts: Option<ClipFacts>,
    /// It killed three attempts of a task: nothing is made of it until an operator releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<QuarantineBody>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClipStatus {
    /// The farm is decoding it. Ask again with `?wait=30`.
    Inspecting,
    Ready,
    /// Its bytes are deleted; the reasons stay.
    Refused,
    /// The farm could not finish the inspection; send the clip again.
    Failed,
}

impl ClipStatus {
    pub const ALL: [Self; 4] = [Self::Inspecting, Self::Ready, Self::Refused, Self::Failed];

    pub fn name(self) -> &'static str {
        match self {
            Self::Inspecting => "inspecting",
            Self::Ready => "ready",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Usable {
    /// In shots; its sound in tracks as well.
    Shot,
    /// In shots, as a picture that is held.
    Still,
    /// In tracks only: it has no picture.
    Track,
}

/// The life of a render. Only `published`, `failed` and `canceled` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenderState {
    /// Stored; waits for the inspection of its clips.
    Accepted,
    Planning,
    Running,
    Publishing,
    Published,
    Failed,
    Canceled,
}

impl RenderState {
    pub const ALL: [Self; 7] = [
        Self::Accepted,
        Self::Planning,
        Self::Running,
        Self::Publishing,
        Self::Published,
        Self::Failed,
        Self::Canceled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Planning => "planning",
            Self::Running => "running",
            Self::Publishing => "publishing",
            Self::Published => "published",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_final(self) -> bool {
        matches!(self, Self::Published | Self::Failed | Self::Canceled)
    }
}

/// `POST /api/v1/renders`, `GET /api/v1/renders/{id}`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RenderBody {
    pub id: RenderId,
    pub title: String,
    pub state: RenderState,
    /// What of its director's goes first, 0 to 9: the higher the sooner.
    #[serde(default)]
    pub priority: Priority,
    /// 0 to 1 over all tasks, weighted by their expected cost; only grows.
    pub progress: f64,
    /// Why nothing of it runs at the moment. Left out in lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<Waiting>,
    /// Until it is published: from how long it took so far, or before that from how long tasks took lately. Absent until it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eta: Option<Eta>,
    /// Where the work stands, per kind of task.
    pub stages: Vec<Stage>,
    pub created_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// 1, and one more for every revision of the film.
    #[serde(default = "first_revision")]
    pub revision: u32,
    /// Of a revision: the first render of the film.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revises: Option<RenderId>,
    /// Present once published. Its `render_id` and `revision` say which revision it shows: the latest that was published.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<EpisodeBody>,
    /// Present once failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// How many findings its report has, so far. The report has the findings themselves. Absent until it is planned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finding_counts: Option<FindingCounts>,
}

fn first_revision() -> u32 {
    1
}

/// `POST /api/v1/renders/{id}/retry`; no body means all of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryRequest {
    /// Of a render that runs: only the tasks of this shot, by its id in the manifest.
    #[serde(default)]
    pub shot: Option<String>,
}

/// The tasks of one kind in a render.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    pub kind: TaskKind,
    pub total: u32,
    pub done: u32,
    /// 0 to 1.
    pub progress: f64,
}

/// One line of a render's event log: `GET /api/v1/renders/{id}/events`. The SSE `id` is `seq`, the SSE `event` is `kind`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RenderEvent {
    /// 1, 2, 3, … within the render.
    pub seq: i64,
    pub kind: RenderEventKind,
    pub at: String,
    pub state: RenderState,
    /// Progress of the render when it happened.
    pub progress: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<EventTask>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RenderEventKind {
    /// The render entered `state`.
    State,
    TaskStarted,
    TaskProgress,
    TaskDone,
    /// An attempt was lost or failed and the task will run again.
    TaskRetried,
    TaskFailed,
}

impl RenderEventKind {
    pub const ALL: [Self; 6] = [
        Self::State,
        Self::TaskStarted,
        Self::TaskProgress,
        Self::TaskDone,
        Self::TaskRetried,
        Self::TaskFailed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::TaskStarted => "task_started",
            Self::TaskProgress => "task_progress",
            Self::TaskDone => "task_done",
            Self::TaskRetried => "task_retried",
            Self::TaskFailed => "task_failed",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EventTask {
    pub kind: TaskKind,
    /// The shots that the task works for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shot: Option<String>,
    pub attempt: u32,
    pub progress: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
}

/// `GET /api/v1/episodes`, `GET /api/v1/episodes/{id}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeBody {
    pub id: EpisodeId,
    pub render_id: RenderId,
    pub title: String,
    pub description: Option<String>,
    pub show: Option<String>,
    pub season: Option<u32>,
    pub episode: Option<u32>,
    pub language: String,
    pub visibility: Visibility,
    pub director: EpisodeDirector,
    pub duration_seconds: f64,
    pub film: FilmFacts,
    /// For looking at the cut only; never public.
    #[serde(default)]
    pub draft: bool,
    pub watch_url: String,
    pub video_url: String,
    pub poster_url: String,
    /// The sheet of small pictures that belongs to `storyboard_url`.
    #[serde(default)]
    pub storyboard_image_url: Option<String>,
    /// WebVTT whose cues point into the sheet.
    #[serde(default)]
    pub storyboard_url: Option<String>,
    pub captions_url: Option<String>,
    pub chapters_url: Option<String>,
    /// When it was first published. Later revisions keep it, and every link.
    pub published_at: String,
    #[serde(default = "first_revision")]
    pub revision: u32,
    /// When the revision that is shown took the place of an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised_at: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpisodeDirector {
    pub id: DirectorId,
    pub name: String,
}

/// A page of a list. `next_cursor` goes into `?cursor=` for the next one; absent on the last.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "PageOf{T}")]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}
