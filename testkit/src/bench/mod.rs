//! `make bench`: the same films made by BotFlix and by what people use today, side by side in one run, and every film checked.
//!
//! Nothing here is timed in a test, and nothing of the product is linked in: ours is the released program, started like the others.

mod cases;
mod claps;
mod contestant;
mod counter;
mod edit;
mod goals;
mod judge;
mod long;
pub(crate) mod machine;
mod material;
mod meter;
mod options;
mod quality;
mod rounds;
mod table;

use std::io::Write as _;

use anyhow::{Result, bail};
use clap::Parser as _;

use self::contestant::Stage;
use self::goals::Results;
use self::options::{Options, Scale};
use crate::process::Binary;

/// Reads the command line, measures, and prints the report.
pub fn run() -> Result<()> {
    let options = Options::parse();
    std::fs::create_dir_all(&options.dir)?;
    let dir = options.dir.canonicalize()?;
    let stage = Stage {
        botflix: Binary::at(options.botflix.canonicalize()?),
        // Not resolved: a virtual environment is recognized by the link.
        python: std::path::absolute(&options.python)?,
        clips: dir.join("clips"),
        scratch: dir.join("scratch"),
    };
    let scale = options.scale();
    say(&machine::description(&stage)?)?;
    if options.quality {
        return quality::measure_all(&stage, &options.clip, options.quick);
    }
    if options.long {
        return long::run(&stage, scale);
    }
    compare(&options, &stage, scale)
}

fn compare(options: &Options, stage: &Stage, scale: Scale) -> Result<()> {
    let mut cases = cases::cases(scale, options.quick);
    let names: Vec<&str> = cases.iter().map(|case| case.name).collect();
    if let Some(unknown) = options
        .case
        .iter()
        .find(|one| !names.contains(&one.as_str()))
    {
        bail!(
            "no case is called {unknown}; there are: {}",
            names.join(", ")
        );
    }
    cases.retain(|case| options.case.is_empty() || options.case.iter().any(|one| one == case.name));
    material::make(&cases::clips(scale), &stage.clips)?;
    let mut warmed = Vec::new();
    let mut results = Results { cases: Vec::new() };
    for mut case in cases {
        if let Some(who) = &options.who {
            case.contestants.retain(|one| one.label().contains(who));
        }
        let lines = rounds::run(&case, stage, scale, &mut warmed)?;
        say(&table::case(&case.title, &lines))?;
        results.cases.push((case.name, case.edit.seconds(), lines));
    }
    let mut goals = goals::goals(&results);
    if !options.case.is_empty() || options.who.is_some() {
        goals.retain(|goal| goal.measured.is_some());
    }
    say(&table::goals(&goals))?;
    std::fs::remove_dir_all(&stage.scratch)?;
    if options.quick {
        say("The goals are meant for the full size; short films show what starting costs.\n")?;
    }
    Ok(())
}

/// The report goes to stdout a part at a time, so that an interrupted run has shown what it had.
fn say(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
