//! What workers tell the API, through one stream of reports. Reports of an attempt that is not current are ignored by SQL.

use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::task::{AttemptId, Lane, TaskRecord};

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
    /// Handed back unfinished by a worker that drains: tried again at once, not charged.
    Released,
}

impl ReportBody {
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHello {
    /// What people call it; need not be unique.
    pub name: String,
    /// Unique to this process.
    pub instance: String,
    pub version: String,
    pub lanes: Vec<Lane>,
    /// Tasks it runs at once.
    pub slots: u32,
    /// e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    pub draining: bool,
}
