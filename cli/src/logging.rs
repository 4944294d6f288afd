//! What is logged goes to stderr: little for client commands, more for servers.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::args::{Cli, LogFormat};
use crate::exit::Fault;
use crate::settings::Settings;

/// Servers say what they do; their libraries only what is wrong.
const SERVER_FILTER: &str =
    "warn,botflix=info,botflix_api=info,botflix_worker=info,botflix_common=info,botflix_media=info";
const CLIENT_FILTER: &str = "warn";

pub fn start(cli: &Cli, settings: &Settings) -> Result<(), Fault> {
    let default = if cli.command.serves() {
        SERVER_FILTER
    } else {
        CLIENT_FILTER
    };
    let wanted = cli
        .log
        .as_deref()
        .or(settings.log_filter.as_deref())
        .unwrap_or(default);
    let filter = EnvFilter::try_new(wanted)
        .map_err(|error| Fault::permanent("the log filter cannot be read").because(error))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_span_events(FmtSpan::NONE);
    let started = match cli.log_format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
    started.map_err(|error| Fault::permanent(format!("logging could not be started: {error}")))
}
