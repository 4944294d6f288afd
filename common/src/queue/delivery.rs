//! One entry as it was read: what it says, whether it can be run, and how it goes back or is buried when it cannot.

use redis::streams::StreamId;
use serde::Deserialize;
use tracing::{info, warn};

use crate::failure::{Failure, FailureClass, WhoCanFix};
use crate::report::{Report, ReportBody};
use crate::task::{AttemptId, Lane, TaskMessage, understands};

use super::book::Book;
use super::connection::Link;
use super::dead_letter::DeadLetter;
use super::error::QueueError;
use super::lease::{EntryKey, Lease};
use super::{FARM_GROUP, Queue, scripts};

pub(super) type FarmTask = apalis_core::task::Task<TaskMessage>;

/// An entry as it was read.
pub(super) struct Delivery {
    pub lane: Lane,
    pub entry: StreamId,
}

impl Delivery {
    pub(super) fn key(&self) -> EntryKey {
        EntryKey {
            lane: self.lane,
            entry: self.entry.id.clone(),
        }
    }

    /// How often workers held it without getting room for it.
    pub(super) fn waits(&self) -> u32 {
        self.entry.get("waits").unwrap_or(0)
    }

    /// What to run.
    pub(super) fn parse(&self, newest: u32) -> Result<TaskMessage, Unreadable> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u64,
        }
        let payload: Vec<u8> = self.entry.get("p").unwrap_or_default();
        // The version first: the rest of a newer message may well look different.
        let Versioned { version } = serde_json::from_slice(&payload)?;
        if version > u64::from(newest) {
            return Err(Unreadable::TooNew { version });
        }
        if !understands(newest, version) {
            return Err(Unreadable::Version { version, newest });
        }
        let message: TaskMessage = serde_json::from_slice(&payload)?;
        let id: String = self.entry.get("id").unwrap_or_default();
        if id.parse() != Ok(message.id) {
            return Err(Unreadable::WrongId);
        }
        Ok(message)
    }

    /// Moves it to the dead letters, and tells the API when it is known which attempt cannot run.
    pub(super) async fn bury(
        &self,
        queue: &Queue,
        link: &Link,
        consumer: &str,
        why: &Unreadable,
    ) -> Result<(), QueueError> {
        let id: String = self.entry.get("id").unwrap_or_default();
        let payload: Vec<u8> = self.entry.get("p").unwrap_or_default();
        let report = id.parse().ok().map(|id| report_of(id, consumer, why));
        DeadLetter {
            stream: &queue.names.lane(self.lane),
            group: FARM_GROUP,
            entry: &self.entry.id,
            id: &id,
            payload: &String::from_utf8_lossy(&payload),
            reason: &why.to_string(),
            report: report.and_then(|report| serde_json::to_string(&report).ok()),
        }
        .post(link, &queue.names)
        .await
    }
}

/// Another worker may be new enough to read it, so the attempt is tried again.
fn report_of(id: AttemptId, consumer: &str, why: &Unreadable) -> Report {
    let failure = Failure::new(
        FailureClass::Retry,
        WhoCanFix::Operator,
        why.code(),
        "A worker could not read the task it was given.",
    )
    .with_internal(why.to_string());
    Report {
        id,
        worker: consumer.to_owned(),
        body: ReportBody::Failed { failure },
    }
}

/// Why a message cannot be run.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    /// A newer worker runs it: it is not buried, but goes back.
    #[error("payload version {version} is newer than this process understands")]
    TooNew { version: u64 },
    #[error("payload version {version} is not one of those understood (up to {newest})")]
    Version { version: u64, newest: u32 },
    #[error("the payload is not a task message: {0}")]
    NotATask(#[from] serde_json::Error),
    #[error("the payload is of another attempt than the entry")]
    WrongId,
}

impl Unreadable {
    fn code(&self) -> &'static str {
        match self {
            Self::TooNew { .. } | Self::Version { .. } => "payload_version_unknown",
            Self::NotATask(_) | Self::WrongId => "payload_malformed",
        }
    }
}

/// Why an entry goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Because {
    /// It is not this worker's to run, or not now.
    NotHere,
    /// It waited for room and got none: counted with it, so that it is not passed on for ever.
    NoRoom,
}

/// Puts an entry back at the end of its lane, as the same attempt.
pub(super) async fn hand_back(
    queue: &Queue,
    link: &Link,
    consumer: &str,
    key: &EntryKey,
    because: Because,
) -> Result<(), QueueError> {
    let mut script = scripts::HAND_BACK.key(queue.names.lane(key.lane));
    script
        .arg(FARM_GROUP)
        .arg(consumer)
        .arg(&key.entry)
        .arg(queue.names.seen_prefix())
        .arg(u8::from(because == Because::NoRoom));
    link.script::<u8>(&script).await.map(|_| ())
}

/// Puts back a task that was read and never started. When Redis does not answer, its lease runs out instead.
pub(super) async fn hand_back_task(
    queue: &Queue,
    link: &Link,
    consumer: &str,
    book: &Book,
    task: &FarmTask,
) {
    let Some(lease) = task.data().get::<Lease>() else {
        return;
    };
    match hand_back(queue, link, consumer, &lease.key, Because::NotHere).await {
        Ok(()) => info!(attempt = %lease.id, "a task that was not started went back to its lane"),
        Err(error) => {
            warn!(%error, attempt = %lease.id, "a task that was not started could not be put back")
        }
    }
    book.forget(&lease.key);
}
