//! What operators see of the farm's workers, and what they ask of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::task::{Demand, Lane, LaneKind, TaskKind};
use crate::worker::{
    Budget, IdleCode, OffKind, Priority, SelfTest, SleepSchedule, WantedState, WorkerSettings,
    WorkerState,
};

/// `GET /api/v1/workers/{name}`: a worker that was seen once, with those of its processes that are there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkerBody {
    /// What people call it. Processes of one name share what operators set.
    pub name: String,
    pub state: WorkerState,
    /// What an operator wants of it.
    pub wanted: WantedState,
    pub settings: WorkerSettings,
    /// What its processes run now.
    pub busy: Busy,
    /// Why it runs nothing; absent while it does.
    pub idle: Option<IdleReason>,
    /// Kinds of task that processes of it were taken off, for failing at them three times in a row. They take them again when their self-test
    /// passes, or when an operator reinstates them.
    #[serde(default)]
    pub off: Vec<OffKind>,
    /// One for each that said hello lately.
    pub processes: Vec<ProcessBody>,
    pub first_seen_at: String,
    /// At most a minute old while it is there.
    pub last_seen_at: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Busy {
    pub tasks: u32,
    /// How many of each kind.
    pub kinds: BTreeMap<TaskKind, u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdleReason {
    pub code: IdleCode,
    pub text: String,
}

impl From<IdleCode> for IdleReason {
    fn from(code: IdleCode) -> Self {
        Self {
            code,
            text: code.words().to_owned(),
        }
    }
}

/// One running process of a worker.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ProcessBody {
    /// Unique to it.
    pub instance: String,
    pub version: String,
    /// e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    pub state: WorkerState,
    /// In order of preference; `gpu-…` for each encoder that a device was proven to have.
    pub lanes: Vec<Lane>,
    /// About how many tasks it runs at once: what it was told, or what its budget has room for.
    pub slots: u32,
    pub busy: Busy,
    pub idle: Option<IdleReason>,
    pub tags: Vec<String>,
    pub cores: u32,
    /// 0 where the host does not say.
    pub memory_bytes: u64,
    /// The load of the last minute in percent of the cores.
    pub load_percent: Option<u32>,
    /// What tasks may use of its host; absent: an older worker does not say.
    pub budget: Option<Budget>,
    /// What those that run are taken to use.
    pub in_use: Demand,
    /// What it tried of its host at its start.
    pub self_test: Option<SelfTest>,
}

/// `PATCH /api/v1/workers/{name}`: what is absent stays as it is, `null` is as the worker's command line says.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerPatch {
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<Vec<LaneKind>>")]
    pub lanes: Option<Option<Vec<LaneKind>>>,
    /// 1 to 1024.
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<u32>")]
    pub slots: Option<Option<u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// At most 16, each of 1 to 64 letters, digits or one of `- _ . :`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    #[serde(
        default,
        deserialize_with = "given",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(with = "Option<SleepSchedule>")]
    pub sleep: Option<Option<SleepSchedule>>,
}

impl WorkerPatch {
    pub fn apply(&self, settings: &mut WorkerSettings) {
        if let Some(lanes) = &self.lanes {
            settings.lanes.clone_from(lanes);
        }
        if let Some(slots) = self.slots {
            settings.slots = slots;
        }
        if let Some(priority) = self.priority {
            settings.priority = priority;
        }
        if let Some(tags) = &self.tags {
            settings.tags.clone_from(tags);
        }
        if let Some(sleep) = &self.sleep {
            settings.sleep.clone_from(sleep);
        }
    }
}

/// A `null` that was sent is not the same as nothing.
fn given<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

/// `POST /api/v1/workers/{name}/reinstate`
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReinstateRequest {
    /// Absent: every kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<TaskKind>,
}

/// `POST /api/v1/workers/{name}/stop`
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StopRequest {
    pub when: StopWhen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopWhen {
    /// When what runs has finished.
    AfterCurrent,
    /// What runs is handed back, and runs elsewhere.
    Now,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_takes_a_setting_back_and_absence_leaves_it() {
        let mut settings = WorkerSettings {
            slots: Some(2),
            sleep: Some("mon 00:00-01:00".parse().unwrap()),
            ..WorkerSettings::default()
        };
        let patch: WorkerPatch = serde_json::from_str(r#"{"slots": null, "tags": ["a"]}"#).unwrap();
        patch.apply(&mut settings);
        assert_eq!(settings.slots, None);
        assert!(settings.sleep.is_some());
        assert_eq!(settings.tags, ["a"]);
    }
}
