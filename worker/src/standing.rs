//! Whether a worker takes tasks, and which: its command line, its operator's orders, the clock and the disk in one place. Pure.

use botflix_common::queue::Pace;
use botflix_common::task::{EngineClass, Lane, LaneKind, TaskKind};
use botflix_common::worker::{
    Budget, IdleCode, OffKind, Priority, Proven, WantedState, WorkerOrders, WorkerState,
};

/// All that decides it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub instance: String,
    /// As the command line says, where no order says otherwise.
    pub lanes: Vec<LaneKind>,
    pub slots: Option<u32>,
    pub tags: Vec<String>,
    /// What this host's devices were proven to encode.
    pub devices: Vec<EngineClass>,
    pub orders: WorkerOrders,
    /// Self-tests that passed after it was taken off kinds.
    pub proven: Vec<Proven>,
    /// What tasks may use of the host.
    pub budget: Budget,
    pub disk_full: bool,
    /// The process is about to end, whoever said so.
    pub ending: bool,
}

/// What follows from it at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stance {
    pub state: WorkerState,
    /// Why no task is taken; `None`: tasks are taken.
    pub barred: Option<IdleCode>,
    pub lanes: Vec<Lane>,
    /// The most tasks at once that anybody asked for.
    pub limit: Option<u32>,
    /// About how many there will be.
    pub slots: u32,
    pub pace: Pace,
    /// Kinds that are left to others.
    pub refuses: Vec<TaskKind>,
    pub tags: Vec<String>,
}

impl Standing {
    pub fn wanted(&self) -> WantedState {
        self.orders.wanted_of(&self.instance)
    }

    /// At a time in seconds since 1970, UTC.
    pub fn at(&self, unix_seconds: i64) -> Stance {
        let settings = &self.orders.settings;
        let lanes = lanes(
            settings.lanes.as_ref().unwrap_or(&self.lanes),
            &self.devices,
        );
        let asleep = settings
            .sleep
            .as_ref()
            .is_some_and(|sleep| sleep.is_asleep_at(unix_seconds));
        let (state, barred) = match self.wanted() {
            _ if self.ending => (WorkerState::Stopping, Some(IdleCode::Stopping)),
            WantedState::StopAfterCurrent | WantedState::StopNow => {
                (WorkerState::Stopping, Some(IdleCode::Stopping))
            }
            WantedState::Draining => (WorkerState::Draining, Some(IdleCode::Draining)),
            WantedState::Paused => (WorkerState::Paused, Some(IdleCode::Paused)),
            WantedState::Active if asleep => (WorkerState::Asleep, Some(IdleCode::Asleep)),
            WantedState::Active if self.disk_full => {
                (WorkerState::Active, Some(IdleCode::DiskFull))
            }
            WantedState::Active if lanes.is_empty() => {
                (WorkerState::Active, Some(IdleCode::NoLanes))
            }
            WantedState::Active => (WorkerState::Active, None),
        };
        let limit = settings.slots.or(self.slots);
        let mut tags = self.tags.clone();
        tags.extend(
            settings
                .tags
                .iter()
                .filter(|tag| !self.tags.contains(tag))
                .cloned(),
        );
        Stance {
            state,
            barred,
            lanes,
            limit,
            slots: limit.unwrap_or_else(|| self.budget.usual_tasks()),
            pace: match settings.priority {
                Priority::Normal => Pace::Eager,
                Priority::Low => Pace::Yielding,
            },
            refuses: self.off().map(|off| off.kind).collect(),
            tags,
        }
    }

    /// What this process was taken off and has not passed a self-test since.
    pub fn off(&self) -> impl Iterator<Item = &OffKind> {
        self.orders.off.iter().filter(|off| {
            let answers = |one: &Proven| one.kind == off.kind && one.since_ms == off.since_ms;
            off.instance == self.instance && !self.proven.iter().any(answers)
        })
    }
}

/// What a host with these devices serves of what was asked of it, each lane once.
pub(crate) fn lanes(wanted: &[LaneKind], devices: &[EngineClass]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for lane in wanted.iter().flat_map(|kind| kind.lanes(devices)) {
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    lanes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        Standing {
            instance: "forge-1".to_owned(),
            lanes: vec![LaneKind::Io, LaneKind::Cpu],
            slots: Some(4),
            tags: vec!["attic".to_owned()],
            devices: Vec::new(),
            orders: WorkerOrders::default(),
            proven: Vec::new(),
            budget: Budget {
                millicores: 7000,
                ..Budget::default()
            },
            disk_full: false,
            ending: false,
        }
    }

    #[test]
    fn orders_come_before_the_command_line() {
        let mut standing = standing();
        standing.slots = None;
        assert_eq!((standing.at(0).limit, standing.at(0).slots), (None, 7));
        standing.slots = Some(4);
        let before = standing.at(0);
        assert_eq!(
            (before.barred, before.slots, before.lanes),
            (None, 4, vec![Lane::Io, Lane::Cpu])
        );
        standing.orders.settings.slots = Some(1);
        standing.orders.settings.lanes = Some(vec![LaneKind::Gpu, LaneKind::Cpu]);
        standing.orders.settings.tags = vec!["attic".to_owned(), "night".to_owned()];
        standing.orders.settings.priority = Priority::Low;
        let after = standing.at(0);
        assert_eq!(
            (after.slots, after.lanes),
            (1, vec![Lane::Cpu]),
            "no device was proven"
        );
        assert_eq!(after.tags, ["attic", "night"]);
        assert_eq!(after.pace, Pace::Yielding);
        standing.orders.settings.lanes = Some(vec![LaneKind::Gpu]);
        assert_eq!(standing.at(0).barred, Some(IdleCode::NoLanes));
    }

    #[test]
    fn a_kind_is_refused_by_the_process_that_was_taken_off_it_until_its_self_test_passes() {
        let mut standing = standing();
        let off = |instance: &str, kind| OffKind {
            kind,
            instance: instance.to_owned(),
            since_ms: 7,
            codes: Vec::new(),
        };
        standing.orders.off = vec![
            off("forge-1", TaskKind::Conform),
            off("forge-2", TaskKind::Mix),
        ];
        assert_eq!(standing.at(0).refuses, [TaskKind::Conform]);
        standing.proven.push(Proven {
            kind: TaskKind::Conform,
            since_ms: 6,
        });
        assert_eq!(
            standing.at(0).refuses,
            [TaskKind::Conform],
            "an older proof"
        );
        standing.proven.push(Proven {
            kind: TaskKind::Conform,
            since_ms: 7,
        });
        assert_eq!(standing.at(0).refuses, []);
    }

    #[test]
    fn what_an_operator_wants_comes_before_the_clock_and_an_end_before_all() {
        let mut standing = standing();
        standing.orders.settings.sleep = Some("thu 00:00-01:00".parse().unwrap());
        standing.disk_full = true;
        assert_eq!(standing.at(3599).state, WorkerState::Asleep);
        assert_eq!(standing.at(3600).barred, Some(IdleCode::DiskFull));
        standing.orders.wanted = WantedState::Paused;
        assert_eq!(standing.at(0).state, WorkerState::Paused);
        standing.ending = true;
        assert_eq!(standing.at(0).barred, Some(IdleCode::Stopping));
    }
}
