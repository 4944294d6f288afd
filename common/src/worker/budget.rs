//! What a host gives to tasks, and whether one more fits beside those that run. Pure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::task::Demand;

/// What a worker may use of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Budget {
    /// Thousandths of a core.
    pub millicores: u32,
    /// 0: nobody says how much there is, and nothing is refused for it.
    pub memory_bytes: u64,
    /// What the scratch disk has for all tasks together.
    pub scratch_bytes: u64,
    /// Encodings at once on a device; 0: as many as come.
    pub gpu_sessions: u32,
}

/// Nothing is refused: what a queue is given that nobody told of a host.
impl Default for Budget {
    fn default() -> Self {
        Self {
            millicores: u32::MAX,
            memory_bytes: 0,
            scratch_bytes: u64::MAX,
            gpu_sessions: 0,
        }
    }
}

/// Whether a task can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    Now,
    /// When some of what runs has ended.
    Later,
    /// Not on this host, whatever ends.
    Never,
}

impl Budget {
    /// `used`: by `tasks` that run. A host with fewer cores or less disk than a task is expected to want runs it alone, and it fails when the
    /// disk is really full; memory cannot be stretched.
    pub fn room_for(&self, demand: &Demand, used: &Demand, tasks: usize) -> Room {
        if !self.remembers(demand) {
            return Room::Never;
        }
        if tasks == 0 {
            return Room::Now;
        }
        let both = used.plus(demand);
        let sessions = self.gpu_sessions == 0
            || demand.gpu_sessions == 0
            || both.gpu_sessions <= self.gpu_sessions;
        if both.millicores <= self.millicores && sessions && self.holds(&both) {
            Room::Now
        } else {
            Room::Later
        }
    }

    /// Whether memory is enough for it.
    fn remembers(&self, demand: &Demand) -> bool {
        self.memory_bytes == 0 || demand.memory_bytes <= self.memory_bytes
    }

    /// Whether memory and disk are enough for it.
    pub fn holds(&self, demand: &Demand) -> bool {
        self.remembers(demand) && demand.scratch_bytes <= self.scratch_bytes
    }

    /// About how many tasks of the usual size run at once; 1 at least. What the farm counts on, no limit.
    pub fn usual_tasks(&self) -> u32 {
        /// Of a segment of a film of 1920×1080.
        const USUAL_BYTES: u64 = 512 << 20;
        let by_cores = self.millicores / 1000;
        let by_memory = match self.memory_bytes {
            0 => u32::MAX,
            bytes => u32::try_from(bytes / USUAL_BYTES).unwrap_or(u32::MAX),
        };
        by_cores.min(by_memory).clamp(1, super::MAX_SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn demand(millicores: u32, memory_bytes: u64) -> Demand {
        Demand {
            millicores,
            memory_bytes,
            ..Demand::default()
        }
    }

    #[test]
    fn a_task_that_wants_more_cores_than_there_are_runs_alone_and_one_that_wants_more_memory_never()
    {
        let budget = Budget {
            millicores: 2000,
            memory_bytes: 4 * GIB,
            ..Budget::default()
        };
        let wide = demand(8000, GIB);
        assert_eq!(budget.room_for(&wide, &Demand::default(), 0), Room::Now);
        assert_eq!(budget.room_for(&wide, &demand(1, 0), 1), Room::Later);
        let heavy = demand(1, 5 * GIB);
        assert_eq!(budget.room_for(&heavy, &Demand::default(), 0), Room::Never);
        let rest = demand(1000, 3 * GIB);
        assert_eq!(budget.room_for(&demand(1000, GIB), &rest, 1), Room::Now);
        assert_eq!(
            budget.room_for(&demand(1000, GIB + 1), &rest, 1),
            Room::Later
        );
        assert_eq!(budget.room_for(&demand(1001, 0), &rest, 1), Room::Later);
    }

    #[test]
    fn a_task_that_is_expected_to_want_more_disk_than_is_free_runs_alone() {
        let budget = Budget {
            millicores: 4000,
            scratch_bytes: GIB,
            ..Budget::default()
        };
        let wide = Demand {
            scratch_bytes: 9 * GIB,
            ..Demand::default()
        };
        assert_eq!(budget.room_for(&wide, &Demand::default(), 0), Room::Now);
        assert_eq!(budget.room_for(&wide, &demand(1, 0), 1), Room::Later);
    }

    #[test]
    fn sessions_of_a_device_are_counted_unless_there_is_no_limit() {
        let session = Demand {
            gpu_sessions: 1,
            ..Demand::default()
        };
        let mut budget = Budget {
            gpu_sessions: 1,
            ..Budget::default()
        };
        assert_eq!(budget.room_for(&session, &session, 1), Room::Later);
        assert_eq!(budget.room_for(&demand(1, 1), &session, 1), Room::Now);
        budget.gpu_sessions = 0;
        assert_eq!(budget.room_for(&session, &session, 1), Room::Now);
    }

    #[test]
    fn the_usual_number_of_tasks_is_bound_by_cores_and_memory() {
        let mut budget = Budget {
            millicores: 16_000,
            memory_bytes: 4 * GIB,
            ..Budget::default()
        };
        assert_eq!(budget.usual_tasks(), 8);
        budget.memory_bytes = 0;
        assert_eq!(budget.usual_tasks(), 16);
        budget.millicores = 500;
        assert_eq!(budget.usual_tasks(), 1);
    }
}
