//! Which of several processes dispatches and reconciles. Every move is guarded, so two leaders would do no harm; one does the work once.
//!
//! The lead is a row in SQL, renewed long before it runs out. A leader that cannot renew it goes on only as long as the row says, by its
//! own clock and counted from before it asked. Others hear of work too (a render sent to them, a report read by them): they ring the bell
//! in Redis, and the leader listens.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::{debug, info, warn};
use uuid::Uuid;

use super::Core;
use super::loops::Backoff;
use crate::db::leaders;

/// The row's name.
const FARM: &str = "farm";
/// How long Redis holds one wait for the bell open; also how late the loss of the lead is noticed there.
const LISTEN_BLOCKS: Duration = Duration::from_secs(1);

pub(super) struct Leadership {
    /// Names this process in the row.
    holder: String,
    /// Until when this process leads, if it does.
    until: watch::Sender<Option<Instant>>,
}

impl Default for Leadership {
    fn default() -> Self {
        Self {
            holder: Uuid::now_v7().to_string(),
            until: watch::Sender::new(None),
        }
    }
}

impl Leadership {
    pub fn leads(&self) -> bool {
        self.until
            .borrow()
            .is_some_and(|until| Instant::now() < until)
    }

    /// Returns at once when this process leads, and otherwise when it begins to.
    pub async fn gained(&self) {
        let mut until = self.until.subscribe();
        let gained = until
            .wait_for(|until| until.is_some_and(|until| Instant::now() < until))
            .await
            .is_ok();
        if !gained {
            // The farm has ended: nobody leads it any more.
            std::future::pending::<()>().await;
        }
    }

    fn set(&self, until: Option<Instant>) {
        self.until.send_replace(until);
    }
}

/// Takes the lead whenever nobody has it, keeps it, and gives it up when the farm stops.
pub(super) async fn run(core: Arc<Core>) {
    while !core.stop.is_cancelled() {
        core.stand().await;
        tokio::select! {
            () = core.stop.cancelled() => {}
            () = tokio::time::sleep(core.config.lead_renewed_every) => {}
        }
    }
    core.resign().await;
}

/// Hears the bell while this process leads.
pub(super) async fn listen(core: Arc<Core>) {
    let bell = core.queue.bell();
    let mut backoff = Backoff::default();
    while !core.stop.is_cancelled() {
        tokio::select! {
            () = core.stop.cancelled() => return,
            () = core.leadership.gained() => {}
        }
        match bell.rang(LISTEN_BLOCKS).await {
            Ok(true) => core.dispatch.notify_one(),
            Ok(false) => backoff.reset(),
            Err(error) => {
                // The dispatcher looks by itself all the same, only less often.
                debug!(%error, "the bell cannot be heard");
                backoff.pause(&core.stop).await;
            }
        }
    }
}

impl Core {
    /// Asks for the lead, or to keep it.
    async fn stand(&self) {
        let (asked, led) = (Instant::now(), self.leadership.leads());
        let lease = self.config.lead_lease;
        match leaders::take(&self.db, FARM, &self.leadership.holder, lease).await {
            Ok(taken) if taken.is_made() => {
                self.leadership.set(Some(asked + lease));
                if !led {
                    info!("this process leads the farm: it dispatches and reconciles");
                }
            }
            Ok(_) => {
                self.leadership.set(None);
                if led {
                    warn!("another process leads the farm now");
                }
            }
            Err(error) => {
                warn!(%error, leads = led, "the lead of the farm could not be asked for");
                self.metrics.loop_failed("leader");
            }
        }
        self.metrics.levels.leads(self.leadership.leads());
    }

    async fn resign(&self) {
        self.leadership.set(None);
        self.metrics.levels.leads(false);
        match leaders::resign(&self.db, FARM, &self.leadership.holder).await {
            Ok(resigned) => debug!(led = resigned.is_made(), "the lead of the farm is given up"),
            // It runs out by itself.
            Err(error) => debug!(%error, "the lead of the farm could not be given up"),
        }
    }

    /// Has the leader look for work: this process itself, or whoever listens.
    pub(super) async fn rouse(&self) {
        if let Err(error) = self.queue.ring().await {
            debug!(%error, "the bell could not be rung");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_lead_that_is_not_renewed_ends_by_itself() {
        let leadership = Leadership::default();
        assert!(!leadership.leads());
        leadership.set(Some(Instant::now() + Duration::from_secs(10)));
        leadership.gained().await;
        tokio::time::advance(Duration::from_millis(9_999)).await;
        assert!(leadership.leads());
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!leadership.leads());
    }
}
