//! `GET /api/v1/renders/{id}/log`: what became of each attempt at a render's tasks. Never an operator's words, a place on a host, or
//! another director.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::failure::{FailureClass, WhoCanFix};
use crate::hash::TaskKey;
use crate::task::TaskKind;

/// One attempt at one task that the render needs, the inspections of its clips included. Tasks are shared: an attempt may be older than the
/// render, made for another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttemptBody {
    pub task: TaskKey,
    pub kind: TaskKind,
    /// The shot of this render for which the task works, when it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shot: Option<String>,
    /// 1, 2, 3, … within the task.
    pub attempt: u32,
    /// Who took it. Absent while nobody has, or when nobody did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// RFC 3339, UTC; the list is in the order of this time.
    pub queued_at: String,
    /// Absent before a worker says that it has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Absent while it is queued or runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// When its worker said that it works at it no more. Only of one that was canceled or lost, and absent where the worker was gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_at: Option<String>,
    /// How it ended. Absent while it is queued or runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AttemptOutcome>,
    /// Why it ended so, in a sentence. Absent when it was done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Of an attempt that failed: a stable snake_case word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Of an attempt that failed: whether such a failure may pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<FailureClass>,
    /// Of an attempt that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who_can_fix: Option<WhoCanFix>,
    /// What ffmpeg said before it failed: at most 20 lines of 200 characters, oldest first, without lines that name files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub engine_said: Vec<String>,
    /// The build that made the result, e.g. `ffmpeg 5.1.9-0+deb12u1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Seconds from the fetching of its inputs to the upload of its results, as the worker measured them. Only of `done`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wall_seconds: Option<f64>,
    /// Sizes of what was made, by role (`segment`, `sound`, `film`, …), bytes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub artifact_bytes: BTreeMap<String, u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttemptOutcome {
    Done,
    /// Done without work: the result was there already.
    Memoized,
    /// It failed, and the task is tried again.
    Retried,
    /// It failed as every other attempt would: the task has failed.
    Failed,
    /// It failed or was lost as others might not be, but one time too often: the farm gave the task up.
    GivenUp,
    /// Handed back by a worker that was told to stop; the task is tried again.
    Released,
    /// Its worker was not heard of any more; the task is tried again.
    Lost,
    /// The queue has lost it, or never got it; the task is tried again.
    Vanished,
    /// Nobody waits for its result any more.
    Canceled,
}

impl AttemptOutcome {
    pub const ALL: [Self; 9] = [
        Self::Done,
        Self::Memoized,
        Self::Retried,
        Self::Failed,
        Self::GivenUp,
        Self::Released,
        Self::Lost,
        Self::Vanished,
        Self::Canceled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Memoized => "memoized",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::GivenUp => "given_up",
            Self::Released => "released",
            Self::Lost => "lost",
            Self::Vanished => "vanished",
            Self::Canceled => "canceled",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }
}
