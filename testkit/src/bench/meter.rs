//! What a command costs: wall clock, processor time and memory of it and of all processes it starts.

use std::fs::File;
use std::ops::Add;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{Signal, tail};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Whatever runs longer is ended.
const LIMIT: Duration = Duration::from_secs(2 * 60 * 60);
const LOG_LINES: usize = 30;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cost {
    pub wall_s: f64,
    /// User and system time of the command and of every process that it waited for.
    pub cpu_s: f64,
    /// Largest sum of resident memory of its processes at one time; what two of them share counts twice.
    pub peak_bytes: u64,
}

/// One after the other.
impl Add for Cost {
    type Output = Self;

    fn add(self, next: Self) -> Self {
        Self {
            wall_s: self.wall_s + next.wall_s,
            cpu_s: self.cpu_s + next.cpu_s,
            peak_bytes: self.peak_bytes.max(next.peak_bytes),
        }
    }
}

impl Cost {
    /// At the same time. Their largest memory need not have been at the same moment: the sum is an upper bound.
    pub fn beside(self, other: Self) -> Self {
        Self {
            wall_s: self.wall_s.max(other.wall_s),
            cpu_s: self.cpu_s + other.cpu_s,
            peak_bytes: self.peak_bytes + other.peak_bytes,
        }
    }
}

/// Runs a command to its end. What it prints goes to `log`.
pub(super) fn measure(command: &mut Command, log: &Path) -> Result<Cost> {
    let out = File::create(log)?;
    command.stdin(Stdio::null()).stdout(out.try_clone()?);
    let over = AtomicBool::new(false);
    let start = Instant::now();
    let child = command
        .stderr(out)
        .spawn()
        .with_context(|| format!("{:?}", command.get_program()))?;
    let root = child.id();
    let (ended, wall_s, sampled) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| watch(root, start, &over));
        let ended = wait(root);
        let wall_s = start.elapsed().as_secs_f64();
        over.store(true, Ordering::Relaxed);
        (ended, wall_s, watch.join().unwrap_or_default())
    });
    let ended = ended?;
    if ended.status != 0 {
        let printed = std::fs::read(log)?;
        let printed = tail(&String::from_utf8_lossy(&printed), LOG_LINES);
        bail!("wait status {}:\n{printed}", ended.status);
    }
    Ok(Cost {
        wall_s,
        cpu_s: ended.cpu_s,
        peak_bytes: sampled.max(ended.peak_bytes),
    })
}

struct Ended {
    status: i32,
    cpu_s: f64,
    /// Of the largest single process.
    peak_bytes: u64,
}

#[allow(
    unsafe_code,
    reason = "wait4(2), the only call that tells what a child and its children used, has no safe form in std"
)]
fn wait(pid: u32) -> Result<Ended> {
    let pid = libc::pid_t::try_from(pid).context("process id")?;
    let mut status = 0;
    // SAFETY: rusage is plain integers, for which zero is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live values of the types that wait4 fills in. The child was not waited for before: its handle was dropped.
    let got = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    if got != pid {
        return Err(std::io::Error::last_os_error()).context("wait4");
    }
    let seconds = |time: libc::timeval| time.tv_sec as f64 + time.tv_usec as f64 / 1e6;
    Ok(Ended {
        status,
        cpu_s: seconds(usage.ru_utime) + seconds(usage.ru_stime),
        // Kibibytes on Linux.
        peak_bytes: u64::try_from(usage.ru_maxrss)? * 1024,
    })
}

fn watch(root: u32, start: Instant, over: &AtomicBool) -> u64 {
    let mut peak = 0;
    while !over.load(Ordering::Relaxed) {
        peak = peak.max(resident_of_tree(root));
        if start.elapsed() > LIMIT
            && let Err(error) = Signal::Kill.send(root)
        {
            eprintln!("{error:#}");
        }
        std::thread::sleep(LOOK);
    }
    peak
}

/// 0 for a process that is gone.
fn resident_of_tree(root: u32) -> u64 {
    let mut sum = 0;
    let mut waiting = vec![root];
    while let Some(pid) = waiting.pop() {
        sum += resident(pid).unwrap_or_default();
        let threads = std::fs::read_dir(format!("/proc/{pid}/task"));
        for thread in threads.into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(thread.path().join("children"));
            let children = children.unwrap_or_default();
            waiting.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
    }
    sum
}

fn resident(pid: u32) -> Option<u64> {
    /// Of every machine that this has run on.
    const PAGE_BYTES: u64 = 4096;
    let pages = std::fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = pages.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_work_and_memory_of_a_grandchild_count() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let python = "import time; x = b'x' * (200 << 20); sum(range(3000000)); time.sleep(0.2)";
        let mut shell = Command::new("sh");
        shell.args(["-c", "python3 -c \"$0\"; true", python]);
        let cost = measure(&mut shell, &log).unwrap();
        assert!(cost.peak_bytes > 200 << 20, "{cost:?}");
        assert!(cost.cpu_s > 0.05 && cost.wall_s > 0.2, "{cost:?}");
    }

    #[test]
    fn a_command_that_fails_is_an_error_with_its_last_words() {
        let dir = tempfile::tempdir().unwrap();
        let mut shell = Command::new("sh");
        shell.args(["-c", "echo why >&2; exit 3"]);
        let error = measure(&mut shell, &dir.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }
}
