//! Whether what was read may begin: refused, at once, or when there is room. What waits is held under its lease, and nothing else begins before
//! it, so that small tasks never starve a large one.
//!
//! A large task asks several workers before it insists: twice it goes back to its lane after a few seconds, with a count of its waits, and
//! whoever reads it after that keeps it, and lets nothing else begin, for a minute, the next for two, and so on: long enough in the end, and
//! not for ever where what runs takes hours while others are free. Knows nothing of what tasks do.

use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, info};

use super::{Delivery, FarmTask, Reader};
use crate::queue::delivery::{Because, hand_back};
use crate::queue::error::QueueError;
use crate::queue::lease::{Lease, Signal};
use crate::task::{Demand, TaskKind, TaskMessage};
use crate::worker::Room;

/// How long a task waits at a worker that has no room for it, before another may have it.
const ROOM_PATIENCE: Duration = Duration::from_secs(4);
/// A task that went back so often for lack of room is waited for longer.
const MAX_WAITS: u32 = 2;
/// So long the first time, and twice as long each time after that.
const LONG_PATIENCE: Duration = Duration::from_secs(60);
/// How often it is doubled: to more than four hours.
const DOUBLINGS: u32 = 8;

/// How the wait for room ended.
enum Wait {
    Room,
    /// None came in time, or the worker takes nothing any more.
    Over(Because),
    /// The entry is no longer ours.
    Lost,
}

/// For room, by a task that has gone back so often.
fn patience(waits: u32) -> Duration {
    match waits.checked_sub(MAX_WAITS) {
        Some(again) => LONG_PATIENCE * 2_u32.pow(again.min(DOUBLINGS)),
        None => ROOM_PATIENCE,
    }
}

impl Reader {
    /// The task, once it may begin; `None` when it went back or is gone.
    pub(super) async fn admit(
        &mut self,
        delivery: &Delivery,
        message: TaskMessage,
    ) -> Result<Option<FarmTask>, QueueError> {
        let lane = delivery.lane;
        let unsaid = || Demand::unsaid(message.kind, lane);
        let demand = message.demand.unwrap_or_else(unsaid);
        if self.is_refused(&message, &demand) {
            debug!(attempt = %message.id, kind = message.kind.name(), ?demand, "left to other workers");
            self.refusals.note(lane, message.id);
            self.hand_back(delivery, Because::NotHere).await?;
            return Ok(None);
        }
        let held = (message.kind, demand);
        let lease = self.book.take(delivery.key(), message.id, held);
        let patience = patience(delivery.waits());
        let wanted = (message.kind, &demand);
        match self.wait_for_its_room(&lease, wanted, patience).await {
            Wait::Room => {
                self.book.begin(&lease.key);
                self.dealt_with(delivery);
                Ok(Some(super::task_of(message, lease)))
            }
            Wait::Over(because) => {
                let link = &self.link;
                let done = hand_back(&self.queue, link, &self.consumer, &lease.key, because).await;
                self.book.forget(&lease.key);
                done?;
                self.dealt_with(delivery);
                Ok(None)
            }
            Wait::Lost => {
                self.book.forget(&lease.key);
                self.dealt_with(delivery);
                Ok(None)
            }
        }
    }

    fn is_refused(&self, message: &TaskMessage, demand: &Demand) -> bool {
        let openings = self.gate.borrow();
        let (tasks, used) = self.book.in_use();
        let room = openings.budget.room_for(demand, &used, tasks);
        openings.refuses.contains(&message.kind) || room == Room::Never
    }

    async fn wait_for_its_room(
        &mut self,
        lease: &Lease,
        (kind, demand): (TaskKind, &Demand),
        patience: Duration,
    ) -> Wait {
        let until = Instant::now() + patience;
        let mut count = self.book.count();
        let mut signal = lease.signal.clone();
        loop {
            count.borrow_and_update();
            let told = *signal.borrow_and_update();
            let openings = self.gate.borrow_and_update().clone();
            let (tasks, used) = self.book.in_use();
            let room = openings.budget.room_for(demand, &used, tasks);
            match (told, room) {
                (Signal::LeaseLost, _) => return Wait::Lost,
                _ if !openings.takes(lease.lane)
                    || openings.refuses.contains(&kind)
                    || self.stop.is_cancelled() =>
                {
                    return Wait::Over(Because::NotHere);
                }
                // Nobody wants it: its handler sees so at once.
                (Signal::Cancel, _) => return Wait::Room,
                (Signal::Run, Room::Now) if tasks < openings.slots => return Wait::Room,
                (Signal::Run, Room::Never) => return Wait::Over(Because::NotHere),
                (Signal::Run, Room::Now | Room::Later) => {}
            }
            if Instant::now() >= until {
                info!(attempt = %lease.id, "no room for a task in time: another worker may have it");
                return Wait::Over(Because::NoRoom);
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                _ = self.gate.changed() => {}
                _ = count.changed() => {}
                _ = signal.changed() => {}
                () = tokio::time::sleep_until(until) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_that_finds_no_room_insists_longer_each_time() {
        assert_eq!(patience(0), ROOM_PATIENCE);
        assert_eq!(patience(1), ROOM_PATIENCE);
        assert_eq!(patience(2), LONG_PATIENCE);
        assert_eq!(patience(5), LONG_PATIENCE * 8);
        assert_eq!(patience(u32::MAX), LONG_PATIENCE * 256);
    }
}
