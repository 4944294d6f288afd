//! What the figures were taken on, without saying whose machine it is.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::contestant::Stage;
use crate::process::{find, run};

const PINNED: &str = include_str!("../../../scripts/bench-requirements.txt");

/// Processor and memory.
pub(crate) fn host() -> Result<String> {
    let processors = std::thread::available_parallelism()?;
    let model = line_of("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown CPU".to_owned());
    let memory = line_of("/proc/meminfo", "MemTotal")
        .and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok())
        .unwrap_or_default();
    let gib = memory as f64 / f64::from(1 << 20);
    Ok(format!("{processors} cores of {model}, {gib:.0} GiB"))
}

/// A line of Markdown: processor, memory, programs and their versions.
pub(super) fn description(stage: &Stage) -> Result<String> {
    let ffmpeg = first_line(&run(&find("ffmpeg")?, ["-version"])?);
    let version = ffmpeg.split(" Copyright").next().unwrap_or_default();
    let botflix = first_line(&run(stage.botflix.path(), ["--version"])?);
    let python = first_line(&run(&stage.python, ["--version"])?);
    let pinned = |name: &str| {
        PINNED
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix("=="))
            .unwrap_or("?")
    };
    Ok(format!(
        "{}; {version}; {botflix}{}; {python}, moviepy {}, ffmpeg-normalize {}\n",
        host()?,
        commit().map_or_else(String::new, |commit| format!(" ({commit})")),
        pinned("moviepy"),
        pinned("ffmpeg-normalize"),
    ))
}

/// Of the working tree that this runs in, if it is one.
pub(crate) fn commit() -> Option<String> {
    let mut git = Command::new(find("git").ok()?);
    let described = git
        .args(["describe", "--always", "--dirty"])
        .output()
        .ok()?;
    let line = first_line(&described.stdout);
    (described.status.success() && !line.is_empty()).then_some(line)
}

fn line_of(file: impl AsRef<Path>, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

pub(crate) fn first_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().next().unwrap_or_default().trim().to_owned()
}
