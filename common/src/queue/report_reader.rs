//! The API's side of the reports: each is read at least once, and read again until it is acknowledged.

use std::time::Duration;

use redis::streams::{StreamAutoClaimReply, StreamId, StreamReadReply};
use tokio::time::Instant;

use crate::report::Report;

use super::connection::{Link, millis};
use super::dead_letter::DeadLetter;
use super::error::QueueError;
use super::{API_GROUP, Queue, ensure_group};

/// Reports in one batch at most.
const BATCH_LIMIT: usize = 512;
/// How long one call may wait for the first report at most.
const BLOCK_LIMIT: Duration = Duration::from_secs(5);
/// How often reports that nobody acknowledged are looked for.
const CLAIM_EVERY: Duration = Duration::from_secs(1);

/// Redis' name of a report, for acknowledging it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EntryId(String);

/// Reads reports. One reader is one consumer of the group: a batch goes to one reader only.
#[derive(Debug)]
pub struct ReportReader {
    queue: Queue,
    link: Link,
    consumer: String,
    claimed_at: Option<Instant>,
}

impl Queue {
    /// `consumer` must be unique to this process.
    pub fn report_reader(&self, consumer: impl Into<String>) -> ReportReader {
        ReportReader {
            queue: self.clone(),
            link: self.new_link(),
            consumer: consumer.into(),
            claimed_at: None,
        }
    }
}

impl ReportReader {
    /// The next reports, oldest first, at most `max` of them: those that a reader left unacknowledged for the redelivery time, else new
    /// ones, waiting up to `block` (at most 5 s) for the first. Empty when none came.
    pub async fn next_batch(
        &mut self,
        max: usize,
        block: Duration,
    ) -> Result<Vec<(EntryId, Report)>, QueueError> {
        let max = max.clamp(1, BATCH_LIMIT);
        match self.read(max, block.min(BLOCK_LIMIT)).await {
            Err(error) if error.is_no_group() => {
                ensure_group(&self.link, &self.queue.names.reports(), API_GROUP).await?;
                self.read(max, block.min(BLOCK_LIMIT)).await
            }
            other => other,
        }
    }

    /// Ends reports: they are deleted. Those already ended are passed over.
    pub async fn ack(&self, entries: &[EntryId]) -> Result<(), QueueError> {
        let stream = self.queue.names.reports();
        for chunk in entries.chunks(BATCH_LIMIT) {
            let ids: Vec<&str> = chunk.iter().map(|entry| entry.0.as_str()).collect();
            let mut both = redis::pipe();
            both.atomic()
                .cmd("XACK")
                .arg(&stream)
                .arg(API_GROUP)
                .arg(&ids)
                .ignore()
                .cmd("XDEL")
                .arg(&stream)
                .arg(&ids)
                .ignore();
            // Not the reading link, which may be blocked.
            self.queue.link.pipeline::<()>(&both).await?;
        }
        Ok(())
    }

    async fn read(
        &mut self,
        max: usize,
        block: Duration,
    ) -> Result<Vec<(EntryId, Report)>, QueueError> {
        if self.claimed_at.is_none_or(|at| at.elapsed() >= CLAIM_EVERY) {
            let left = self.claim(max).await?;
            if !left.is_empty() {
                return self.open(left).await;
            }
            self.claimed_at = Some(Instant::now());
        }
        let new = self.read_new(max, block).await?;
        self.open(new).await
    }

    async fn claim(&self, max: usize) -> Result<Vec<StreamId>, QueueError> {
        let mut command = redis::cmd("XAUTOCLAIM");
        command
            .arg(self.queue.names.reports())
            .arg(API_GROUP)
            .arg(&self.consumer)
            .arg(millis(self.queue.config.report_redelivery))
            .arg("0-0")
            .arg("COUNT")
            .arg(max);
        let reply: StreamAutoClaimReply = self.link.query(&command).await?;
        Ok(reply.claimed)
    }

    async fn read_new(&self, max: usize, block: Duration) -> Result<Vec<StreamId>, QueueError> {
        let mut command = redis::cmd("XREADGROUP");
        command
            .arg("GROUP")
            .arg(API_GROUP)
            .arg(&self.consumer)
            .arg("COUNT")
            .arg(max);
        // BLOCK 0 would mean for ever.
        if !block.is_zero() {
            command.arg("BLOCK").arg(millis(block).max(1));
        }
        command
            .arg("STREAMS")
            .arg(self.queue.names.reports())
            .arg(">");
        let reply: Option<StreamReadReply> = self.link.query_once(&command, block).await?;
        Ok(reply
            .into_iter()
            .flat_map(|reply| reply.keys)
            .flat_map(|stream| stream.ids)
            .collect())
    }

    /// Parses; what cannot be parsed goes to the dead letters.
    async fn open(&self, entries: Vec<StreamId>) -> Result<Vec<(EntryId, Report)>, QueueError> {
        let mut reports = Vec::with_capacity(entries.len());
        for entry in entries {
            let text: Vec<u8> = entry.get("r").unwrap_or_default();
            match serde_json::from_slice::<Report>(&text) {
                Ok(report) => reports.push((EntryId(entry.id), report)),
                Err(error) => {
                    DeadLetter {
                        stream: &self.queue.names.reports(),
                        group: API_GROUP,
                        entry: &entry.id,
                        id: "",
                        payload: &String::from_utf8_lossy(&text),
                        reason: &format!("not a report: {error}"),
                        report: None,
                    }
                    .post(&self.queue.link, &self.queue.names)
                    .await?;
                }
            }
        }
        Ok(reports)
    }
}
