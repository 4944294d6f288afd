//! Clips of which nothing is made.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::hash::Sha;
use crate::task::TaskKind;

/// `GET /api/v1/quarantine`, and of one clip in `GET /api/v1/clips/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QuarantineBody {
    pub clip: Sha,
    /// What was tried with it.
    pub kind: TaskKind,
    /// How many attempts died of it.
    pub crashes: u32,
    pub since: String,
}
