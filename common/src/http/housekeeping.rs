//! What the farm puts away, as operators see it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A kind of thing that is put away.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Leftover {
    /// What killed processes left unfinished in storage: bodies that were arriving, uploads to S3, and files that were being written.
    Incoming,
    /// The input of an attempt that is over.
    Input,
    /// A blob that no clip and no accepted result refers to.
    Blob,
    /// The stored record of a task whose result the farm does not have, or has put away.
    Record,
    /// The result of a task that no unfinished render refers to and that nobody has used for long.
    Result,
    /// An Idempotency-Key that is no longer remembered.
    IdempotencyKey,
    /// The progress events of a render that ended long ago; all other events stay.
    Events,
}

impl Leftover {
    /// In the order in which they are put away: what one of them sets free is not found by the same round.
    pub const ALL: [Self; 7] = [
        Self::Incoming,
        Self::Input,
        Self::Blob,
        Self::Record,
        Self::Result,
        Self::IdempotencyKey,
        Self::Events,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Incoming => "incoming",
            Self::Input => "input",
            Self::Blob => "blob",
            Self::Record => "record",
            Self::Result => "result",
            Self::IdempotencyKey => "idempotency_key",
            Self::Events => "events",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// `GET /api/v1/housekeeping`: one thing that a round would put away now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeftoverBody {
    pub what: Leftover,
    /// A key of object storage, a task, a render, or a director and an Idempotency-Key.
    pub name: String,
    /// What is freed: of a result those of its artifacts, which go as blobs once nobody else refers to them.
    pub bytes: u64,
    /// For people.
    pub why: String,
    /// Since when nobody has touched it.
    pub since: String,
}

/// `POST /api/v1/housekeeping`: what a round has put away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HousekeepingBody {
    pub removed: Vec<RemovedBody>,
    /// A round is bounded, and this one left something for the next.
    pub more: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemovedBody {
    pub what: Leftover,
    pub count: u64,
    pub bytes: u64,
}
