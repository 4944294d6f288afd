//! Words of the operators' commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Args)]
pub struct OperatorTokenArgs {
    #[command(subcommand)]
    pub action: OperatorTokenAction,
}

#[derive(Subcommand)]
pub enum OperatorTokenAction {
    /// Make a new token
    Reset {
        /// The data folder of `botflix up`: the token goes to its file `operator-token`
        #[arg(long, value_name = "DIR", required_unless_present = "database")]
        data: Option<PathBuf>,
        /// The database of `botflix api`: the token is printed, this once
        #[arg(long, value_name = "URL", conflicts_with = "data")]
        database: Option<String>,
    },
}
