//! The book of all leases that one backend holds. Knows nothing of Redis.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tracing::warn;

use crate::task::{AttemptId, Demand, TaskKind};

use super::lease::{EntryKey, Lease, Pulse, Signal};
use super::tally::{LeaseEvent, LeaseTally};

/// One held entry.
#[derive(Debug)]
struct Holding {
    id: AttemptId,
    kind: TaskKind,
    demand: Demand,
    signal: watch::Sender<Signal>,
    pulse: Arc<Pulse>,
    /// No later than when Redis last started counting its idle time.
    confirmed_at: Instant,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Read, and not begun: there is no room for it yet.
    Waiting,
    Running,
    /// Silent for longer than the stall limit: no longer renewed.
    Stalled,
    /// Its handler has returned, its acknowledgement is under way.
    Ended,
}

/// A line of what the keeper asks Redis.
#[derive(Clone, Debug)]
pub(super) struct Due {
    pub key: EntryKey,
    pub renew: bool,
}

/// All entries that one backend holds.
#[derive(Debug)]
pub(super) struct Book {
    holdings: Mutex<HashMap<EntryKey, Holding>>,
    count: watch::Sender<usize>,
    tally: LeaseTally,
}

impl Book {
    pub(super) fn new() -> Self {
        Self {
            holdings: Mutex::new(HashMap::new()),
            count: watch::Sender::new(0),
            tally: LeaseTally::default(),
        }
    }

    pub(super) fn tally(&self) -> LeaseTally {
        self.tally.clone()
    }

    fn holdings(&self) -> MutexGuard<'_, HashMap<EntryKey, Holding>> {
        self.holdings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// It waits until [`Book::begin`].
    pub(super) fn take(
        &self,
        key: EntryKey,
        id: AttemptId,
        (kind, demand): (TaskKind, Demand),
    ) -> Lease {
        let (sender, signal) = watch::channel(Signal::Run);
        let pulse = Arc::new(Pulse::new());
        let holding = Holding {
            id,
            kind,
            demand,
            signal: sender,
            pulse: Arc::clone(&pulse),
            confirmed_at: Instant::now(),
            stage: Stage::Waiting,
        };
        let mut holdings = self.holdings();
        holdings.insert(key.clone(), holding);
        self.count.send_replace(holdings.len());
        self.tally.note(LeaseEvent::Taken);
        Lease {
            id,
            lane: key.lane,
            signal,
            key,
            pulse,
        }
    }

    /// There is room for it: from here on it counts.
    pub(super) fn begin(&self, key: &EntryKey) {
        if let Some(holding) = self.holdings().get_mut(key) {
            holding.stage = Stage::Running;
            holding.pulse.beat();
        }
    }

    /// How many have begun, and what they use together.
    pub(super) fn in_use(&self) -> (usize, Demand) {
        let holdings = self.holdings();
        let begun = holdings
            .values()
            .filter(|holding| holding.stage != Stage::Waiting);
        begun.fold((0, Demand::default()), |(tasks, used), holding| {
            (tasks + 1, used.plus(&holding.demand))
        })
    }

    /// The handler is done and reported; the entry is kept until Redis has the acknowledgement.
    pub(super) fn end(&self, key: &EntryKey) {
        if let Some(holding) = self.holdings().get_mut(key) {
            holding.stage = Stage::Ended;
        }
    }

    pub(super) fn forget(&self, key: &EntryKey) {
        let mut holdings = self.holdings();
        holdings.remove(key);
        self.count.send_replace(holdings.len());
    }

    /// Of each entry that has begun and not ended.
    pub(super) fn kinds(&self) -> Vec<TaskKind> {
        let holdings = self.holdings();
        let running = holdings
            .values()
            .filter(|holding| matches!(holding.stage, Stage::Running | Stage::Stalled));
        running.map(|holding| holding.kind).collect()
    }

    /// How many entries are held.
    pub(super) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }

    /// Waits until nothing is held.
    pub(super) async fn emptied(&self) {
        let mut count = self.count.subscribe();
        if count.wait_for(|held| *held == 0).await.is_err() {
            // Cannot be: the sender lives in `self`.
            warn!("the book of leases was closed");
        }
    }

    /// What to ask Redis about now. Marks those that stalled.
    pub(super) fn due(&self, stall_limit: Duration) -> Vec<Due> {
        let mut holdings = self.holdings();
        holdings
            .iter_mut()
            .filter(|(_, holding)| *holding.signal.borrow() != Signal::LeaseLost)
            .map(|(key, holding)| {
                let silent = holding.pulse.silence() > stall_limit;
                match (holding.stage, silent) {
                    (Stage::Running, true) => {
                        warn!(attempt = %holding.id, ?stall_limit, "no progress: the lease is no longer renewed");
                        holding.stage = Stage::Stalled;
                        self.tally.note(LeaseEvent::Stalled);
                    }
                    (Stage::Stalled, false) => holding.stage = Stage::Running,
                    (Stage::Running, false)
                    | (Stage::Stalled, true)
                    // Nobody can make progress who has not begun.
                    | (Stage::Waiting | Stage::Ended, _) => {}
                }
                holding.pulse.judge(holding.stage == Stage::Stalled);
                Due {
                    key: key.clone(),
                    renew: holding.stage != Stage::Stalled,
                }
            })
            .collect()
    }

    /// Redis counted the idle time anew, at `at` or later.
    pub(super) fn confirm(&self, key: &EntryKey, at: Instant) {
        if let Some(holding) = self.holdings().get_mut(key) {
            holding.confirmed_at = holding.confirmed_at.max(at);
            self.tally.note(LeaseEvent::Renewed);
        }
    }

    pub(super) fn lose(&self, key: &EntryKey, why: &str) {
        if let Some(holding) = self.holdings().get(key) {
            holding.tell(Signal::LeaseLost, why, &self.tally);
        }
    }

    /// Gives up every lease that was not renewed for its whole length: by Redis' clock it is over.
    pub(super) fn fence(&self, lease: Duration) {
        for holding in self.holdings().values() {
            if holding.stage != Stage::Ended && holding.confirmed_at.elapsed() > lease {
                let why = "it was not renewed in time";
                holding.tell(Signal::LeaseLost, why, &self.tally);
            }
        }
    }

    /// The attempts that could still be canceled.
    pub(super) fn running(&self) -> Vec<(EntryKey, AttemptId)> {
        self.holdings()
            .iter()
            .filter(|(_, holding)| {
                holding.stage != Stage::Ended && *holding.signal.borrow() == Signal::Run
            })
            .map(|(key, holding)| (key.clone(), holding.id))
            .collect()
    }

    pub(super) fn cancel(&self, key: &EntryKey) {
        if let Some(holding) = self.holdings().get(key) {
            holding.tell(Signal::Cancel, "canceled", &self.tally);
        }
    }
}

impl Holding {
    fn tell(&self, news: Signal, why: &str, tally: &LeaseTally) {
        let told = self.signal.send_if_modified(|signal| {
            let moves = matches!(
                (*signal, news),
                (Signal::Run, Signal::Cancel | Signal::LeaseLost)
                    | (Signal::Cancel, Signal::LeaseLost)
            );
            if moves {
                *signal = news;
            }
            moves
        });
        if told {
            match news {
                Signal::LeaseLost => tally.note(LeaseEvent::Lost),
                Signal::Cancel => tally.note(LeaseEvent::Canceled),
                Signal::Run => {}
            }
            warn!(attempt = %self.id, signal = ?news, why, "a task must stop");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::TaskKey;
    use crate::task::Lane;
    use crate::worker::{Budget, Room};

    fn book_with_one() -> (Book, Lease) {
        let book = Book::new();
        let key = EntryKey {
            lane: Lane::Cpu,
            entry: "1-0".to_owned(),
        };
        let id = AttemptId {
            task: TaskKey::of(b"task"),
            attempt: 1,
        };
        let lease = book.take(key, id, (TaskKind::Mix, Demand::default()));
        book.begin(&lease.key);
        (book, lease)
    }

    const STALL: Duration = Duration::from_secs(60);

    #[tokio::test(start_paused = true)]
    async fn a_silent_task_is_no_longer_renewed_and_a_moving_one_is() {
        let (book, lease) = book_with_one();
        tokio::time::advance(Duration::from_secs(61)).await;
        assert!(book.due(STALL).iter().all(|due| !due.renew));
        lease.progressed();
        assert!(book.due(STALL).iter().all(|due| due.renew));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_for_room_is_renewed_however_long_and_uses_nothing() {
        let book = Book::new();
        let key = EntryKey {
            lane: Lane::Cpu,
            entry: "2-0".to_owned(),
        };
        let id = AttemptId {
            task: TaskKey::of(b"large"),
            attempt: 1,
        };
        let demand = Demand {
            millicores: 500,
            ..Demand::default()
        };
        let lease = book.take(key, id, (TaskKind::Mix, demand));
        tokio::time::advance(Duration::from_secs(600)).await;
        assert!(book.due(STALL).iter().all(|due| due.renew));
        assert_eq!(book.in_use().0, 0);
        assert!(book.kinds().is_empty());
        book.begin(&lease.key);
        assert!(book.due(STALL).iter().all(|due| due.renew));
        assert_eq!(book.in_use(), (1, demand));
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_was_not_renewed_is_given_up_when_it_ends() {
        let (book, lease) = book_with_one();
        tokio::time::advance(Duration::from_secs(14)).await;
        book.fence(Duration::from_secs(15));
        assert_eq!(*lease.signal.borrow(), Signal::Run);
        assert_eq!(book.tally().count(LeaseEvent::Lost), 0);
        tokio::time::advance(Duration::from_secs(2)).await;
        book.fence(Duration::from_secs(15));
        assert_eq!(lease.lost_or_canceled().await, Signal::LeaseLost);
        assert_eq!(book.tally().count(LeaseEvent::Lost), 1);
        assert_eq!(book.tally().count(LeaseEvent::Taken), 1);
    }

    #[tokio::test]
    async fn a_lost_lease_outranks_a_cancel_and_not_the_reverse() {
        let (book, lease) = book_with_one();
        book.cancel(&lease.key);
        book.lose(&lease.key, "test");
        assert_eq!(*lease.signal.borrow(), Signal::LeaseLost);
        book.cancel(&lease.key);
        assert_eq!(*lease.signal.borrow(), Signal::LeaseLost);
    }

    proptest::proptest! {
        /// Whatever comes and ends: what runs together never needs more than there is, but for one that runs alone on too few cores; and
        /// whoever waits at the front begins when the others have ended.
        #[test]
        fn what_has_begun_is_never_above_the_budget_and_the_front_gets_its_turn(
            sizes in proptest::collection::vec((1_u32..5000, 1_u64..6000, 0_u32..2), 1..60),
            ends in proptest::collection::vec(0_usize..8, 1..60),
        ) {
            let budget = Budget { millicores: 4000, memory_bytes: 5000, scratch_bytes: u64::MAX, gpu_sessions: 2 };
            let book = Book::new();
            let mut running: Vec<EntryKey> = Vec::new();
            let mut ends = ends.into_iter().cycle();
            for (number, (millicores, memory_bytes, gpu_sessions)) in sizes.into_iter().enumerate() {
                let demand = Demand { millicores, memory_bytes, gpu_sessions, ..Demand::default() };
                let key = EntryKey { lane: Lane::Cpu, entry: format!("{number}-0") };
                let id = AttemptId { task: TaskKey::of(key.entry.as_bytes()), attempt: 1 };
                let room = || {
                    let (tasks, used) = book.in_use();
                    budget.room_for(&demand, &used, tasks)
                };
                proptest::prop_assert_eq!(room() == Room::Never, memory_bytes > 5000);
                if room() == Room::Never {
                    continue;
                }
                let _lease = book.take(key.clone(), id, (TaskKind::Mix, demand));
                while room() == Room::Later {
                    proptest::prop_assert!(!running.is_empty(), "it waits for nobody");
                    let at = ends.next().unwrap_or(0) % running.len();
                    book.forget(&running.swap_remove(at));
                }
                book.begin(&key);
                running.push(key);
                let (tasks, used) = book.in_use();
                proptest::prop_assert!(budget.holds(&used) && used.gpu_sessions <= 2);
                proptest::prop_assert!(used.millicores <= 4000 || tasks == 1);
            }
        }
    }
}
