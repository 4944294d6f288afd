//! Keeps a worker's leases: renews them, hears of cancels, and gives up what it could not renew in time.
//!
//! Runs apart from the reading and from the tasks, also while the worker drains. Redis' answers decide who owns an entry; this
//! process' own clock decides only to give up, never to go on.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::task::Lane;

use super::book::{Book, Due};
use super::config::{Names, QueueConfig, Renewal};
use super::connection::Link;
use super::error::QueueError;
use super::{FARM_GROUP, scripts};

/// A cancel is noticed within this.
const CANCEL_CHECK_EVERY: Duration = Duration::from_secs(1);
/// How many times within a lease its end is looked for.
const FENCE_CHECKS_PER_LEASE: u32 = 20;

pub(super) struct Keeper {
    pub link: Link,
    pub names: Names,
    pub config: Arc<QueueConfig>,
    pub consumer: String,
    pub book: Arc<Book>,
}

impl Keeper {
    /// Renews and listens until stopped.
    pub(super) async fn run(self, stop: CancellationToken) {
        let mut ticks = interval(self.config.renew_every.min(CANCEL_CHECK_EVERY));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed_at: Option<Instant> = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = ticks.tick() => {}
            }
            // A renewal that failed is tried again at the next tick, not after a whole interval.
            let due = renewed_at.is_none_or(|at| at.elapsed() >= self.config.renew_every);
            if due && self.config.renewal == Renewal::On {
                match self.renew().await {
                    Ok(()) => renewed_at = Some(Instant::now()),
                    Err(error) => warn!(%error, "leases could not be renewed"),
                }
            }
            if let Err(error) = self.hear_cancels().await {
                debug!(%error, "cancels could not be read");
            }
        }
    }

    async fn renew(&self) -> Result<(), QueueError> {
        let due = self.book.due(self.config.stall_limit);
        if due.is_empty() {
            return Ok(());
        }
        let asked_at = Instant::now();
        let owned: Vec<u8> = self.link.script(&self.question(&due)).await?;
        for (due, owned) in due.iter().zip(owned) {
            match (owned, due.renew) {
                (0, _) => self.book.lose(&due.key, "another worker or nobody owns it"),
                (_, true) => self.book.confirm(&due.key, asked_at),
                (_, false) => {}
            }
        }
        Ok(())
    }

    fn question(&self, due: &[Due]) -> redis::ScriptInvocation<'static> {
        let mut script = scripts::RENEW.prepare_invoke();
        for lane in Lane::ALL {
            script.key(self.names.lane(lane));
        }
        script.arg(FARM_GROUP).arg(&self.consumer);
        for Due { key, renew } in due {
            script
                .arg(stream_index(key.lane))
                .arg(&key.entry)
                .arg(u8::from(*renew));
        }
        script
    }

    async fn hear_cancels(&self) -> Result<(), QueueError> {
        let running = self.book.running();
        if running.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("MGET");
        for (_, id) in &running {
            command.arg(self.names.cancel(id));
        }
        let canceled: Vec<Option<String>> = self.link.query(&command).await?;
        for ((key, _), canceled) in running.iter().zip(canceled) {
            if canceled.is_some() {
                self.book.cancel(key);
            }
        }
        Ok(())
    }
}

/// Where a lane's stream stands in [`Keeper::question`]'s keys, counted from 1 as Lua does.
fn stream_index(lane: Lane) -> usize {
    match lane {
        Lane::Cpu => 1,
        Lane::Io => 2,
        Lane::GpuNvencH264 => 3,
        Lane::GpuNvencHevc => 4,
        Lane::GpuNvencAv1 => 5,
        Lane::GpuVaapiH264 => 6,
        Lane::GpuQsvH264 => 7,
    }
}

/// Gives up leases whose time is over, also while the keeper waits for an answer.
pub(super) async fn fence(book: Arc<Book>, config: Arc<QueueConfig>, stop: CancellationToken) {
    if config.renewal == Renewal::Off {
        return;
    }
    let mut ticks = interval(config.lease / FENCE_CHECKS_PER_LEASE);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => book.fence(config.lease),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_renewal_script_is_told_the_place_of_each_lanes_stream() {
        for (place, lane) in Lane::ALL.into_iter().enumerate() {
            assert_eq!(stream_index(lane), place + 1);
        }
    }
}
