//! The words of `render`, on a farm or on this machine, and of what looks back at one.

use std::path::PathBuf;

use botflix_common::id::RenderId;
use botflix_common::task::Verify;
use clap::{Args, ValueEnum};

use super::{DEFAULT_SERVER, EngineArgs};
use crate::client::DEFAULT_PATIENCE_SECONDS;

#[derive(Args)]
pub struct RenderArgs {
    /// A ShotManifest; its sources may be `{"file": "s01.mp4"}`
    pub manifest: PathBuf,
    /// Where the files lie that the manifest names
    #[arg(long, value_name = "DIR")]
    pub clips: PathBuf,
    /// The farm; the key comes from BOTFLIX_DIRECTOR_KEY
    #[arg(
        long,
        value_name = "URL",
        required_unless_present = "local",
        conflicts_with_all = ["local", "cache", "no_cache"]
    )]
    pub server: Option<String>,
    /// Render in this process, without any server
    #[arg(long)]
    pub local: bool,
    /// A small, fast, marked cut to look at, never public; sets delivery.preset
    #[arg(long)]
    pub draft: bool,
    /// Say what rendering would do, and do not render
    #[arg(long)]
    pub plan: bool,
    /// Wait until the episode is published, and show how far it is
    #[arg(long, conflicts_with = "local")]
    pub watch: bool,
    /// The last line on stdout is the render (or the plan) as JSON
    #[arg(long)]
    pub json: bool,
    /// Put the finished film here (with --server: implies --watch)
    #[arg(long, value_name = "FILE", required_unless_present_any = ["server", "plan"])]
    pub out: Option<PathBuf>,
    /// Write the findings with their fixes here, as JSON (with --server and without --plan: implies --watch)
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Tells renders of the same manifest apart; the same key gives the same render
    #[arg(long, conflicts_with = "local")]
    pub key: Option<String>,
    /// A render of this film, as `render` printed it: only what changed is made, and its episode keeps its link
    #[arg(long, value_name = "RENDER", conflicts_with_all = ["local", "plan"])]
    pub revises: Option<RenderId>,
    /// How long a server that does not answer is asked again
    #[arg(long, value_name = "SECONDS", conflicts_with = "local", default_value_t = DEFAULT_PATIENCE_SECONDS)]
    pub patience: u64,
    /// Write how the film was made here, as JSON: `botflix rebuild` makes it again
    #[arg(long, value_name = "FILE", requires = "local", conflicts_with = "plan")]
    pub record: Option<PathBuf>,
    /// Put posters, storyboard, captions and chapters into this directory
    #[arg(long, value_name = "DIR", requires = "local", conflicts_with = "plan")]
    pub extras: Option<PathBuf>,
    /// How much of the finished picture is decoded again: its key pictures, or every one
    #[arg(long, value_enum, requires = "local", default_value_t = Checks::Joins)]
    pub verify: Checks,
    /// Encode on the processor, even where a GPU is proven to work
    #[arg(long, requires = "local")]
    pub cpu_only: bool,
    #[command(flatten)]
    pub cache: CacheArgs,
    /// Tasks at once [default: one for each core]
    #[arg(long, value_name = "N", requires = "local")]
    pub workers: Option<usize>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

/// One render of a farm.
#[derive(Args)]
pub struct WhichRender {
    /// As `render` without `--watch` printed it
    pub render: RenderId,
    /// The farm; the key comes from BOTFLIX_DIRECTOR_KEY
    #[arg(long, value_name = "URL", default_value = DEFAULT_SERVER)]
    pub server: String,
    /// How long a server that does not answer is asked again
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_PATIENCE_SECONDS)]
    pub patience: u64,
}

#[derive(Args)]
pub struct RetryArgs {
    #[command(flatten)]
    pub which: WhichRender,
    /// While it runs: only the tasks of this shot that wait for their next try
    #[arg(long, value_name = "ID")]
    pub shot: Option<String>,
    /// Wait until the episode is published, and show how far it is
    #[arg(long)]
    pub watch: bool,
    /// The last line on stdout is the render as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct StatusArgs {
    #[command(flatten)]
    pub which: WhichRender,
    /// Print the render as JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Args)]
pub struct LogArgs {
    #[command(flatten)]
    pub which: WhichRender,
    /// Print `{"attempts": [{"task", "kind", "attempt", "outcome", "message", …}]}`
    #[arg(long)]
    pub json: bool,
}

/// Where the results of work on this machine are remembered.
#[derive(Args, Clone, Debug)]
pub struct CacheArgs {
    /// Where results are remembered [default: the user's cache directory]
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Remember nothing
    #[arg(long, conflicts_with = "cache")]
    pub no_cache: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Checks {
    Joins,
    Full,
}

impl From<Checks> for Verify {
    fn from(checks: Checks) -> Self {
        match checks {
            Checks::Joins => Self::Joins,
            Checks::Full => Self::Full,
        }
    }
}
