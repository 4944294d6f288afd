//! Which of several processes dispatches and reconciles. Every move is guarded, so two leaders would do no harm; one does the work once.
//!
//! The lead is a row in SQL, renewed long before it runs out. A leader whose rounds fail for as long as a lease lasts (Redis is away from
//! it alone, say) lets others try. A leader that cannot renew it goes on only as long as the row says, by its
//! own clock and counted from before it asked. Others hear of work too (a render sent to them, a report read by them): they ring the bell
//! in Redis, and the leader listens.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    health: Mutex<Health>,
}

/// How this process gets on with leading.
#[derive(Default)]
struct Health {
    /// Since when its rounds have failed without an exception.
    ails_since: Option<Instant>,
    /// Until when it leaves the lead to others.
    sits_out_until: Option<Instant>,
}

impl Default for Leadership {
    fn default() -> Self {
        Self {
            holder: Uuid::now_v7().to_string(),
            until: watch::Sender::new(None),
            health: Mutex::default(),
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

    /// Notes how a round of the leader went.
    pub fn round_ended(&self, well: bool) {
        let mut health = self.health();
        if well {
            health.ails_since = None;
        } else {
            health.ails_since.get_or_insert_with(Instant::now);
        }
    }

    /// Whether this process should not lead now. One that has long led in vain sits out for so long that another is sure to be asked.
    fn sits_out(&self, patience: Duration, for_others: Duration) -> bool {
        let mut health = self.health();
        let now = Instant::now();
        if health
            .ails_since
            .is_some_and(|since| now - since >= patience)
        {
            health.ails_since = None;
            health.sits_out_until = Some(now + for_others);
        }
        health.sits_out_until.is_some_and(|until| now < until)
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
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
        let for_others = self.config.lead_renewed_every * 3;
        if self.leadership.sits_out(self.config.lead_lease, for_others) {
            if led {
                warn!(
                    "this process cannot do a leader's work: it leaves the lead to others for a while"
                );
                self.resign().await;
            }
            return;
        }
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
    async fn who_leads_in_vain_leaves_it_to_others_for_a_while() {
        let (patience, for_others) = (Duration::from_secs(10), Duration::from_secs(9));
        let leadership = Leadership::default();
        leadership.round_ended(false);
        tokio::time::advance(Duration::from_secs(9)).await;
        leadership.round_ended(false);
        assert!(!leadership.sits_out(patience, for_others));
        // A round that goes well, and it starts from the beginning.
        leadership.round_ended(true);
        leadership.round_ended(false);
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(!leadership.sits_out(patience, for_others));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(leadership.sits_out(patience, for_others));
        tokio::time::advance(Duration::from_secs(8)).await;
        assert!(leadership.sits_out(patience, for_others));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!leadership.sits_out(patience, for_others));
    }

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
