//! What tasks may use of this host: what the command line says, and otherwise what the host has. Knows nothing of tasks.

use botflix_common::task::Demand;
use botflix_common::worker::Budget;

use crate::host;
use crate::scratch::MIN_FREE_BYTES;

/// Two sessions keep an encoder busy while one of them decodes, and every NVIDIA driver allows two: those for consumer cards refused a third
/// one for years.
pub const DEFAULT_GPU_SESSIONS: u32 = 2;
/// Cores that are taken seriously.
pub(crate) const MAX_CORES: u32 = 4096;
/// Memory below which nothing works.
pub(crate) const MIN_MEMORY_BYTES: u64 = 256 << 20;
/// What is left to the system and to this process: an eighth, and this much at least, but never more than half.
const RESERVE_BYTES: u64 = 512 << 20;

/// What the command line says; absent: as the host is.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub cores: Option<u32>,
    pub memory_bytes: Option<u64>,
    /// Encodings at once on a device; 0: as many as come.
    pub gpu_sessions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cores: None,
            memory_bytes: None,
            gpu_sessions: DEFAULT_GPU_SESSIONS,
        }
    }
}

impl Limits {
    /// Before anything runs. `free_bytes`: of the scratch disk.
    pub(crate) fn budget(&self, free_bytes: u64) -> Budget {
        let memory = || without_reserve(host::memory_bytes());
        Budget {
            millicores: self.cores.unwrap_or_else(host::cores).saturating_mul(1000),
            memory_bytes: self.memory_bytes.unwrap_or_else(memory),
            scratch_bytes: free_bytes.saturating_sub(MIN_FREE_BYTES),
            gpu_sessions: self.gpu_sessions,
        }
    }
}

/// What the disk has for all tasks together, now that so much is free: what runs may have written none or all of what it is taken to need.
pub(crate) fn scratch_of(before: u64, free_bytes: u64, in_use: &Demand) -> u64 {
    let room = free_bytes.saturating_sub(MIN_FREE_BYTES);
    if in_use.scratch_bytes == 0 {
        room
    } else {
        before.min(room.saturating_add(in_use.scratch_bytes))
    }
}

/// 0 stays 0: nobody knows.
fn without_reserve(total_bytes: u64) -> u64 {
    let reserve = (total_bytes / 8).max(RESERVE_BYTES).min(total_bytes / 2);
    total_bytes - reserve
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_system_keeps_an_eighth_and_a_small_host_half() {
        assert_eq!(without_reserve(64 * GIB), 56 * GIB);
        assert_eq!(without_reserve(2 * GIB), 2 * GIB - RESERVE_BYTES);
        assert_eq!(without_reserve(GIB / 2), GIB / 4);
        assert_eq!(without_reserve(0), 0);
    }

    #[test]
    fn what_tasks_have_written_already_is_not_held_against_them_twice() {
        let running = Demand {
            scratch_bytes: 4 * GIB,
            ..Demand::default()
        };
        let idle = scratch_of(0, 11 * GIB, &Demand::default());
        assert_eq!(idle, 10 * GIB);
        // Half of the four are written.
        assert_eq!(scratch_of(idle, 9 * GIB, &running), 10 * GIB);
        // Something else fills the disk.
        assert_eq!(scratch_of(idle, 3 * GIB, &running), 6 * GIB);
    }
}
