//! What may happen. A [`Step`] is drawn by chance and names nothing ("a task in flight, by an attempt that is one too late"); in the state
//! at hand it becomes [`Deed`]s, which name rows. Must not know what a deed changes.

use std::ops::RangeInclusive;

use botflix_api::db::tasks::TaskState;
use botflix_api::db::tasks::moves::Charge;
use botflix_common::hash::TaskKey;
use botflix_common::id::RenderId;
use botflix_common::task::{AttemptId, Lane, TaskRecord};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::films;
use super::machine::{Machine, Task};
use crate::facts::record;

/// Steps of one sequence.
const STEPS: RangeInclusive<usize> = 60..=120;
const WORKERS: usize = 3;
/// The longest back-off, and the longest time between two steps.
const WAIT_MS: RangeInclusive<i64> = 0..=200;
const PAUSE_MS: RangeInclusive<i64> = 0..=50;

#[derive(Clone, Debug)]
pub struct Step {
    pub act: Act,
    pub pause_ms: i64,
    pub end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Committed,
    /// The process dies before the commit.
    Lost,
}

/// `nth` counts through whatever there is of the kind, from the start again after the last.
#[derive(Clone, Debug)]
pub enum Act {
    Submit {
        film: usize,
    },
    /// Of a render that runs.
    Cancel {
        nth: usize,
    },
    /// The dispatcher's round: as many as there is room for.
    Sweep {
        lane: Lane,
        room: u64,
    },
    /// A second dispatcher queues what it saw ready some time ago.
    Enqueue {
        nth: usize,
    },
    Report {
        to: Aim,
        nth: usize,
        /// Beside the current attempt.
        attempts_off: i64,
        worker: usize,
        body: Sent,
    },
    /// A report that was sent before is delivered again.
    Redeliver {
        nth: usize,
    },
    /// Several workers end the current attempt of a task in flight at the same time, each in a transaction of its own.
    Race {
        nth: usize,
        workers: usize,
    },
    /// Of a task that is over.
    CancelTooLate {
        nth: usize,
    },
    /// Of a task that is not over, or done.
    ReviveTooEarly {
        nth: usize,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    InFlight,
    Anywhere,
}

/// What a worker says, or the reconciler in its place.
#[derive(Clone, Copy, Debug)]
pub enum Sent {
    Started,
    Percent(u8),
    Done,
    Failed,
    /// Handed back, to be retried, or its lease expired.
    Over {
        charge: Charge,
        wait_ms: i64,
    },
}

#[derive(Clone, Debug)]
pub enum Deed {
    Submit { film: usize, render: RenderId },
    Cancel { render: RenderId },
    Sweep { lane: Lane, room: u64 },
    Enqueue { task: TaskKey },
    Report(Report),
    CancelTask { task: TaskKey },
    ReviveTask { task: TaskKey },
}

#[derive(Clone, Debug)]
pub struct Report {
    pub id: AttemptId,
    pub worker: String,
    pub body: Body,
}

#[derive(Clone, Debug)]
pub enum Body {
    Started,
    Progress(f64),
    Done(Box<TaskRecord>),
    Failed,
    Over { charge: Charge, wait_ms: i64 },
}

pub fn script() -> impl Strategy<Value = Vec<Step>> {
    let end = prop_oneof![11 => Just(End::Committed), 1 => Just(End::Lost)];
    let step = (act(), PAUSE_MS, end).prop_map(|(act, pause_ms, end)| Step { act, pause_ms, end });
    vec(step, STEPS)
}

fn act() -> impl Strategy<Value = Act> {
    let nth = || any::<u8>().prop_map(usize::from);
    let lane = select(vec![Lane::Cpu, Lane::Io]);
    let race = (nth(), 2..=WORKERS);
    prop_oneof![
        5 => (0..films::COUNT).prop_map(|film| Act::Submit { film }),
        10 => (lane, 1..=4_u64).prop_map(|(lane, room)| Act::Sweep { lane, room }),
        34 => report(),
        4 => nth().prop_map(|nth| Act::Redeliver { nth }),
        2 => race.prop_map(|(nth, workers)| Act::Race { nth, workers }),
        1 => nth().prop_map(|nth| Act::Enqueue { nth }),
        2 => nth().prop_map(|nth| Act::Cancel { nth }),
        1 => nth().prop_map(|nth| Act::CancelTooLate { nth }),
        1 => nth().prop_map(|nth| Act::ReviveTooEarly { nth }),
    ]
}

fn report() -> impl Strategy<Value = Act> {
    let to = prop_oneof![6 => Just(Aim::InFlight), 1 => Just(Aim::Anywhere)];
    let attempts_off = prop_oneof![12 => Just(0), 2 => Just(-1), 1 => Just(-2), 1 => Just(1)];
    let charge = select(vec![Charge::Nothing, Charge::Retry, Charge::Crash]);
    let body = prop_oneof![
        5 => Just(Sent::Done),
        7 => Just(Sent::Started),
        4 => (0..=100_u8).prop_map(Sent::Percent),
        3 => (charge, WAIT_MS).prop_map(|(charge, wait_ms)| Sent::Over { charge, wait_ms }),
        2 => Just(Sent::Failed),
    ];
    (to, any::<u8>(), attempts_off, 0..WORKERS, body).prop_map(
        |(to, nth, attempts_off, worker, body)| Act::Report {
            to,
            nth: usize::from(nth),
            attempts_off,
            worker,
            body,
        },
    )
}

/// What was sent so far.
#[derive(Default)]
pub struct Story {
    sent: Vec<Report>,
    records: u32,
}

impl Story {
    /// Nothing, when there is nobody to do it to; several deeds happen at the same time.
    pub fn deeds(&mut self, act: &Act, machine: &Machine) -> Vec<Deed> {
        let over = [TaskState::Done, TaskState::Failed, TaskState::Canceled];
        let given_up = [TaskState::Failed, TaskState::Canceled];
        match act {
            Act::Submit { film } => vec![Deed::Submit {
                film: *film,
                render: RenderId::fresh(),
            }],
            Act::Cancel { nth } => {
                let running: Vec<RenderId> = machine.running().map(|render| render.id).collect();
                let render = one(running, *nth).map(|render| Deed::Cancel { render });
                Vec::from_iter(render)
            }
            Act::Sweep { lane, room } => vec![Deed::Sweep {
                lane: *lane,
                room: *room,
            }],
            Act::Enqueue { nth } => {
                let task = one(machine.keys(|_| true), *nth);
                Vec::from_iter(task.map(|task| Deed::Enqueue { task }))
            }
            Act::Report {
                to,
                nth,
                attempts_off,
                worker,
                body,
            } => {
                let tasks = machine.keys(|task| *to == Aim::Anywhere || task.is_in_flight());
                let task = one(tasks, *nth);
                let report =
                    task.map(|task| self.report(machine, task, *attempts_off, *worker, *body));
                Vec::from_iter(report)
            }
            Act::Redeliver { nth } => {
                Vec::from_iter(one(self.sent.clone(), *nth).map(Deed::Report))
            }
            Act::Race { nth, workers } => {
                let task = one(machine.keys(Task::is_in_flight), *nth);
                let race = task.map(|task| {
                    let end = |worker| self.report(machine, task, 0, worker, Sent::Done);
                    (0..*workers).map(end).collect()
                });
                race.unwrap_or_default()
            }
            Act::CancelTooLate { nth } => {
                let task = one(machine.keys(|task| over.contains(&task.state)), *nth);
                Vec::from_iter(task.map(|task| Deed::CancelTask { task }))
            }
            Act::ReviveTooEarly { nth } => {
                let task = one(machine.keys(|task| !given_up.contains(&task.state)), *nth);
                Vec::from_iter(task.map(|task| Deed::ReviveTask { task }))
            }
        }
    }

    fn report(
        &mut self,
        machine: &Machine,
        task: TaskKey,
        attempts_off: i64,
        worker: usize,
        body: Sent,
    ) -> Deed {
        let attempt = i64::from(machine.task(&task).attempt) + attempts_off;
        let worker = format!("w{worker}");
        let body = match body {
            Sent::Started => Body::Started,
            Sent::Percent(percent) => Body::Progress(f64::from(percent) / 100.0),
            Sent::Done => {
                let mut record = record(&machine.films.tasks[&task].spec, &worker);
                // No two are alike, so that it shows whose was accepted.
                self.records += 1;
                record.wall_seconds = f64::from(self.records);
                Body::Done(Box::new(record))
            }
            Sent::Failed => Body::Failed,
            Sent::Over { charge, wait_ms } => Body::Over { charge, wait_ms },
        };
        let attempt = u32::try_from(attempt).unwrap_or(0);
        let report = Report {
            id: AttemptId { task, attempt },
            worker,
            body,
        };
        self.sent.push(report.clone());
        Deed::Report(report)
    }
}

fn one<T>(mut of: Vec<T>, nth: usize) -> Option<T> {
    if of.is_empty() {
        return None;
    }
    let at = nth % of.len();
    Some(of.swap_remove(at))
}
