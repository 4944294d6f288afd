//! What this host has: cores, memory, load. What a kernel does not say is left out, never guessed.

use std::fs;

/// The limit of this process' control group, in version 2 (`max` where there is none) and in version 1 (more than there is).
const GROUP_MEMORY: [&str; 2] = [
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
];

/// Cores that this process may use.
pub(crate) fn cores() -> u32 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|cores| u32::try_from(cores.get()).ok())
        .unwrap_or(1)
}

/// Memory that this process may use, in bytes; 0 where nobody says.
pub(crate) fn memory_bytes() -> u64 {
    let host = fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| total_of(&text));
    let groups = GROUP_MEMORY
        .iter()
        .filter_map(|path| fs::read_to_string(path).ok()?.trim().parse().ok());
    host.into_iter().chain(groups).min().unwrap_or(0)
}

/// The load of the last minute in percent of the cores.
pub(crate) fn load_percent() -> Option<u32> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let minute: f64 = text.split_whitespace().next()?.parse().ok()?;
    // Casts of floats saturate.
    Some((minute * 100.0 / f64::from(cores())).round() as u32)
}

/// `MemTotal` of `/proc/meminfo`, which counts in KiB.
fn total_of(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_bytes() {
        let text = "MemTotal:       16316412 kB\nMemFree:        1 kB\n";
        assert_eq!(total_of(text), Some(16_316_412 * 1024));
        assert_eq!(total_of("MemFree: 1 kB"), None);
        assert!(cores() > 0 && memory_bytes() > 0);
    }
}
