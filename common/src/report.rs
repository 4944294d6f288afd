//! What workers tell the API, through one stream of reports. Reports of an attempt that is not current are ignored by SQL.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use crate::failure::Failure;
use crate::task::{AttemptId, Demand, Lane, TaskKind, TaskRecord, understands};
use crate::worker::{Budget, IdleCode, Proven, SelfTest, WorkerState};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub id: AttemptId,
    pub worker: String,
    pub body: ReportBody,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ReportBody {
    Started,
    /// Sent at most once a second and attempt. `fraction` is 0 to 1 and only grows within an attempt.
    Progress {
        fraction: f64,
        speed: Option<f64>,
    },
    Done {
        record: Box<TaskRecord>,
        memoized: bool,
    },
    Failed {
        failure: Failure,
    },
    /// The worker works at it no more and has no result: handed back by one that drains, or stopped after it was canceled or its lease was
    /// lost. Tried again at once where it is still to be done, and not charged.
    Released,
}

impl ReportBody {
    /// All that [`Self::name`] can say.
    pub const NAMES: [&str; 5] = ["started", "progress", "done", "failed", "released"];

    pub fn name(&self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Progress { .. } => "progress",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Released => "released",
        }
    }
}

/// How a worker introduces itself; renewed with its heartbeat and gone some seconds after it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct WorkerHello {
    /// What people call it; need not be unique.
    pub name: String,
    /// Unique to this process.
    pub instance: String,
    pub version: String,
    /// One that a newer worker serves and this build does not know is passed over.
    #[serde(deserialize_with = "known_lanes")]
    pub lanes: Vec<Lane>,
    /// About how many tasks it runs at once: what it was told, or what its budget has room for.
    pub slots: u32,
    /// e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    /// It takes no task because it was told so, or sleeps: `state` says which.
    pub draining: bool,
    /// Its scratch is full: it takes no task until there is room.
    #[serde(default)]
    pub disk_full: bool,
    #[serde(default, deserialize_with = "known_or_default")]
    pub state: WorkerState,
    /// What it runs now, by kind.
    #[serde(default, deserialize_with = "known_or_default")]
    pub busy: BTreeMap<TaskKind, u32>,
    /// Why it runs nothing; `None` while it does.
    #[serde(default, deserialize_with = "known_or_default")]
    pub idle: Option<IdleCode>,
    #[serde(default)]
    pub tags: Vec<String>,
    #[serde(default)]
    pub cores: u32,
    /// 0 where the host does not say.
    #[serde(default)]
    pub memory_bytes: u64,
    /// The load of the last minute in percent of the cores.
    #[serde(default)]
    pub load_percent: Option<u32>,
    #[serde(default, deserialize_with = "known_or_default")]
    pub self_test: Option<SelfTest>,
    /// What tasks may use of its host; an older worker does not say.
    #[serde(default, deserialize_with = "known_or_default")]
    pub budget: Option<Budget>,
    /// Kinds that it leaves to others for having failed at them.
    #[serde(default, deserialize_with = "known_or_default")]
    pub off_kinds: Vec<TaskKind>,
    /// Self-tests that passed since it was taken off kinds.
    #[serde(default, deserialize_with = "known_or_default")]
    pub proven: Vec<Proven>,
    /// What those that run are taken to use.
    #[serde(default, deserialize_with = "known_or_default")]
    pub in_use: Demand,
    /// The newest payload version that it understands, beside the one before; written with the hello.
    #[serde(default = "first_version")]
    pub payload_version: u32,
    /// It does not understand the tasks that the process which reads this hello writes.
    #[serde(skip)]
    pub too_old: bool,
}

/// Workers that do not say know the first version only.
fn first_version() -> u32 {
    1
}

impl WorkerHello {
    /// Whether a task that is queued now may soon be taken by it.
    pub fn takes_tasks_of(&self, lane: Lane) -> bool {
        !self.too_old && !self.draining && !self.disk_full && self.lanes.contains(&lane)
    }

    /// Whether it understands tasks of this payload version.
    pub fn understands(&self, version: u32) -> bool {
        understands(self.payload_version, u64::from(version))
    }

    /// Without what changes with every task.
    #[must_use]
    pub fn lasting(&self) -> Self {
        Self {
            busy: BTreeMap::new(),
            idle: None,
            load_percent: None,
            in_use: Demand::default(),
            proven: Vec::new(),
            // The disk's part of it changes all the time.
            budget: self.budget.map(|budget| Budget {
                scratch_bytes: 0,
                ..budget
            }),
            too_old: false,
            ..self.clone()
        }
    }
}

/// What only a newer worker says is left out: the rest of its hello counts.
fn known_or_default<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let value = serde_json::Value::deserialize(from)?;
    Ok(serde_json::from_value(value).unwrap_or_default())
}

fn known_lanes<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Lane>, D::Error> {
    let names = Vec::<String>::deserialize(from)?;
    Ok(names.iter().filter_map(|name| Lane::parse(name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_that_is_not_known_hides_none_of_the_others() {
        let hello = r#"{"name": "forge", "instance": "forge-1", "version": "9", "lanes": ["io", "gpu-nvenc-vp10", "cpu"],
            "slots": 1, "engine": "ffmpeg", "draining": false, "idle": "on_strike"}"#;
        let hello: WorkerHello = serde_json::from_str(hello).unwrap();
        assert_eq!(hello.lanes, [Lane::Io, Lane::Cpu]);
        assert!(hello.takes_tasks_of(Lane::Cpu));
    }
}
