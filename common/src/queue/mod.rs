//! The queue: one Redis stream per lane, read by a consumer group, plus the stream of reports and the registry of workers.
//!
//! Redis is only the doorbell: losing all of it costs time, never work, because SQL knows every attempt. So this room promises three
//! things and no more. An attempt is delivered to at most one worker. Its worker keeps it by renewing a lease on Redis' own clock, and
//! learns when it lost it. What nobody renews any more is handed to whoever asks [`Queue::reap`].
//!
//! Must not know: SQL, HTTP, ffmpeg, what a task does. Redis Cluster is not supported: the scripts touch several keys at once.

mod acks;
mod backend;
mod bell;
mod book;
mod config;
mod connection;
mod dead_letter;
mod delivery;
mod error;
mod gate;
mod inventory;
mod keeper;
mod lease;
mod orders;
mod producer;
mod reader;
mod reaper;
mod refusals;
mod registry;
mod report_reader;
mod report_sender;
mod scripts;
mod tally;

use std::sync::Arc;

use crate::task::Lane;
use config::Names;
use connection::Link;

pub use acks::{AckLayer, AckService};
pub use backend::LaneBackend;
pub use bell::Bell;
pub use config::QueueConfig;
pub use error::QueueError;
pub use gate::{Gate, Pace};
pub use inventory::{LaneDepth, QueueHealth, QueuedEntry, SNAPSHOT_LIMIT, Snapshot};
pub use lease::{Lease, Signal};
pub use registry::{METRICS_LIMIT_BYTES, WorkerPage};
pub use report_reader::{EntryId, ReportReader};
pub use report_sender::ReportSender;
pub use tally::{LeaseEvent, LeaseTally};

/// The consumer group of the lanes.
const FARM_GROUP: &str = "farm";
/// The consumer group of the reports.
const API_GROUP: &str = "api";

/// A handle to the queue. Cheap to clone; connects when first used and again whenever it must.
#[derive(Clone, Debug)]
pub struct Queue {
    config: Arc<QueueConfig>,
    names: Names,
    client: redis::Client,
    link: Link,
}

impl Queue {
    /// Checks the settings. Does not connect: an absent Redis shows at the first command, as a retryable error.
    pub fn connect(config: QueueConfig) -> Result<Self, QueueError> {
        config.check()?;
        let client = redis::Client::open(config.url.as_str()).map_err(|source| {
            QueueError::Config(format!("the Redis URL is not usable: {source}"))
        })?;
        let link = Link::new(client.clone(), config.command_timeout);
        Ok(Self {
            names: Names::new(&config.namespace),
            config: Arc::new(config),
            client,
            link,
        })
    }

    pub fn config(&self) -> &QueueConfig {
        &self.config
    }

    /// A connection of its own, for one task of its own: a blocked or retrying one never holds up another.
    fn new_link(&self) -> Link {
        Link::new(self.client.clone(), self.config.command_timeout)
    }

    /// Makes the lane's stream and group, from the first entry on, when they do not exist.
    async fn ensure_lane(&self, link: &Link, lane: Lane) -> Result<(), QueueError> {
        ensure_group(link, &self.names.lane(lane), FARM_GROUP).await
    }
}

async fn ensure_group(link: &Link, stream: &str, group: &str) -> Result<(), QueueError> {
    let mut create = redis::cmd("XGROUP");
    create
        .arg("CREATE")
        .arg(stream)
        .arg(group)
        .arg("0")
        .arg("MKSTREAM");
    match link.query::<()>(&create).await {
        // Another process was quicker.
        Err(error) if error.code() == Some("BUSYGROUP") => Ok(()),
        other => other,
    }
}
