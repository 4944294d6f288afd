//! How a host joins the farm: tokens that operators make, and what one of them is traded for.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Longest life of a join token, in days.
pub const MAX_TOKEN_DAYS: u32 = 3650;

/// `POST /api/v1/worker-tokens`
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerTokenRequest {
    /// For people: which hosts it is for.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
    /// After so many days it no longer joins, 1 to 3650. Absent: never.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3650))]
    pub expires_in_days: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkerTokenCreated {
    /// Shown this once.
    pub token: String,
    #[serde(flatten)]
    pub about: WorkerTokenBody,
}

/// A join token, without what makes it one.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkerTokenBody {
    /// The public part of the token.
    pub id: String,
    pub name: String,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
    /// How often it was used.
    pub joins: i64,
    pub last_joined_at: Option<String>,
    /// The name that the last worker gave.
    pub last_worker: Option<String>,
}

/// `POST /api/v1/workers/join`
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    pub token: String,
    /// What people will call the worker.
    #[schemars(length(min = 1, max = 100))]
    pub name: String,
}

/// What a worker needs, and nothing else. It holds secrets.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
pub struct Joined {
    /// `redis://…`
    pub redis: String,
    /// `s3://bucket/prefix`, …
    pub storage: String,
    /// Settings of the store that do not stand in its URL, e.g. `AWS_ACCESS_KEY_ID`.
    pub storage_options: BTreeMap<String, String>,
}

impl fmt::Debug for JoinRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinRequest")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").finish_non_exhaustive()
    }
}
