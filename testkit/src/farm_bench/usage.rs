//! What processes use, from `/proc`.

use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context, Result};

/// Of `/proc/PID/stat`: Linux has counted in hundredths of a second for user space since 2.4.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory of a process and its children, now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// User and system time, of children that ended too.
    pub cpu_s: f64,
    /// Proportional: what processes share is counted once.
    pub bytes: u64,
}

impl Usage {
    /// Of these processes and all that they started.
    pub fn of(roots: &[u32]) -> Result<Self> {
        let parents = parents()?;
        let mut family: Vec<u32> = roots.to_vec();
        let mut at = 0;
        while let Some(&one) = family.get(at) {
            let children = parents.iter().filter(|(_, parent)| **parent == one);
            family.extend(children.map(|(child, _)| *child));
            at += 1;
        }
        let mut sum = Self::default();
        for pid in family {
            // One may end while we look.
            if let Ok(one) = of_one(pid) {
                sum.cpu_s += one.cpu_s;
                sum.bytes += one.bytes;
            }
        }
        Ok(sum)
    }
}

fn parents() -> Result<HashMap<u32, u32>> {
    let mut parents = HashMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Ok(fields) = stat(pid)
            && let Some(parent) = fields.get(1).and_then(|field| field.parse().ok())
        {
            parents.insert(pid, parent);
        }
    }
    Ok(parents)
}

/// The fields after the name, which may hold blanks: state, parent, …
fn stat(pid: u32) -> Result<Vec<String>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(')').context("stat")?;
    Ok(rest.split_whitespace().map(str::to_owned).collect())
}

fn of_one(pid: u32) -> Result<Usage> {
    let fields = stat(pid)?;
    let ticks = fields.get(11..15).context("stat")?.iter();
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    let rollup = std::fs::read_to_string(
        Path::new("/proc")
            .join(pid.to_string())
            .join("smaps_rollup"),
    )?;
    let pss = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib: u64 = pss
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or_default();
    Ok(Usage {
        cpu_s: ticks / TICKS_PER_SECOND,
        bytes: kib * 1024,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_uses_memory() {
        let usage = Usage::of(&[std::process::id()]).unwrap();
        assert!(usage.bytes > 1 << 20, "{usage:?}");
    }
}
