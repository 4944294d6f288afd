//! `botflix`: the one binary. A table of contents; every command is a file in [`commands`].
//!
//! Words and exit codes are a contract: 0 done, 1 permanent failure, 2 worth trying again. stdout is data, stderr is for people.

mod args;
mod cache;
mod client;
mod commands;
mod demo;
mod embedded;
mod exit;
mod finished;
mod fixes;
mod join;
mod logging;
mod process;
mod settings;
mod show;
mod signals;
mod sources;
mod top;

use botflix_common::fail_point::{self, Traps};
use clap::error::ErrorKind;

use args::{Cli, Command};
use exit::{Exit, Fault};
use settings::Settings;

fn main() -> Exit {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    match start(cli) {
        Ok(exit) => exit,
        Err(fault) => fault.tell(),
    }
}

fn start(cli: Cli) -> Result<Exit, Fault> {
    let settings = Settings::read();
    logging::start(&cli, &settings)?;
    if let Some(words) = &settings.test_fail_points {
        let traps = Traps::parse(words)
            .map_err(|error| Fault::permanent("BOTFLIX_TEST_FAIL_POINTS").because(error))?;
        tracing::warn!(%traps, "this process will die where a test wants it to");
        fail_point::arm(traps);
    }
    // One provider for the whole process: two compiled in and none chosen is a panic at the first handshake.
    if rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .is_err()
    {
        return Err(Fault::permanent("another TLS provider was installed first"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::permanent("no runtime could be started").because(error))?;
    runtime.block_on(run(cli.command, settings))
}

async fn run(command: Command, settings: Settings) -> Result<Exit, Fault> {
    match command {
        Command::Up(args) => commands::up::run(args, settings).await,
        Command::Api(args) => commands::api::run(args, settings).await,
        Command::Worker(args) => commands::worker::run(args, settings).await,
        Command::Top(args) => commands::top::run(args).await,
        Command::Demo(args) => commands::demo::run(args).await,
        Command::Register(args) => commands::register::run(args).await,
        Command::Render(args) => commands::render::run(*args, settings).await,
        Command::Status(args) => commands::status::run(args, settings).await,
        Command::Retry(args) => commands::retry::run(args, settings).await,
        Command::Log(args) => commands::log::run(args, settings).await,
        Command::Inspect(args) => commands::inspect::run(args).await,
        Command::Validate(args) => commands::validate::run(args),
        Command::Check(args) => commands::check::run(args, settings).await,
        Command::Fix(args) => commands::fix::run(&args),
        Command::Rebuild(args) => commands::rebuild::run(args).await,
        Command::Quarantine(args) => commands::quarantine::run(args, settings).await,
        Command::Workers(args) => commands::workers::run(args, settings).await,
        Command::Housekeeping(args) => commands::housekeeping::run(args, settings).await,
        Command::WorkerToken(args) => commands::worker_token::run(args, settings).await,
        Command::OperatorToken(args) => commands::operator_token::run(args).await,
        Command::Encoders(args) => commands::encoders::run(args).await,
    }
}

/// Help and version are answers; everything else about the command line is a mistake that stays one: 1, because 2 says "try again".
fn explain(error: &clap::Error) -> Exit {
    if let Err(unwritable) = error.print() {
        return Fault::permanent("the help could not be written")
            .because(unwritable)
            .tell();
    }
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Failed,
    }
}
