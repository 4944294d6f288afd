//! `make bench-farm`: what the control plane costs for each task when nothing is rendered, and how that grows with what is queued.
//!
//! Redis, Postgres and the API are the real ones; workers are simulated ([`node`]). Nothing of the product is linked in but its contract and
//! its queue, and nothing here is timed in a test.

mod bullmq;
mod crew;
mod ledger;
mod load;
mod machine;
mod node;
mod noop;
mod options;
mod probe;
mod quantiles;
mod round;
mod table;
mod usage;

use std::io::Write as _;

use anyhow::{Result, bail};
use clap::Parser as _;

use self::options::{Options, Role};
use crate::process::Binary;

/// Twenty films.
const SMOKE_TASKS: usize = 100;
/// Far more than they take, also on a busy machine.
const SMOKE_WINDOW_S: u64 = 180;

/// Reads the command line, measures, and prints the report.
pub fn run() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let options = Options::parse().settled();
    match &options.role {
        Some(Role::Crew(crew)) => runtime.block_on(crew::run(crew)),
        None => runtime.block_on(measure(&options)),
    }
}

async fn measure(options: &Options) -> Result<()> {
    say(&machine::description(options)?)?;
    let mut rounds = Vec::new();
    for tasks in &options.tasks {
        rounds.push(round::run(options, *tasks).await?);
        // The whole table after each round, so that an interrupted run has shown what it had.
        say(&table::rounds(&rounds))?;
    }
    if let Some(folder) = &options.bullmq {
        say(&bullmq::compare(options, folder, &rounds)?)?;
    }
    Ok(())
}

/// A small round with its workers in this process, so that a test sees when the bench no longer fits the farm; an error when not all of it
/// came to its end.
pub async fn smoke(botflix: &Binary) -> Result<String> {
    let words = ["bench-farm".as_ref(), "--botflix".as_ref(), botflix.path()];
    let mut options = Options::try_parse_from(words)?;
    (options.workers, options.crews, options.task_ms) = (10, 0, 5);
    options.window_s = SMOKE_WINDOW_S;
    let figures = round::run(&options, SMOKE_TASKS).await?;
    let report = table::rounds(std::slice::from_ref(&figures));
    if figures.load.tasks < SMOKE_TASKS as u64 || figures.bad > 0 {
        bail!("not all tasks came to a good end:\n{report}");
    }
    Ok(report)
}

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
