//! The words of `make chaos`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Parser, ValueEnum};

use super::Settings;
use crate::farm::DatabaseKind;
use crate::process::Binary;

/// Hurts a farm of real processes in every way of the fault matrix, and says in Markdown what was true afterwards. Exit code 1: not all that should be.
#[derive(Debug, Parser)]
#[command(name = "chaos")]
struct Options {
    /// The program that is hurt
    #[arg(long, value_name = "PATH")]
    botflix: PathBuf,
    /// Decides which fault comes when, whom it hits and how long [default: drawn]
    #[arg(long)]
    seed: Option<u64>,
    /// At least so long, and until every fault happened once
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    #[arg(long, value_enum, default_value_t = Database::Both)]
    database: Database,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Database {
    Postgres,
    Sqlite,
    /// One after the other, each for the whole time
    Both,
}

impl Database {
    fn kinds(self) -> &'static [DatabaseKind] {
        match self {
            Self::Postgres => &[DatabaseKind::Postgres],
            Self::Sqlite => &[DatabaseKind::Sqlite],
            Self::Both => &[DatabaseKind::Postgres, DatabaseKind::Sqlite],
        }
    }
}

/// What the program `chaos` does.
pub async fn run() -> Result<()> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    let mut held = true;
    for &database in options.database.kinds() {
        let settings = Settings {
            binary: Binary::at(std::path::absolute(&options.botflix)?),
            seed,
            database,
            time: Duration::from_secs_f64(options.minutes * 60.0),
            only: Vec::new(),
            without: Vec::new(),
        };
        eprintln!("SEED={seed} {database:?}");
        let run = super::run(&settings).await?;
        println!("{}", run.markdown());
        held &= run.verdict.holds();
    }
    if !held {
        bail!("not all held: SEED={seed} plays it again");
    }
    Ok(())
}
