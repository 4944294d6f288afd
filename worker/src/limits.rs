//! What tasks may use of this host: what the command line says, and otherwise what the host has. Knows nothing of tasks.

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
    /// Before anything runs.
    pub(crate) fn budget(&self, disk: Disk) -> Budget {
        let memory = || without_reserve(host::memory_bytes());
        Budget {
            millicores: self.cores.unwrap_or_else(host::cores).saturating_mul(1000),
            memory_bytes: self.memory_bytes.unwrap_or_else(memory),
            scratch_bytes: disk.for_tasks(),
            gpu_sessions: self.gpu_sessions,
        }
    }
}

/// The disk under scratch, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Disk {
    pub free: u64,
    /// Kept clips, which give way, and those that arrive.
    pub cached: u64,
    /// Of them, those that tasks read now: they do not give way, and the tasks need no other room for them.
    pub read: u64,
    /// By the tasks that run now.
    pub written: u64,
}

impl Disk {
    /// For all tasks together, those included that run.
    pub fn for_tasks(self) -> u64 {
        let all = self.free.saturating_add(self.cached);
        all.saturating_add(self.written)
            .saturating_sub(MIN_FREE_BYTES)
    }

    /// What tasks that may take so much in all have yet to write.
    pub fn to_be_written(self, admitted: u64) -> u64 {
        admitted.saturating_sub(self.written.saturating_add(self.read))
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
    fn neither_what_tasks_have_written_nor_what_is_kept_counts_as_lost() {
        let disk = |free, cached, written| Disk {
            free: free * GIB,
            cached: cached * GIB,
            written: written * GIB,
            read: 0,
        };
        assert_eq!(disk(11, 0, 0).for_tasks(), 10 * GIB);
        assert_eq!(disk(6, 3, 2).for_tasks(), 10 * GIB);
        // Something else fills the disk, and goes again while the task runs.
        assert_eq!(disk(3, 0, 2).for_tasks(), 4 * GIB);
        assert_eq!(disk(9, 0, 2).for_tasks(), 10 * GIB);
        assert_eq!(disk(0, 0, 0).for_tasks(), 0);
    }
}
