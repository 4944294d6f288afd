//! Processes of simulated workers: one runs many, each with connections of its own.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use botflix_common::storage::Storage;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::node;
use super::options::{Crew, Options};
use crate::farm::Farm;
use crate::process::{Spawned, tail};

/// What runs may end, and goodbyes are said.
const STOP: Duration = Duration::from_secs(30);
const LOG_LINES: usize = 20;

/// Until SIGTERM.
pub(super) async fn run(crew: &Crew) -> Result<()> {
    let mut told = signal(SignalKind::terminate())?;
    let members = Members::start(crew)?;
    told.recv().await;
    members.stop().await;
    Ok(())
}

/// Simulated workers of this process.
struct Members {
    stop: CancellationToken,
    tracker: TaskTracker,
}

impl Members {
    fn start(crew: &Crew) -> Result<Self> {
        let storage = Storage::open(&crew.storage)?;
        let (stop, tracker) = (CancellationToken::new(), TaskTracker::new());
        for number in crew.first..crew.first + crew.workers {
            let (crew, storage, stop) = (crew.clone(), storage.clone(), stop.clone());
            tracker.spawn(async move {
                if let Err(error) = node::run(&crew, storage, number, stop).await {
                    eprintln!("sim-{number}: {error:#}");
                }
            });
        }
        Ok(Self { stop, tracker })
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// All simulated workers, as the bench holds them.
pub(super) struct Crews {
    processes: Vec<Spawned>,
    /// Those of the bench's own process, when no other is wanted.
    here: Option<Members>,
}

impl Crews {
    pub fn start(farm: &Farm, options: &Options) -> Result<Self> {
        let crew = |first, workers| Crew {
            redis: farm.redis.url(),
            storage: farm.storage_url().to_owned(),
            first,
            workers,
            slots: options.slots,
            task_ms: options.task_ms,
        };
        let mut started = Self {
            processes: Vec::new(),
            here: None,
        };
        if options.crews == 0 {
            started.here = Some(Members::start(&crew(0, options.workers))?);
            return Ok(started);
        }
        let each = options.workers.div_ceil(options.crews).max(1);
        for first in (0..options.workers).step_by(each) {
            let crew = crew(first, each.min(options.workers - first));
            started.processes.push(crew.spawn(farm)?);
        }
        Ok(started)
    }

    pub fn pids(&self) -> Vec<u32> {
        if self.here.is_some() {
            return vec![std::process::id()];
        }
        self.processes.iter().map(Spawned::pid).collect()
    }

    /// What they complained of goes to stderr: figures of a round with many complaints say little.
    pub async fn stop(mut self) {
        if let Some(members) = self.here {
            members.stop().await;
        }
        for crew in &mut self.processes {
            if let Err(error) = crew.terminate(STOP) {
                eprintln!("{error:#}");
            }
            let log = crew.log();
            if !log.trim().is_empty() {
                eprintln!("{} said:\n{}", crew.name(), tail(&log, LOG_LINES));
            }
        }
    }
}

impl Crew {
    fn spawn(&self, farm: &Farm) -> Result<Spawned> {
        let name = format!("crew-{}", self.first);
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("crew");
        for (word, value) in [
            ("--redis", self.redis.clone()),
            ("--storage", self.storage.clone()),
            ("--first", self.first.to_string()),
            ("--workers", self.workers.to_string()),
            ("--slots", self.slots.to_string()),
            ("--task-ms", self.task_ms.to_string()),
        ] {
            command.args([word, &value]);
        }
        let log = farm.dir().join(format!("{name}.log"));
        Spawned::start(&name, &mut command, &log)
    }
}
