//! What operators tell a worker, and how a worker stands. Pure data: how it travels is the queue's, what it means for tasks the worker's.

mod budget;
mod sleep;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use budget::{Budget, Room};
pub use sleep::{NotASchedule, SleepSchedule};

use crate::task::{LaneKind, TaskKind};

/// Most tasks at once that are taken seriously.
pub const MAX_SLOTS: u32 = 1024;
/// Tags of one worker.
pub const MAX_TAGS: usize = 16;
/// Characters of a tag.
pub const MAX_TAG_CHARS: usize = 64;

/// What an operator wants of a worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WantedState {
    #[default]
    Active,
    /// Takes no new task; what runs goes on.
    Paused,
    /// Takes no new task; what runs has the grace to finish and is handed back then. The process stays.
    Draining,
    /// Takes no new task and ends when what runs has finished.
    StopAfterCurrent,
    /// Hands back what runs and ends.
    StopNow,
}

impl WantedState {
    pub const ALL: [Self; 5] = [
        Self::Active,
        Self::Paused,
        Self::Draining,
        Self::StopAfterCurrent,
        Self::StopNow,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::StopAfterCurrent => "stop_after_current",
            Self::StopNow => "stop_now",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    pub fn is_stop(self) -> bool {
        matches!(self, Self::StopAfterCurrent | Self::StopNow)
    }
}

/// Which of several free workers takes a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    #[default]
    Normal,
    /// Takes what no worker of normal priority was free for: it looks twice a second instead of waiting at the queue.
    Low,
}

/// What an operator sets. What is absent is as the worker's command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkerSettings {
    /// In order of preference. `gpu` is served where the worker has proven a device at its start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Vec<LaneKind>>,
    /// Most tasks at once, 1 to 1024, whatever the host has room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slots: Option<u32>,
    #[serde(default)]
    pub priority: Priority,
    /// Words for people to find it by. Tasks do not look at them.
    #[serde(default)]
    pub tags: Vec<String>,
    /// When it takes no new task; what runs goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sleep: Option<SleepSchedule>,
}

/// A kind of task that one process of a worker was taken off, for failing at it several times in a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OffKind {
    pub kind: TaskKind,
    /// The process. One that is started afterwards takes the kind.
    pub instance: String,
    /// In milliseconds since 1970.
    pub since_ms: i64,
    /// What its failures said.
    pub codes: Vec<String>,
}

/// A self-test that passed after a process was taken off a kind: it takes the kind again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    pub kind: TaskKind,
    /// Of the [`OffKind`] that it answers.
    pub since_ms: i64,
}

/// All that a worker is told, as it stands in Redis under the worker's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerOrders {
    /// Grows with every change.
    pub revision: i64,
    pub wanted: WantedState,
    /// The processes that a stop is meant for. One that is started afterwards works.
    #[serde(default)]
    pub stop: Vec<String>,
    #[serde(default)]
    pub settings: WorkerSettings,
    /// Kinds that its processes leave to others until their self-tests pass.
    #[serde(default)]
    pub off: Vec<OffKind>,
}

impl WorkerOrders {
    /// What is wanted of one process of the worker.
    pub fn wanted_of(&self, instance: &str) -> WantedState {
        let meant = self.stop.iter().any(|told| told == instance);
        if self.wanted.is_stop() && !meant {
            WantedState::Active
        } else {
            self.wanted
        }
    }
}

/// How a worker stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WorkerState {
    #[default]
    Active,
    Paused,
    Draining,
    /// Ends soon.
    Stopping,
    /// By its schedule.
    Asleep,
    /// None of its processes is there.
    Gone,
}

impl WorkerState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Asleep => "asleep",
            Self::Gone => "gone",
        }
    }
}

/// What a worker tried of its host at its start. What it cannot do without would have kept it from starting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfTest {
    /// `decode h264`, `encode nvenc-h264`, `scratch`, …
    pub checks: Vec<SelfCheck>,
    /// Seconds of 1280×720 at 24 frames per second that its processor alone encodes as H.264 in a second.
    pub speed_720p: f64,
    pub scratch_free_bytes: u64,
    /// How long all of it took.
    pub seconds: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfCheck {
    pub name: String,
    /// Why it did not work; absent where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// Why a worker runs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdleCode {
    Paused,
    Draining,
    Stopping,
    Asleep,
    DiskFull,
    NoLanes,
    /// It was taken off some kinds of task, and no other waits in its lanes.
    KindsOff,
    /// The tasks that came are of a newer version than it understands.
    TooOld,
    NoTasks,
    Gone,
}

impl IdleCode {
    /// Those that a worker says of itself.
    pub const OF_WORKERS: [Self; 9] = [
        Self::Paused,
        Self::Draining,
        Self::Stopping,
        Self::Asleep,
        Self::DiskFull,
        Self::NoLanes,
        Self::KindsOff,
        Self::TooOld,
        Self::NoTasks,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Paused => "paused",
            Self::Draining => "draining",
            Self::Stopping => "stopping",
            Self::Asleep => "asleep",
            Self::DiskFull => "disk_full",
            Self::NoLanes => "no_lanes",
            Self::KindsOff => "kinds_off",
            Self::TooOld => "too_old",
            Self::NoTasks => "no_tasks",
            Self::Gone => "gone",
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Self::Paused => "an operator paused it",
            Self::Draining => "it is drained: an operator wants it empty",
            Self::Stopping => "it is about to end",
            Self::Asleep => "its sleep schedule says so",
            Self::DiskFull => "its scratch disk is full",
            Self::NoLanes => "it can serve none of the lanes that it is set to",
            Self::KindsOff => {
                "it was taken off some kinds of task for failing at them, and no other waits in its lanes"
            }
            Self::TooOld => "the tasks in its lanes are newer than it understands: upgrade it",
            Self::NoTasks => "no task waits in its lanes",
            Self::Gone => "it does not say hello",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_is_for_the_processes_that_were_there() {
        let orders = WorkerOrders {
            wanted: WantedState::StopNow,
            stop: vec!["forge-1".to_owned()],
            ..WorkerOrders::default()
        };
        assert_eq!(orders.wanted_of("forge-1"), WantedState::StopNow);
        assert_eq!(orders.wanted_of("forge-2"), WantedState::Active);
    }

    #[test]
    fn a_reason_is_written_as_it_is_named() {
        for code in IdleCode::OF_WORKERS {
            assert_eq!(serde_json::to_value(code).unwrap(), code.name());
        }
    }

    #[test]
    fn what_is_wanted_is_written_as_it_is_named() {
        for state in WantedState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
            assert_eq!(WantedState::parse(state.name()), Some(state));
        }
    }
}
