//! The processes of a farm under chaos and the one who starts them again, as systemd would.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio::task::JoinHandle;

use crate::process::{Binary, Signal, Spawned};

/// How often the supervisor looks, and how long a process that ended stays away.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const AWAY: Duration = Duration::from_millis(500);

/// How a process is started, each time.
#[derive(Clone, Debug)]
pub struct Recipe {
    pub name: String,
    pub program: PathBuf,
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    pub dir: PathBuf,
}

struct Process {
    recipe: Recipe,
    running: Option<Spawned>,
    /// Not to be started again before.
    not_before: Instant,
    /// Somebody else sees to it at the moment.
    left_alone: bool,
    starts: u32,
}

/// All processes, by name.
#[derive(Clone)]
pub struct Processes(Arc<Mutex<Vec<Process>>>);

/// Starts again what ended, until it is dropped.
pub struct Supervisor(JoinHandle<()>);

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Recipe {
    fn start(&self) -> Result<Spawned> {
        let mut command = Binary::at(&self.program).command();
        command.args(&self.args).current_dir(&self.dir);
        command.envs(self.env.iter().cloned());
        Spawned::start(&self.name, &mut command, &self.log())
    }

    pub fn log(&self) -> PathBuf {
        self.dir.join(format!("{}.log", self.name))
    }
}

impl Processes {
    pub fn start(recipes: Vec<Recipe>) -> Result<(Self, Supervisor)> {
        let start = |recipe: Recipe| {
            Ok(Process {
                running: Some(recipe.start()?),
                recipe,
                not_before: Instant::now(),
                left_alone: false,
                starts: 1,
            })
        };
        let all: Vec<Process> = recipes.into_iter().map(start).collect::<Result<_>>()?;
        let processes = Self(Arc::new(Mutex::new(all)));
        let supervised = processes.clone();
        let supervisor = Supervisor(tokio::spawn(async move {
            loop {
                supervised.look();
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }));
        Ok((processes, supervisor))
    }

    fn all(&self) -> MutexGuard<'_, Vec<Process>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, name: &str, see: impl FnOnce(&mut Process) -> Result<T>) -> Result<T> {
        let mut all = self.all();
        let found = all.iter_mut().find(|process| process.recipe.name == name);
        see(found.with_context(|| format!("no process {name}"))?)
    }

    fn look(&self) {
        for process in self.all().iter_mut().filter(|process| !process.left_alone) {
            if let Err(error) = process.look() {
                eprintln!("{}: {error:#}", process.recipe.name);
            }
        }
    }

    /// Of the process that runs now, or ran last.
    pub fn pid(&self, name: &str) -> Option<u32> {
        self.with(name, |process| {
            Ok(process.running.as_ref().map(Spawned::pid))
        })
        .ok()
        .flatten()
    }

    pub fn starts(&self, name: &str) -> u32 {
        self.with(name, |process| Ok(process.starts)).unwrap_or(0)
    }

    /// Whether it runs: one that has ended and is not started again yet does not.
    pub fn runs(&self, name: &str) -> bool {
        self.with(name, |process| match &mut process.running {
            Some(running) => Ok(running.exited()?.is_none()),
            None => Ok(false),
        })
        .unwrap_or(false)
    }

    /// False when it does not run.
    pub fn signal(&self, name: &str, signal: Signal) -> Result<bool> {
        self.with(name, |process| {
            let Some(running) = &mut process.running else {
                return Ok(false);
            };
            if running.exited()?.is_some() {
                return Ok(false);
            }
            running.signal(signal)?;
            Ok(true)
        })
    }

    /// SIGTERM; waits until it is gone; the supervisor starts it again. Its exit status, if it ran.
    pub async fn terminate(&self, name: &str, limit: Duration) -> Result<Option<bool>> {
        let taken = self.with(name, |process| {
            process.left_alone = true;
            Ok(process.running.take())
        })?;
        let ended = match taken {
            None => Ok(None),
            Some(mut running) => tokio::task::spawn_blocking(move || running.terminate(limit))
                .await?
                .map(|status| Some(status.success())),
        };
        self.with(name, |process| {
            process.left_alone = false;
            process.not_before = Instant::now();
            Ok(())
        })?;
        ended
    }

    /// Takes effect when it is started the next time.
    pub fn set_env(&self, name: &str, variable: &str, value: Option<&str>) -> Result<()> {
        self.with(name, |process| {
            process.recipe.env.retain(|(name, _)| name != variable);
            let set = value.map(|value| (variable.to_owned(), value.to_owned()));
            process.recipe.env.extend(set);
            Ok(())
        })
    }

    /// Everything that a process and those before it of the name printed.
    pub fn log(&self, name: &str) -> String {
        let path = self.with(name, |process| Ok(process.recipe.log()));
        path.and_then(|path| Ok(std::fs::read_to_string(path)?))
            .unwrap_or_default()
    }
}

impl Process {
    fn look(&mut self) -> Result<()> {
        if let Some(running) = &mut self.running {
            if running.exited()?.is_none() {
                return Ok(());
            }
            self.running = None;
            self.not_before = Instant::now() + AWAY;
        }
        if Instant::now() >= self.not_before {
            self.running = Some(self.recipe.start()?);
            self.starts += 1;
        }
        Ok(())
    }
}
