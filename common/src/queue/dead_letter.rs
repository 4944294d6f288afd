//! What nobody can read is kept for people to look at.

use tracing::error;

use super::config::Names;
use super::connection::Link;
use super::error::QueueError;
use super::scripts;

/// A message that nobody can read: kept for people to look at, and taken out of its stream so that it wedges nothing.
pub(super) struct DeadLetter<'a> {
    pub stream: &'a str,
    pub group: &'a str,
    pub entry: &'a str,
    /// What the message says its id is; may be anything.
    pub id: &'a str,
    pub payload: &'a str,
    pub reason: &'a str,
    /// A report for the API, as JSON, when it is known which attempt cannot run.
    pub report: Option<String>,
}

/// Entries kept in the stream of dead letters, about.
const DEAD_LETTERS_KEPT: u64 = 1_000;
/// Bytes of a dead message that are kept.
const DEAD_PAYLOAD_KEPT_BYTES: usize = 4 * 1024;

impl DeadLetter<'_> {
    pub(super) async fn post(&self, link: &Link, names: &Names) -> Result<(), QueueError> {
        error!(
            stream = self.stream,
            entry = self.entry,
            id = self.id,
            reason = self.reason,
            "a message cannot be read: moved to the dead letters"
        );
        let mut script = scripts::DEAD.key(self.stream);
        script
            .key(names.dead())
            .key(names.reports())
            .arg(self.group)
            .arg(self.entry)
            .arg(self.id)
            .arg(truncated(self.payload))
            .arg(self.reason)
            .arg(DEAD_LETTERS_KEPT)
            .arg(self.report.as_deref().unwrap_or_default());
        link.script(&script).await
    }
}

fn truncated(text: &str) -> &str {
    let mut end = text.len().min(DEAD_PAYLOAD_KEPT_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
