//! Whether a worker takes new tasks, from which lanes, how many at once and how eagerly. Knows nothing of why.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::task::{Demand, Lane, TaskKind};
use crate::worker::{Budget, Room};

use super::book::Book;

/// How a worker goes for new tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Waits at the lanes.
    Eager,
    /// Looks now and then, and so gets what nobody waited for.
    Yielding,
}

/// Whether new tasks are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GateState {
    Open,
    Closed,
}

/// What a reader may take.
#[derive(Clone, Debug)]
pub(super) struct Openings {
    pub state: GateState,
    /// In order of preference.
    pub lanes: Vec<Lane>,
    /// Tasks held at once.
    pub slots: usize,
    pub pace: Pace,
    pub budget: Budget,
    /// Kinds that are left to others.
    pub refuses: Vec<TaskKind>,
}

impl Openings {
    /// The lanes that may have something which can begin now.
    pub(super) fn lanes_with_room(&self, tasks: usize, used: &Demand) -> Vec<Lane> {
        if self.state == GateState::Closed || tasks >= self.slots {
            return Vec::new();
        }
        let has_room = |lane: &&Lane| {
            let refused = lane.kinds().iter().all(|kind| self.refuses.contains(kind));
            let least = Demand::least(**lane);
            !refused && self.budget.room_for(&least, used, tasks) == Room::Now
        };
        self.lanes.iter().filter(has_room).copied().collect()
    }

    pub(super) fn takes(&self, lane: Lane) -> bool {
        self.state == GateState::Open && self.lanes.contains(&lane)
    }
}

/// Lets a worker stop taking tasks and take them again: paused, draining, disk full. What runs goes on.
#[derive(Clone, Debug)]
pub struct Gate {
    openings: watch::Sender<Openings>,
    book: Arc<Book>,
}

impl Gate {
    /// Open, for as many tasks as there is a slot for.
    pub(super) fn new(lanes: Vec<Lane>, book: Arc<Book>) -> (Self, watch::Receiver<Openings>) {
        let (openings, seen) = watch::channel(Openings {
            state: GateState::Open,
            lanes,
            slots: usize::MAX,
            pace: Pace::Eager,
            budget: Budget::default(),
            refuses: Vec::new(),
        });
        (Self { openings, book }, seen)
    }

    pub fn open(&self) {
        self.turn(GateState::Open);
    }

    /// A read that is under way may still bring a task for up to a second: it goes back to its lane.
    pub fn close(&self) {
        self.turn(GateState::Closed);
    }

    pub fn is_open(&self) -> bool {
        self.openings.borrow().state == GateState::Open
    }

    /// From which lanes, in order of preference, and how many at once. Neither opens nor closes it.
    pub fn admit(&self, lanes: Vec<Lane>, slots: u32, pace: Pace) {
        let slots = usize::try_from(slots).unwrap_or(usize::MAX);
        self.openings.send_if_modified(|now| {
            let news = now.lanes != lanes || now.slots != slots || now.pace != pace;
            (now.lanes, now.slots, now.pace) = (lanes, slots, pace);
            news
        });
    }

    /// What tasks may use together. One that does not fit waits, and nothing else begins before it.
    pub fn budget(&self, budget: Budget) {
        self.openings.send_if_modified(|now| {
            let news = now.budget != budget;
            now.budget = budget;
            news
        });
    }

    /// Kinds that are left to others: what comes of them goes back to its lane, as the same attempt.
    pub fn refuse(&self, kinds: Vec<TaskKind>) {
        self.openings.send_if_modified(|now| {
            let news = now.refuses != kinds;
            now.refuses = kinds;
            news
        });
    }

    /// What the tasks that have begun use together.
    pub fn in_use(&self) -> Demand {
        self.book.in_use().1
    }

    /// The version of a task that came within this time and was newer than this process understands.
    pub fn declined_within(&self, time: Duration) -> Option<u64> {
        self.book.tally().declined_within(time)
    }

    /// The kinds of the tasks that run, one for each.
    pub fn held(&self) -> Vec<TaskKind> {
        self.book.kinds()
    }

    fn turn(&self, state: GateState) {
        self.openings.send_if_modified(|now| {
            let news = now.state != state;
            now.state = state;
            news
        });
    }
}
