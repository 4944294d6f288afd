//! Where things lie in object storage. Every object path of the project is built here and nowhere else.

use uuid::Uuid;

use crate::hash::{Sha, TaskKey};
use crate::task::AttemptId;

/// The bytes of a clip or artifact, named by their hash.
pub fn blob(sha256: &Sha) -> String {
    let hex = sha256.hex();
    format!("blobs/{}/{hex}", hex.get(..2).unwrap_or_default())
}

/// A body that is still arriving; becomes a blob once its hash is known and right.
pub fn incoming(upload: Uuid) -> String {
    format!("{INCOMING}/{upload}")
}

/// The folder of [`incoming`]; whatever lies there longer than a day was cut off.
pub const INCOMING: &str = "incoming";

/// The result record of a task.
pub fn record(task: &TaskKey) -> String {
    format!("cache/{task}/result.json")
}

/// What an attempt was given.
pub fn input(id: &AttemptId) -> String {
    format!("inputs/{}/{}.json", id.task, id.attempt)
}
