//! Chaos: a farm of real processes at work, hurt by every fault of the matrix in turn, and what is true of it afterwards.
//!
//! The seed decides which fault comes when, whom it hits and how long; a machine's pace decides the rest. [`faults`] hurt, [`load`] is what the
//! directors want meanwhile, [`verdict`] judges by SQL, Redis and storage.

pub mod faults;
mod host;
mod ledger;
pub mod load;
mod options;
pub mod process;
mod report;
mod stage;
pub mod story;
pub mod verdict;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use fastrand::Rng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use faults::{Drawn, Kind};
pub use ledger::Ledger;
use load::Directors;
pub use options::run as main;
use report::Happened;
pub use report::Run;
pub use stage::{Plan, Stage};

use crate::farm::DatabaseKind;
use crate::process::Binary;

const DIRECTORS: u32 = 4;
/// Between the beginnings of two faults, where they overlap.
const GAP_MS: std::ops::Range<u64> = 800..3500;
/// Between the recovery from one fault and the next, where each comes alone.
const CALM: Duration = Duration::from_secs(2);
/// A fault from which there is no recovery for so long is not waited for any more.
const ALONE: Duration = Duration::from_secs(90);
/// How often it is looked whether what a fault hit has come to its end.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// From the last fault until everything that was accepted has ended.
const SETTLES: Duration = Duration::from_secs(300);
/// Longest fault, taken back included.
const FAULT_LIMIT: Duration = Duration::from_secs(700);
/// How long a fault that comes alone waits for somebody to hurt.
const WORK_COMES: Duration = Duration::from_secs(20);

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Settings {
    pub binary: Binary,
    pub seed: u64,
    pub database: DatabaseKind,
    /// Every fault that applies happens once, in any case. If that is quicker, faults go on for so long; and if this is not 0, then each comes
    /// alone the first time, after the recovery from the one before, which shows how long that takes.
    pub time: Duration,
    /// Only these, where it is not empty.
    pub only: Vec<Kind>,
    /// Not these.
    pub without: Vec<Kind>,
}

/// Sets up a farm, hurts it, and judges.
pub async fn run(settings: &Settings) -> Result<Run> {
    let (apis, title) = match settings.database {
        DatabaseKind::Postgres | DatabaseKind::DurablePostgres => {
            (2, "Postgres, S3, 2 APIs, 3 workers")
        }
        DatabaseKind::Sqlite => (1, "SQLite, files, 1 API, 3 workers"),
    };
    let plan = Plan {
        binary: settings.binary.clone(),
        database: settings.database,
        apis,
        workers: 3,
        slots: 2,
        hurts_host: true,
        env: Vec::new(),
    };
    let stage = Arc::new(Stage::set(&plan).await?);
    let directors = Directors::new(&stage.bases);
    let at_work = directors.work(settings.seed, DIRECTORS).await?;
    let began = Instant::now();
    let storm = Storm {
        stage: Arc::clone(&stage),
        directors: directors.clone(),
        busy: Arc::default(),
    };
    let happened = storm.rage(settings).await?;
    let lasted = began.elapsed();
    let settled = settle(&stage, &directors, at_work).await;
    let book = directors.close();
    let verdict = verdict::judge(&stage, &book).await?;
    let processes = stage.apis.iter().chain(&stage.workers);
    let run = Run {
        seed: settings.seed,
        title: title.to_owned(),
        lasted,
        settled,
        happened,
        uploads: book.uploads,
        answers_lost: book.answers_lost,
        poisoned_by_chance: book.poisoned_by_chance,
        starts: processes.map(|name| stage.processes.starts(name)).sum(),
        verdict,
    };
    if !run.verdict.holds() {
        keep_logs(&stage);
    }
    Ok(run)
}

/// Directors finish what they are at; then nothing moves any more.
pub async fn settle(stage: &Stage, directors: &Directors, mut at_work: JoinSet<()>) -> Duration {
    let since = Instant::now();
    directors.stop.cancel();
    let all_done = async {
        while at_work.join_next().await.is_some() {}
        while !matches!(stage.ledger.in_flight().await, Ok(tasks) if tasks.is_empty()) {
            sleep(LOOK_EVERY).await;
        }
        // What the last report set in motion: acknowledgements, inputs put away.
        sleep(Duration::from_secs(8)).await;
    };
    if timeout(SETTLES, all_done).await.is_err() {
        directors
            .book()
            .wrong
            .push(format!("not settled after {SETTLES:?}"));
    }
    since.elapsed()
}

/// The faults of one run.
struct Storm {
    stage: Arc<Stage>,
    directors: Directors,
    /// What is being hurt.
    busy: Arc<Mutex<HashSet<String>>>,
}

impl Storm {
    async fn rage(&self, settings: &Settings) -> Result<Vec<Happened>> {
        let mut rng = Rng::with_seed(settings.seed);
        let wanted = |kind: &Kind| {
            kind.applies(&self.stage)
                && (settings.only.is_empty() || settings.only.contains(kind))
                && !settings.without.contains(kind)
        };
        let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(wanted).collect();
        let (end, mut running, mut left) = (
            Instant::now() + settings.time,
            JoinSet::new(),
            kinds.clone(),
        );
        rng.shuffle(&mut left);
        let mut happened = Vec::new();
        let mut alone = !settings.time.is_zero();
        loop {
            let kind = match left.pop() {
                Some(kind) => kind,
                None if Instant::now() < end => {
                    left.clone_from(&kinds);
                    rng.shuffle(&mut left);
                    alone = false;
                    continue;
                }
                None => break,
            };
            let drawn = kind.draw(&self.stage, &mut rng);
            let gap = Duration::from_millis(rng.u64(GAP_MS));
            self.wait_for_room(&drawn).await;
            if alone {
                self.wait_for_work().await;
            }
            eprintln!(
                "{:>6.1} s  {} {} {:?}",
                (end - settings.time).elapsed().as_secs_f64(),
                kind.name(),
                drawn.target,
                drawn.lasts
            );
            let fault = one(
                Arc::clone(&self.stage),
                self.directors.clone(),
                Arc::clone(&self.busy),
                drawn,
                alone,
            );
            if alone {
                let mut fault = tokio::spawn(fault);
                match timeout(ALONE, &mut fault).await {
                    Ok(done) => happened.push(done??),
                    Err(_) => drop(running.spawn(async move { fault.await? })),
                }
                sleep(CALM).await;
            } else {
                running.spawn(fault);
                sleep(gap).await;
            }
        }
        while let Some(one) = running.join_next().await {
            happened.push(one??);
        }
        Ok(happened)
    }

    /// One that hits nothing shows nothing.
    async fn wait_for_work(&self) {
        let work = async {
            while !matches!(self.stage.ledger.of_good_clips().await, Ok(tasks) if tasks.len() > 1) {
                sleep(LOOK_EVERY).await;
            }
        };
        if timeout(WORK_COMES, work).await.is_err() {
            eprintln!("nobody is at work: the next fault may hit nothing");
        }
    }

    /// No two faults hurt the same thing at once.
    async fn wait_for_room(&self, drawn: &Drawn) {
        let touches = drawn.touches(&self.stage);
        loop {
            {
                let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
                if !touches.iter().any(|name| busy.contains(name)) {
                    busy.extend(touches);
                    return;
                }
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

async fn one(
    stage: Arc<Stage>,
    directors: Directors,
    busy: Arc<Mutex<HashSet<String>>>,
    drawn: Drawn,
    alone: bool,
) -> Result<Happened> {
    let began = Instant::now();
    let hit = stage.ledger.of_good_clips().await.unwrap_or_default();
    let hit: BTreeSet<String> = hit.into_iter().collect();
    let done = timeout(FAULT_LIMIT, drawn.happen(&stage, &directors)).await;
    {
        let mut busy = busy.lock().unwrap_or_else(PoisonError::into_inner);
        for name in drawn.touches(&stage) {
            busy.remove(&name);
        }
    }
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => directors
            .book()
            .wrong
            .push(format!("{}: {error:#}", drawn.kind.name())),
        Err(_) => bail!("{} did not end within {FAULT_LIMIT:?}", drawn.kind.name()),
    }
    let healed = async {
        loop {
            if let Ok(unfinished) = stage.ledger.unfinished().await
                && !unfinished.iter().any(|task| hit.contains(task))
            {
                return began.elapsed();
            }
            sleep(LOOK_EVERY).await;
        }
    };
    Ok(Happened {
        kind: drawn.kind,
        alone,
        recovery: timeout(SETTLES, healed).await.ok(),
        hit: hit.len(),
    })
}

/// Beside the build, for whoever looks into it.
fn keep_logs(stage: &Stage) {
    let kept = std::env::temp_dir().join(format!("botflix-chaos-logs-{}", std::process::id()));
    let copied = std::fs::create_dir_all(&kept)
        .context("a folder")
        .and_then(|()| {
            for name in stage.apis.iter().chain(&stage.workers) {
                std::fs::write(kept.join(format!("{name}.log")), stage.processes.log(name))?;
            }
            Ok(())
        });
    match copied {
        Ok(()) => eprintln!("the logs are in {}", kept.display()),
        Err(error) => eprintln!("the logs are lost: {error:#}"),
    }
}
