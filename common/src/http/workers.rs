//! What operators see of the farm's workers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::task::Lane;

/// A worker that is there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkerBody {
    /// What people call it.
    pub name: String,
    /// Unique to its process.
    pub instance: String,
    pub version: String,
    pub lanes: Vec<Lane>,
    /// Tasks it runs at once.
    pub slots: u32,
    /// e.g. `ffmpeg 5.1.9-0+deb12u1`.
    pub engine: String,
    pub draining: bool,
    pub disk_full: bool,
}
