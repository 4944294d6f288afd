//! `with-s3 COMMAND…`: runs a command that finds an S3 server in its environment (`BOTFLIX_TEST_S3` and `AWS_…`), then ends the server.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use botflix_testkit::S3Server;

fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("with-s3 COMMAND…")?;
    let server = S3Server::start()?;
    let mut command = Command::new(program);
    command
        .args(words)
        .env("BOTFLIX_TEST_S3", server.url())
        .envs(server.env());
    let status = command.status()?;
    // More than 255 does not fit, and a signal has no code: both are a failure.
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Ok(ExitCode::from(code))
}
