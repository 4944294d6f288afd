//! What lies in the lanes, who has it, and whether Redis is set up to keep it.

use std::collections::HashMap;
use std::time::Duration;

use redis::streams::{StreamId, StreamPendingReply, StreamRangeReply};
use redis::{FromRedisValue, Pipeline};

use crate::task::{AttemptId, Lane};

use super::error::QueueError;
use super::{FARM_GROUP, Queue};

/// Entries of one lane that [`Queue::snapshot`] returns at most. The dispatcher keeps lanes shallower: about twice the slots of all workers.
pub const SNAPSHOT_LIMIT: usize = 500_000;
/// Entries read at once, so that no answer keeps Redis from others for more than some milliseconds.
const PAGE: usize = 2_000;

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

struct Page {
    entries: Vec<QueuedEntry>,
    /// Those that cannot be read included.
    length: usize,
    last: Option<String>,
}

/// One that cannot be read is the reader's to bury.
fn queued_entry(entry: StreamId, holder: Option<(String, u64)>) -> Option<QueuedEntry> {
    let id: AttemptId = entry.get::<String>("id")?.parse().ok()?;
    let (holder, idle_ms) = holder.unzip();
    Some(QueuedEntry {
        id,
        entry: entry.id,
        holder,
        idle: Duration::from_millis(idle_ms.unwrap_or_default()),
    })
}

impl Queue {
    /// The attempts in a lane and who has them, page by page: what ends meanwhile may be missing or not, what lies there all the while is
    /// seen, and what is put back to the end of its lane may be seen twice.
    pub async fn snapshot(&self, lane: Lane) -> Result<Snapshot, QueueError> {
        let mut entries = Vec::new();
        let mut from = "-".to_owned();
        loop {
            let page = self.page(lane, &from).await?;
            let last = page.last.filter(|_| page.length >= PAGE);
            entries.extend(page.entries);
            match last {
                None => break,
                Some(_) if entries.len() >= SNAPSHOT_LIMIT => {
                    return Ok(Snapshot {
                        entries,
                        truncated: true,
                    });
                }
                Some(last) => from = format!("({last}"),
            }
        }
        Ok(Snapshot {
            entries,
            truncated: false,
        })
    }

    /// As of one moment.
    async fn page(&self, lane: Lane, from: &str) -> Result<Page, QueueError> {
        type Pending = Vec<(String, String, u64, u64)>;
        let stream = self.names.lane(lane);
        let mut both = redis::pipe();
        both.atomic()
            .cmd("XRANGE")
            .arg(&stream)
            .arg(from)
            .arg("+")
            .arg("COUNT")
            .arg(PAGE)
            .cmd("XPENDING")
            .arg(&stream)
            .arg(FARM_GROUP)
            .arg(from)
            .arg("+")
            .arg(PAGE);
        let (range, pending): (StreamRangeReply, Pending) = self.ask_lane(lane, &both).await?;
        let mut holders: HashMap<String, (String, u64)> = pending
            .into_iter()
            .map(|(entry, holder, idle_ms, _)| (entry, (holder, idle_ms)))
            .collect();
        let (length, last) = (
            range.ids.len(),
            range.ids.last().map(|last| last.id.clone()),
        );
        let entries = range.ids.into_iter().filter_map(|entry| {
            let holder = holders.remove(&entry.id);
            queued_entry(entry, holder)
        });
        Ok(Page {
            entries: entries.collect(),
            length,
            last,
        })
    }

    /// For how long the oldest report has been waiting to be taken; zero when all have been. What workers did longer ago than this is known.
    pub async fn reports_behind(&self) -> Result<Duration, QueueError> {
        let mut both = redis::pipe();
        both.atomic()
            .cmd("XRANGE")
            .arg(self.names.reports())
            .arg("-")
            .arg("+")
            .arg("COUNT")
            .arg(1)
            .cmd("TIME");
        let (range, (seconds, micros)): (StreamRangeReply, (u64, u64)) =
            self.link.pipeline(&both).await?;
        // Redis names entries by its own clock in milliseconds.
        let told_at = range.ids.first().and_then(|oldest| {
            let (ms, _) = oldest.id.split_once('-')?;
            ms.parse().ok().map(Duration::from_millis)
        });
        let now = Duration::from_secs(seconds) + Duration::from_micros(micros);
        Ok(told_at.map_or(Duration::ZERO, |told_at| now.saturating_sub(told_at)))
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
