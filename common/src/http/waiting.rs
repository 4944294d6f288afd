//! Why a render does not run at the moment.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Eta;

/// `waiting` of a render that has not ended and none of whose tasks runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    pub reason: WaitReason,
    /// The same for people, with what to do about it where there is something.
    pub message: String,
    /// The lane it waits in: `cpu`, `io`, `gpu-nvenc-h264`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<String>,
    /// About how many tasks are handed out before its next one; 0: it is next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<u64>,
    /// Until it goes on, from how long tasks took lately.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goes_on_in: Option<Eta>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// No worker of the farm serves the lane.
    NoWorker,
    /// Workers serve the lane, and none of them understands the tasks of this version of the API.
    WorkersTooOld,
    /// Workers serve the lane, and none of them takes tasks now: paused, draining, asleep, or their disks are full.
    WorkersAway,
    /// It needs more memory than any worker of the lane gives to tasks.
    TooLarge,
    /// All workers of the lane that take tasks were taken off this kind of task, for failing at it.
    WorkersOff,
    /// All places of the lane are taken.
    LaneBusy,
    /// As many of the director's tasks are at work as may be at once.
    Limit,
    /// A task failed for a reason that may pass, and is tried again later.
    RetryPause,
    /// It is handed out, and a worker takes it any moment.
    Starting,
}

impl WaitReason {
    /// Why a task may wait that is not handed out yet.
    pub const OF_TASKS: [Self; 8] = [
        Self::NoWorker,
        Self::WorkersTooOld,
        Self::WorkersAway,
        Self::TooLarge,
        Self::WorkersOff,
        Self::LaneBusy,
        Self::Limit,
        Self::RetryPause,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::NoWorker => "no_worker",
            Self::WorkersTooOld => "workers_too_old",
            Self::WorkersAway => "workers_away",
            Self::TooLarge => "too_large",
            Self::WorkersOff => "workers_off",
            Self::LaneBusy => "lane_busy",
            Self::Limit => "limit",
            Self::RetryPause => "retry_pause",
            Self::Starting => "starting",
        }
    }
}
