//! Ends what nobody renews any more, and forgets consumers that are gone.

use std::time::Duration;

use tracing::{info, warn};

use crate::task::{AttemptId, Lane};

use super::connection::millis;
use super::error::QueueError;
use super::producer::REMEMBERED_AFTERWARDS;
use super::{API_GROUP, FARM_GROUP, Queue, scripts};

/// Entries ended by one script call; Redis does nothing else meanwhile.
const REAP_BATCH: usize = 256;

impl Queue {
    /// Takes every attempt out of a lane that its worker did not renew for `lease`, by Redis' clock. Each is returned once, ever: the
    /// caller counts it as lost. If the answer itself is lost, the attempt is in no [`Queue::snapshot`] any more and the caller's
    /// reconciliation must find it.
    pub async fn reap(&self, lane: Lane, lease: Duration) -> Result<Vec<AttemptId>, QueueError> {
        let mut script = scripts::REAP.key(self.names.lane(lane));
        script
            .arg(FARM_GROUP)
            .arg(millis(lease))
            .arg(REAP_BATCH)
            .arg(self.names.seen_prefix())
            .arg(REMEMBERED_AFTERWARDS.as_secs());
        let mut reaped = Vec::new();
        loop {
            let batch: Vec<(String, String, String, u64)> = match self.link.script(&script).await {
                Ok(batch) => batch,
                // What was taken out already must be returned; the rest is found the next time.
                Err(error) if !reaped.is_empty() => {
                    warn!(%error, "reaping stopped half way");
                    return Ok(reaped);
                }
                Err(error) => return Err(error),
            };
            let count = batch.len();
            for (entry, id, holder, idle_ms) in batch {
                match id.parse::<AttemptId>() {
                    Ok(id) => {
                        info!(attempt = %id, holder, idle_ms, "a lease has run out");
                        reaped.push(id);
                    }
                    Err(_) => warn!(entry, holder, "an entry without an attempt was removed"),
                }
            }
            if count < REAP_BATCH {
                return Ok(reaped);
            }
        }
    }

    /// Forgets consumers that hold nothing and have been silent for `silence`. Returns how many.
    pub async fn forget_idle_consumers(&self, silence: Duration) -> Result<u64, QueueError> {
        let lanes = Lane::ALL.map(|lane| (self.names.lane(lane), FARM_GROUP));
        let reports = [(self.names.reports(), API_GROUP)];
        let mut forgotten = 0;
        for (stream, group) in lanes.into_iter().chain(reports) {
            let mut script = scripts::FORGET.key(stream);
            script.arg(group).arg(millis(silence)).arg("");
            forgotten += self.link.script::<u64>(&script).await?;
        }
        Ok(forgotten)
    }
}
