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

use anyhow::Result;
use clap::Parser as _;

use self::options::{Options, Role};

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

fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
