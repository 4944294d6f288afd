//! The same load on BullMQ, over a Redis with the same settings: jobs that sleep, in flows of the shape of our films.
//!
//! What it does not do: there is no second place that knows the truth, no fair shares, no attempts on record, no input or result in storage,
//! no episode at the end. One process has one connection for all its slots, where each of our workers has its own.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::ledger;
use super::options::Options;
use super::round::{Figures, TASKS_PER_RENDER};
use super::table::mib;
use super::usage::Usage;
use crate::process::{Spawned, find, finish};
use crate::redis::RedisServer;

const SCRIPT: &str = include_str!("bullmq.cjs");
/// Its processes, that share the concurrency: as many as make most of two cores beside Redis.
const PROCESSES: usize = 4;
const LOOK: Duration = Duration::from_millis(100);
const STOP: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
struct Theirs {
    tasks: usize,
    added_s: f64,
    done_s: f64,
    workers: Usage,
    redis: Usage,
    commands: f64,
    peak_bytes: f64,
}

pub(super) fn compare(options: &Options, folder: &Path, ours: &[Figures]) -> Result<String> {
    let mut text = format!(
        "BullMQ {}, node {}, {PROCESSES} processes with {} jobs at once in all, each of {} ms:\n\n\
         | tasks | added per second | **tasks per second** | ours ÷ theirs | CPU ms per task: workers / Redis | MiB: workers / Redis' data | Redis commands per task |\n\
         |--:|--:|--:|--:|--:|--:|--:|\n",
        version(folder)?,
        String::from_utf8_lossy(&finish(Command::new(find("node")?).arg("--version"))?).trim(),
        options.concurrency(),
        options.task_ms,
    );
    for figures in ours {
        let theirs = run(options, folder, figures.renders)?;
        let tasks = theirs.tasks as f64;
        let rate = tasks / theirs.done_s;
        writeln!(
            text,
            "| {} | {:.0} | **{rate:.0}** | {:.2} | {:.2} / {:.2} | {:.0} / {:.1} | {:.1} |",
            theirs.tasks,
            tasks / theirs.added_s,
            figures.rate() / rate,
            theirs.workers.cpu_s * 1e3 / tasks,
            theirs.redis.cpu_s * 1e3 / tasks,
            mib(theirs.workers.bytes as f64),
            mib(theirs.peak_bytes),
            theirs.commands / tasks,
        )?;
    }
    Ok(text)
}

fn run(options: &Options, folder: &Path, flows: usize) -> Result<Theirs> {
    let redis = RedisServer::start()?;
    let dir = tempfile::tempdir()?;
    eprintln!("BullMQ: {flows} flows");
    let began = Instant::now();
    finish(node(folder)?.args(["add", &redis.url(), &flows.to_string()]))?;
    let mut theirs = Theirs {
        tasks: flows * TASKS_PER_RENDER,
        added_s: began.elapsed().as_secs_f64(),
        ..Theirs::default()
    };
    let pid = redis.pid().context("no Redis")?;
    let (before, info) = (Usage::of(&[pid])?, ledger::redis_info(&redis.url())?);
    let began = Instant::now();
    let mut workers = start(options, folder, &redis, &dir)?;
    let pids: Vec<u32> = workers.iter().map(Spawned::pid).collect();
    let until = began + Duration::from_secs(options.window_s);
    let whole = theirs.tasks;
    loop {
        std::thread::sleep(LOOK);
        let seen = Usage::of(&pids)?;
        theirs.workers.cpu_s = seen.cpu_s;
        theirs.workers.bytes = theirs.workers.bytes.max(seen.bytes);
        let left = left(&redis.url())?;
        theirs.tasks = whole.saturating_sub(left);
        if left == 0 || Instant::now() > until {
            break;
        }
    }
    theirs.done_s = began.elapsed().as_secs_f64();
    theirs.redis.cpu_s = Usage::of(&[pid])?.cpu_s - before.cpu_s;
    let after = ledger::redis_info(&redis.url())?;
    theirs.commands = after.commands - info.commands;
    theirs.peak_bytes = after.peak_bytes;
    for worker in &mut workers {
        worker.terminate(STOP)?;
    }
    Ok(theirs)
}

fn start(
    options: &Options,
    folder: &Path,
    redis: &RedisServer,
    dir: &TempDir,
) -> Result<Vec<Spawned>> {
    let each = options.concurrency().div_ceil(PROCESSES).to_string();
    (0..PROCESSES)
        .map(|number| {
            let name = format!("bullmq-{number}");
            let mut command = node(folder)?;
            command.args(["work", &redis.url(), &each, &options.task_ms.to_string()]);
            Spawned::start(&name, &mut command, &dir.path().join(&name))
        })
        .collect()
}

/// Jobs that are not done: with `removeOnComplete` nothing else is left of them.
fn left(url: &str) -> Result<usize> {
    let mut connection = redis::Client::open(url)?.get_connection()?;
    let mut all = redis::pipe();
    all.cmd("LLEN").arg("bull:farm:wait");
    all.cmd("LLEN").arg("bull:farm:active");
    all.cmd("ZCARD").arg("bull:farm:waiting-children");
    all.cmd("ZCARD").arg("bull:farm:failed");
    let [waiting, active, parents, failed]: [usize; 4] = all.query(&mut connection)?;
    if failed > 0 {
        bail!("{failed} jobs of BullMQ failed");
    }
    Ok(waiting + active + parents)
}

fn node(folder: &Path) -> Result<Command> {
    let mut command = Command::new(find("node")?);
    command
        .args(["-e", SCRIPT])
        .env("NODE_PATH", modules(folder)?);
    Ok(command)
}

fn modules(folder: &Path) -> Result<PathBuf> {
    Ok(folder.join("node_modules").canonicalize()?)
}

fn version(folder: &Path) -> Result<String> {
    let text = std::fs::read(modules(folder)?.join("bullmq/package.json"))?;
    let package: serde_json::Value = serde_json::from_slice(&text)?;
    let version = package.get("version").and_then(serde_json::Value::as_str);
    Ok(version.context("no version")?.to_owned())
}
