//! What lies in the lanes, who has it, and whether Redis is set up to keep it.

use std::collections::HashMap;
use std::time::Duration;

use redis::streams::{StreamPendingReply, StreamRangeReply};
use redis::{FromRedisValue, Pipeline};

use crate::task::{AttemptId, Lane};

use super::error::QueueError;
use super::{FARM_GROUP, Queue};

/// Entries of one lane that [`Queue::snapshot`] returns at most. The dispatcher keeps lanes shallower: about twice the free slots.
pub const SNAPSHOT_LIMIT: usize = 2_000;

/// An attempt that lies in a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedEntry {
    pub id: AttemptId,
    /// Redis' name of the entry.
    pub entry: String,
    /// The worker instance that has it; `None` while it waits.
    pub holder: Option<String>,
    /// Since its holder last renewed; zero while it waits.
    pub idle: Duration,
}

/// The contents of a lane, oldest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    pub entries: Vec<QueuedEntry>,
    /// There was more than [`SNAPSHOT_LIMIT`].
    pub truncated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneDepth {
    pub waiting: u64,
    pub held: u64,
}

/// The settings of Redis that matter here. `None`: Redis does not say (managed ones often refuse).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueHealth {
    pub appendonly: Option<bool>,
    pub maxmemory_policy: Option<String>,
}

impl QueueHealth {
    /// What an operator should change, in sentences.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.appendonly == Some(false) {
            warnings.push(
                "Redis runs with appendonly no: a restart forgets what is queued, which delays renders"
                    .to_owned(),
            );
        }
        if let Some(policy) = self
            .maxmemory_policy
            .as_deref()
            .filter(|policy| *policy != "noeviction")
        {
            warnings.push(format!(
                "Redis runs with maxmemory-policy {policy}: it may evict the queue; set noeviction"
            ));
        }
        warnings
    }
}

impl Queue {
    /// The attempts in a lane and who has them, as of one moment.
    pub async fn snapshot(&self, lane: Lane) -> Result<Snapshot, QueueError> {
        type Pending = Vec<(String, String, u64, u64)>;
        let stream = self.names.lane(lane);
        let mut both = redis::pipe();
        both.atomic()
            .cmd("XRANGE")
            .arg(&stream)
            .arg("-")
            .arg("+")
            .arg("COUNT")
            .arg(SNAPSHOT_LIMIT + 1)
            .cmd("XPENDING")
            .arg(&stream)
            .arg(FARM_GROUP)
            .arg("-")
            .arg("+")
            .arg(SNAPSHOT_LIMIT + 1);
        let (range, pending): (StreamRangeReply, Pending) = self.ask_lane(lane, &both).await?;
        let truncated = range.ids.len() > SNAPSHOT_LIMIT;
        let mut holders: HashMap<String, (String, u64)> = pending
            .into_iter()
            .map(|(entry, holder, idle_ms, _)| (entry, (holder, idle_ms)))
            .collect();
        let entries = range
            .ids
            .into_iter()
            .take(SNAPSHOT_LIMIT)
            .filter_map(|entry| {
                // One that cannot be read is the reader's to bury.
                let id: AttemptId = entry.get::<String>("id")?.parse().ok()?;
                let (holder, idle_ms) = holders.remove(&entry.id).unzip();
                Some(QueuedEntry {
                    id,
                    entry: entry.id,
                    holder,
                    idle: Duration::from_millis(idle_ms.unwrap_or_default()),
                })
            })
            .collect();
        Ok(Snapshot { entries, truncated })
    }

    /// How much lies in a lane.
    pub async fn depth(&self, lane: Lane) -> Result<LaneDepth, QueueError> {
        let stream = self.names.lane(lane);
        let mut both = redis::pipe();
        both.atomic()
            .cmd("XLEN")
            .arg(&stream)
            .cmd("XPENDING")
            .arg(&stream)
            .arg(FARM_GROUP);
        let (length, pending): (u64, StreamPendingReply) = self.ask_lane(lane, &both).await?;
        let held = u64::try_from(pending.count()).unwrap_or(u64::MAX);
        Ok(LaneDepth {
            waiting: length.saturating_sub(held),
            held,
        })
    }

    /// Refused the first time when the lane's group was never made, or flushed away.
    async fn ask_lane<T: FromRedisValue>(
        &self,
        lane: Lane,
        question: &Pipeline,
    ) -> Result<T, QueueError> {
        match self.link.pipeline(question).await {
            Err(QueueError::Refused(_)) => {
                self.ensure_lane(&self.link, lane).await?;
                self.link.pipeline(question).await
            }
            other => other,
        }
    }

    /// Asks Redis how it is set up. An error means that it is away, not that it refuses to say.
    pub async fn health(&self) -> Result<QueueHealth, QueueError> {
        let appendonly = self.setting("appendonly").await?;
        Ok(QueueHealth {
            appendonly: appendonly.map(|value| value == "yes"),
            maxmemory_policy: self.setting("maxmemory-policy").await?,
        })
    }

    async fn setting(&self, name: &str) -> Result<Option<String>, QueueError> {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        match self.link.query::<HashMap<String, String>>(&command).await {
            Ok(mut settings) => Ok(settings.remove(name)),
            Err(QueueError::Refused(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
