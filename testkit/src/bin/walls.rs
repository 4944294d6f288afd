//! `walls [ROOT]`: prints what stands in the wrong room and fails if anything does.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use botflix_testkit::walls;

fn main() -> Result<ExitCode> {
    let root = std::env::args_os()
        .nth(1)
        .map_or_else(|| PathBuf::from("."), PathBuf::from);
    let outcome = walls::check(&root)?;
    for violation in &outcome.violations {
        println!("{violation}");
    }
    println!(
        "walls: {} crates, {} files, {} violations",
        outcome.crates,
        outcome.files,
        outcome.violations.len()
    );
    Ok(if outcome.violations.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
