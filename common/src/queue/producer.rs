//! The API's side of the lanes: push an attempt, cancel it, take it out again.

use std::time::Duration;

use crate::task::{AttemptId, Lane, TaskMessage};

use super::connection::Link;
use super::error::QueueError;
use super::{FARM_GROUP, Queue, scripts};

/// How long an attempt that was pushed is not appended again while it lies in its lane, and how long a cancel is remembered.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);
/// How long it is not appended again once it has left the lane: longer than any push is tried. A busy farm would fill Redis otherwise.
pub(super) const REMEMBERED_AFTERWARDS: Duration = Duration::from_secs(5 * 60);
/// Bytes of one task message; inputs belong into object storage.
const MESSAGE_LIMIT_BYTES: usize = 16 * 1024;

impl Queue {
    /// Appends an attempt to a lane. `false`: it is there, or was minutes ago, perhaps through this very call's lost first try.
    pub async fn push(&self, lane: Lane, message: &TaskMessage) -> Result<bool, QueueError> {
        let payload = serde_json::to_string(message).map_err(QueueError::Unwritable)?;
        if payload.len() > MESSAGE_LIMIT_BYTES {
            return Err(QueueError::TooLarge {
                bytes: payload.len(),
                limit_bytes: MESSAGE_LIMIT_BYTES,
            });
        }
        let mut script = scripts::PUSH.key(self.names.lane(lane));
        script
            .key(self.names.seen(&message.id))
            .arg(message.id.to_string())
            .arg(payload)
            .arg(REMEMBERED.as_secs());
        let new: u8 = self.link.script(&script).await?;
        Ok(new == 1)
    }

    /// Tells the worker that has the attempt, now or later within a day, to stop.
    pub async fn cancel(&self, id: AttemptId) -> Result<(), QueueError> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.names.cancel(&id))
            .arg(1)
            .arg("EX")
            .arg(REMEMBERED.as_secs());
        self.link.query(&command).await
    }

    /// Takes out an attempt that no worker has yet. `false`: a worker has it (see [`Queue::cancel`]), or it is not there.
    pub async fn remove(&self, lane: Lane, id: AttemptId) -> Result<bool, QueueError> {
        let mut script = scripts::REMOVE.key(self.names.lane(lane));
        script
            .key(self.names.seen(&id))
            .arg(FARM_GROUP)
            .arg(REMEMBERED_AFTERWARDS.as_secs());
        let removed: u8 = self.link.script(&script).await?;
        Ok(removed == 1)
    }

    /// Whether Redis answers.
    pub async fn ping(&self) -> Result<(), QueueError> {
        ping(&self.link).await
    }
}

async fn ping(link: &Link) -> Result<(), QueueError> {
    link.query::<String>(&redis::cmd("PING")).await.map(|_| ())
}
