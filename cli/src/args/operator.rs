//! Words of the operators' commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use botflix_common::hash::Sha;
use botflix_common::task::{LaneKind, TaskKind};
use botflix_common::worker::SleepSchedule;

use super::DEFAULT_SERVER;
use super::farm::lane;
use crate::client::DEFAULT_PATIENCE_SECONDS;

#[derive(Args)]
pub struct OperatorTokenArgs {
    #[command(subcommand)]
    pub action: OperatorTokenAction,
}

#[derive(Subcommand)]
pub enum OperatorTokenAction {
    /// Make a new token
    Reset {
        /// The data folder of `botflix up`: the token goes to its file `operator-token`. Goes before --database
        #[arg(long, value_name = "DIR", required_unless_present = "database")]
        data: Option<PathBuf>,
        /// The database of `botflix api`: the token is printed, this once
        #[arg(
            long,
            value_name = "URL",
            env = "BOTFLIX_DATABASE_URL",
            hide_env_values = true
        )]
        database: Option<String>,
    },
}

/// Which farm, and as whom.
#[derive(Args)]
pub struct OperatorArgs {
    #[arg(
        long,
        value_name = "URL",
        global = true,
        default_value = DEFAULT_SERVER
    )]
    pub server: String,
    /// A file with the operator token, e.g. `operator-token` in the data folder of `up` [default: BOTFLIX_OPERATOR_TOKEN]
    #[arg(long, value_name = "FILE", global = true)]
    pub token_file: Option<PathBuf>,
    /// How long a server that does not answer is asked again
    #[arg(long, value_name = "SECONDS", global = true, default_value_t = DEFAULT_PATIENCE_SECONDS)]
    pub patience: u64,
    /// Print what the API answers
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Args)]
pub struct WorkerTokenArgs {
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(subcommand)]
    pub action: WorkerTokenAction,
}

#[derive(Subcommand)]
pub enum WorkerTokenAction {
    /// Make a token and print it, this once
    Create {
        /// Which hosts it is for
        #[arg(long)]
        name: String,
        /// After so many days nobody joins with it any more [default: never]
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
    },
    /// Every token, the revoked ones too
    List,
    /// Let nobody join with a token any more
    Revoke { id: String },
}

#[derive(Args)]
pub struct HousekeepingArgs {
    #[command(flatten)]
    pub operator: OperatorArgs,
    /// Put it away instead of listing it
    #[arg(long, conflicts_with_all = ["age_seconds"])]
    pub now: bool,
    /// List what was left alone for so long, whatever the farm's settings say; 0: whatever its age
    #[arg(long, value_name = "SECONDS")]
    pub age_seconds: Option<u64>,
}

#[derive(Args)]
pub struct QuarantineArgs {
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(subcommand)]
    pub action: QuarantineAction,
}

#[derive(Subcommand)]
pub enum QuarantineAction {
    /// Clips that killed three attempts of a task, the latest first
    List,
    /// Let renders use a clip again; one that was never inspected to the end is inspected anew
    Release {
        /// As `botflix quarantine list` shows it: `sha256:` and 64 hex digits
        clip: Sha,
    },
}

#[derive(Args)]
pub struct WorkersArgs {
    #[command(flatten)]
    pub operator: OperatorArgs,
    #[command(subcommand)]
    pub action: Option<WorkersAction>,
}

#[derive(Subcommand)]
pub enum WorkersAction {
    /// Take no new task; what runs goes on
    Pause {
        /// As `botflix workers` shows it
        name: String,
    },
    /// Take tasks again
    Resume {
        /// As `botflix workers` shows it
        name: String,
    },
    /// Take no new task, hand back what has not finished within the worker's grace; the process stays
    Drain {
        /// As `botflix workers` shows it
        name: String,
    },
    /// Have it take kinds of task again that it was taken off for failing at them
    Reinstate {
        /// As `botflix workers` shows it
        name: String,
        /// `inspect`, `conform`, `mix`, `assemble`, `check` or `package` [default: all]
        #[arg(long, value_name = "KIND", value_parser = task_kind)]
        kind: Option<TaskKind>,
    },
    /// End its processes when what they run has finished
    Stop {
        /// As `botflix workers` shows it
        name: String,
        /// Hand back what runs instead of finishing it
        #[arg(long)]
        now: bool,
    },
    /// Change settings; a setting that is not named stays, an empty one is as the worker's command line says
    Set(WorkerSetArgs),
    /// Forget one that is gone, with its settings
    Forget {
        /// As `botflix workers` shows it
        name: String,
    },
}

#[derive(Args)]
pub struct WorkerSetArgs {
    /// As `botflix workers` shows it
    pub name: String,
    /// In order of preference: `io`, `gpu`, `cpu`
    #[arg(long, value_name = "LIST", value_parser = or_empty_lanes)]
    pub lanes: Option<Lanes>,
    /// Tasks at once; 0: as its command line says
    #[arg(long, value_name = "N")]
    pub slots: Option<u32>,
    /// `low` leaves tasks to workers of normal priority as long as one is free
    #[arg(long, value_name = "WORD", value_parser = ["normal", "low"])]
    pub priority: Option<String>,
    /// Words to find it by
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub tags: Option<Vec<String>>,
    /// When it takes no new task, in UTC, e.g. "mon-fri 22:00-06:00, sun 00:00-24:00"
    #[arg(long, value_name = "WEEK", value_parser = or_empty_sleep)]
    pub sleep: Option<Sleep>,
}

fn task_kind(word: &str) -> Result<TaskKind, String> {
    TaskKind::parse(word).ok_or_else(|| {
        "a kind is one of: inspect, conform, mix, assemble, check, package".to_owned()
    })
}

/// `None`: given as nothing.
#[derive(Clone)]
pub struct Lanes(pub Option<Vec<LaneKind>>);

/// `None`: given as nothing.
#[derive(Clone)]
pub struct Sleep(pub Option<SleepSchedule>);

fn or_empty_lanes(words: &str) -> Result<Lanes, String> {
    if words.trim().is_empty() {
        return Ok(Lanes(None));
    }
    let lanes: Result<_, _> = words.split(',').map(|word| lane(word.trim())).collect();
    lanes.map(|lanes| Lanes(Some(lanes)))
}

fn or_empty_sleep(text: &str) -> Result<Sleep, String> {
    if text.trim().is_empty() {
        return Ok(Sleep(None));
    }
    let read = text.parse::<SleepSchedule>();
    read.map(|sleep| Sleep(Some(sleep)))
        .map_err(|error| error.to_string())
}
