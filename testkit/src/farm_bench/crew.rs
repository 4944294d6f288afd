//! Processes of simulated workers: one runs many, each with connections of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use botflix_common::storage::Storage;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::node;
use super::options::{Crew, Options};
use crate::farm::Farm;
use crate::process::Spawned;

/// What runs may end, and goodbyes are said.
const STOP: Duration = Duration::from_secs(30);

/// Until SIGTERM.
pub(super) async fn run(crew: &Crew) -> Result<()> {
    let storage = Storage::open(&crew.storage)?;
    let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
    let mut told = signal(SignalKind::terminate())?;
    for number in crew.first..crew.first + crew.workers {
        let (crew, storage, stop) = (crew.clone(), storage.clone(), stop.clone());
        tracker.spawn(async move {
            if let Err(error) = node::run(&crew, storage, number, stop).await {
                eprintln!("sim-{number}: {error:#}");
            }
        });
    }
    told.recv().await;
    stop.cancel();
    tracker.close();
    tracker.wait().await;
    Ok(())
}

/// The processes, as the bench holds them.
pub(super) struct Crews(Vec<Spawned>);

impl Crews {
    pub fn start(farm: &Farm, options: &Options) -> Result<Self> {
        let mut started = Vec::new();
        let workers = options.workers;
        let each = workers.div_ceil(options.crews.max(1));
        for first in (0..workers).step_by(each.max(1)) {
            let name = format!("crew-{first}");
            let mut command = Command::new(std::env::current_exe()?);
            command.arg("crew");
            let count = each.min(workers - first);
            for (word, value) in [
                ("--redis", farm.redis.url()),
                ("--storage", farm.storage_url().to_owned()),
                ("--first", first.to_string()),
                ("--workers", count.to_string()),
                ("--slots", options.slots.to_string()),
                ("--task-ms", options.task_ms.to_string()),
            ] {
                command.args([word, &value]);
            }
            let log = farm.dir().join(format!("{name}.log"));
            started.push(Spawned::start(&name, &mut command, &log)?);
        }
        Ok(Self(started))
    }

    pub fn pids(&self) -> Vec<u32> {
        self.0.iter().map(Spawned::pid).collect()
    }

    /// An error when one of them complained: then the figures say nothing.
    pub fn stop(mut self) -> Result<()> {
        for crew in &mut self.0 {
            crew.terminate(STOP)?;
            let log = crew.log();
            if !log.trim().is_empty() {
                bail!(
                    "{} complained:\n{}",
                    crew.name(),
                    crate::process::tail(&log, 20)
                );
            }
        }
        Ok(())
    }
}
