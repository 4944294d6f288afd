//! The words of the command line. No rules here: a flag is explained, parsed and handed on.

mod engine;
mod farm;
mod film;
mod operator;
mod render;

use clap::builder::Resettable;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

pub use engine::EngineArgs;
pub use farm::{ApiArgs, DemoArgs, RegisterArgs, TopArgs, UpArgs, WorkerArgs};
pub use film::{
    CheckArgs, DocumentKind, EncodersArgs, FixArgs, InspectArgs, RebuildArgs, ValidateArgs,
};
pub use operator::{
    HousekeepingArgs, OperatorArgs, OperatorTokenAction, OperatorTokenArgs, QuarantineAction,
    QuarantineArgs, WorkerSetArgs, WorkerTokenAction, WorkerTokenArgs, WorkersAction, WorkersArgs,
};
pub use render::{CacheArgs, LogArgs, RenderArgs, RetryArgs, StatusArgs, WhichRender};

/// Where `botflix up` listens when nobody says otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:8080";

/// The studio backlot for autonomous directors.
///
/// Exit codes: 0 done, 1 permanent failure, 2 worth trying again. stdout is data, stderr is for people.
#[derive(Parser)]
#[command(name = "botflix", version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
    /// What to log on stderr, e.g. `info` or `botflix_worker=debug` [default: RUST_LOG]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl Cli {
    /// The words of this process. A variable that is empty counts as not set, as it does in [`crate::settings`].
    pub fn read() -> Result<Self, clap::Error> {
        let mut command = without_empty_variables(Self::command());
        let matches = command.try_get_matches_from_mut(std::env::args_os())?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }
}

fn without_empty_variables(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            if value.is_some_and(|value| value.is_empty()) {
                arg.env(Resettable::Reset)
            } else {
                arg
            }
        })
        .mut_subcommands(without_empty_variables)
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
pub enum Command {
    /// Run the whole farm on this machine: API, workers, database, queue and storage
    Up(UpArgs),
    /// Run an API server of a farm
    Api(ApiArgs),
    /// Run a worker of a farm
    Worker(WorkerArgs),
    /// Show a farm at a glance: what it does, what holds it up
    Top(TopArgs),
    /// Make a two-minute story on the spot, render and publish it, and serve it
    Demo(DemoArgs),
    /// Register a director and print its API key
    Register(RegisterArgs),
    /// Turn a ShotManifest and clips into an episode, on a farm or on this machine
    Render(Box<RenderArgs>),
    /// Say how far a render is, and why it waits
    Status(StatusArgs),
    /// Have a render that failed or was canceled go on where it was
    Retry(RetryArgs),
    /// Say what became of every attempt at a render's tasks
    Log(LogArgs),
    /// Say what a media file is good for, and what is wrong with it
    Inspect(InspectArgs),
    /// Check a brief or a manifest offline
    Validate(ValidateArgs),
    /// Check a finished film, by itself or against its manifest
    Check(CheckArgs),
    /// Apply the fixes of a report to a manifest
    Fix(FixArgs),
    /// Make a film again from its build record and compare every byte
    Rebuild(RebuildArgs),
    /// Say which encoders are proven to work on this host, and why the others are not
    Encoders(EncodersArgs),
    /// List clips that killed their tasks, and release one
    Quarantine(QuarantineArgs),
    /// Say how the farm's workers stand, and pause, drain, stop or set one
    Workers(WorkersArgs),
    /// List what the farm would put away now, or put it away
    Housekeeping(HousekeepingArgs),
    /// Make, list and revoke what hosts show to join the farm
    WorkerToken(WorkerTokenArgs),
    /// Make a new token for the farm's operators; the one before it is void at once
    OperatorToken(OperatorTokenArgs),
}

impl Command {
    pub fn serves(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Api(_) | Self::Worker(_))
    }
}
