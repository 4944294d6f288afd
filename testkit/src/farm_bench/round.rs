//! One round: a fresh farm, so many tasks queued, then the workers come and take them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use tokio_util::sync::CancellationToken;

use super::crew::Crews;
use super::ledger::{self, Counts, Times};
use super::load::Studio;
use super::options::Options;
use super::probe::{self, Felt};
use super::quantiles::Latencies;
use super::usage::Usage;
use crate::deadline;
use crate::farm::{DatabaseKind, Farm};
use crate::process::Binary;

/// Tasks of each film: one segment, sound, join, check, package.
pub(super) const TASKS_PER_RENDER: usize = 5;
/// Films sent one after the other to a farm that has nothing else to do.
const IDLE_FILMS: usize = 20;
const IDLE_PATIENCE: Duration = Duration::from_secs(60);
/// For all workers to say hello, on a busy machine.
const ASSEMBLY: Duration = Duration::from_secs(120);
/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(500);
/// One film in so many is the probe's, so that a slow farm still gets to its end.
const PROBES: usize = 10;
const FEWEST_PROBES: usize = 4;
const COUNT_EVERY: Duration = Duration::from_secs(2);
const INSPECTOR: &str = "inspector";
const INSPECTOR_STOP: Duration = Duration::from_secs(60);

/// What the parts of a farm used meanwhile.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Parts {
    pub api: Usage,
    pub postgres: Usage,
    pub redis: Usage,
    pub workers: Usage,
}

/// The figures of one round.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub renders: usize,
    pub tasks: usize,
    pub submit: Latencies,
    pub submit_s: f64,
    /// On an idle farm.
    pub idle: Times,
    pub film: Latencies,
    pub load: Times,
    pub felt: Felt,
    pub left: u64,
    pub bad: u64,
    /// Meanwhile; memory is the largest that was seen.
    pub parts: Parts,
    pub counts: Counts,
    pub slowest: Option<String>,
}

/// A farm whose director's clip is known and that has no worker.
async fn farm(options: &Options, renders: usize) -> Result<(Farm, Studio)> {
    let botflix = options.botflix.clone().context("--botflix")?;
    let builder = Farm::builder(Binary::at(botflix.canonicalize()?));
    let builder = builder.database(DatabaseKind::DurablePostgres);
    let mut farm = builder.workers(&[INSPECTOR]).start().await?;
    let studio = Studio::open(&farm.client()?, renders).await?;
    farm.worker(INSPECTOR)?.terminate(INSPECTOR_STOP)?;
    Ok((farm, studio))
}

pub(super) async fn run(options: &Options, tasks: usize) -> Result<Figures> {
    let renders = tasks.div_ceil(TASKS_PER_RENDER);
    let (mut farm, studio) = farm(options, renders + IDLE_FILMS).await?;
    let mut figures = Figures {
        renders,
        tasks: renders * TASKS_PER_RENDER,
        ..Figures::default()
    };

    let idle = Crews::start(&farm, options)?;
    assembled(&farm, options.workers).await?;
    let since = ledger::now_ms(&farm)?;
    figures.film = idle_films(&studio).await?;
    figures.idle = ledger::times(&farm, since)?;
    idle.stop().await;

    eprintln!("{tasks} tasks: queueing {renders} renders");
    let films = IDLE_FILMS..IDLE_FILMS + renders;
    let (submit, submit_took) = studio.send(films.clone()).await?;
    (figures.submit, figures.submit_s) = (submit, submit_took.as_secs_f64());

    eprintln!("{tasks} tasks: the workers come");
    ledger::begin(&farm)?;
    let (since, counts) = (ledger::now_ms(&farm)?, ledger::counts(&farm)?);
    let working = Crews::start(&farm, options)?;
    let before = parts(&mut farm, &working)?;
    let stop = CancellationToken::new();
    // A task of its own: looking at processes and at SQL blocks this one.
    let told = stop.clone();
    let more = films.end..films.end + (renders / PROBES).max(FEWEST_PROBES);
    let probing = tokio::spawn(async move { probe::probe(&studio, more, told).await });
    let used = drain(&mut farm, &working, options, stop).await?;
    (figures.felt, figures.parts) = (probing.await??, used.since(&before));
    figures.load = ledger::times(&farm, since)?;
    figures.counts = ledger::counts(&farm)?.since(&counts);
    figures.left = ledger::unfinished(&farm)?;
    figures.bad = ledger::ended_badly(&farm)?;
    if options.statements {
        figures.slowest = Some(ledger::slowest(&farm)?);
    }
    working.stop().await;
    Ok(figures)
}

/// Until nothing is left or the window is over; returns what was used by then.
async fn drain(
    farm: &mut Farm,
    crews: &Crews,
    options: &Options,
    stop: CancellationToken,
) -> Result<Parts> {
    // Also when an error ends this first.
    let _ends_the_probe = stop.clone().drop_guard();
    let until = Instant::now() + Duration::from_secs(options.window_s);
    let mut used = parts(farm, crews)?;
    let mut counted = Instant::now();
    while Instant::now() < until {
        tokio::time::sleep(LOOK).await;
        used = parts(farm, crews)?.at_least(&used);
        // Counting costs the database something: seldom.
        if counted.elapsed() < COUNT_EVERY {
            continue;
        }
        counted = Instant::now();
        match ledger::unfinished(farm)? {
            0 => break,
            // Those that the probe has just sent.
            few if few <= 2 * TASKS_PER_RENDER as u64 => stop.cancel(),
            _ => {}
        }
    }
    Ok(used)
}

async fn assembled(farm: &Farm, workers: usize) -> Result<()> {
    let client = farm.client()?;
    deadline::until("all workers are known", ASSEMBLY, async || {
        let page = client
            .request(reqwest::Method::GET, "/metrics")
            .send()
            .await?;
        let text = page.text().await?;
        let serving = text
            .lines()
            .find_map(|line| line.strip_prefix("botflix_workers{state=\"serving\"} "))
            .and_then(|count| count.trim().parse::<usize>().ok());
        Ok((serving == Some(workers)).then_some(()))
    })
    .await
}

async fn idle_films(studio: &Studio) -> Result<Latencies> {
    let mut took = Vec::new();
    for number in 0..IDLE_FILMS {
        let (director, manifest) = studio.film(number)?;
        let asked = Instant::now();
        let render = director.submit(&manifest).await?;
        director.published(render.id, IDLE_PATIENCE).await?;
        took.push(asked.elapsed());
    }
    Ok(Latencies::of(took))
}

fn parts(farm: &mut Farm, crews: &Crews) -> Result<Parts> {
    let postgres = farm.postgres().context("no Postgres")?.pid();
    Ok(Parts {
        postgres: Usage::of(&[postgres])?,
        redis: Usage::of(&[farm.redis.pid().context("no Redis")?])?,
        api: Usage::of(&[farm.api()?.pid()])?,
        workers: Usage::of(&crews.pids())?,
    })
}

impl Parts {
    fn both(self, other: &Self, join: impl Fn(Usage, Usage) -> Usage) -> Self {
        Self {
            api: join(self.api, other.api),
            postgres: join(self.postgres, other.postgres),
            redis: join(self.redis, other.redis),
            workers: join(self.workers, other.workers),
        }
    }

    fn at_least(self, other: &Self) -> Self {
        self.both(other, |one, other| Usage {
            cpu_s: one.cpu_s.max(other.cpu_s),
            bytes: one.bytes.max(other.bytes),
        })
    }

    fn since(self, before: &Self) -> Self {
        self.both(before, |one, before| Usage {
            cpu_s: one.cpu_s - before.cpu_s,
            bytes: one.bytes,
        })
    }
}

impl Counts {
    fn since(self, before: &Self) -> Self {
        Self {
            transactions: self.transactions - before.transactions,
            statements: self.statements - before.statements,
            redis_commands: self.redis_commands - before.redis_commands,
            ..self
        }
    }
}
