//! The words of the command line. No rules here: a flag is explained, parsed and handed on.

use std::net::SocketAddr;
use std::path::PathBuf;

use botflix_common::task::Lane;
use botflix_media::{EngineConfig, SandboxPolicy};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::client::DEFAULT_PATIENCE_SECONDS;

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
    /// Make a two-minute story on the spot, render and publish it, and serve it
    Demo(DemoArgs),
    /// Register a director and print its API key
    Register(RegisterArgs),
    /// Turn a ShotManifest and clips into an episode, on a farm or on this machine
    Render(RenderArgs),
    /// Say what a media file is good for
    Inspect(InspectArgs),
    /// Check a brief or a manifest offline
    Validate(ValidateArgs),
}

impl Command {
    pub fn serves(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Api(_) | Self::Worker(_))
    }
}

/// The ffmpeg to use, and the walls around it.
#[derive(Args, Clone, Debug)]
pub struct EngineArgs {
    #[arg(long, value_name = "PATH", default_value = "ffmpeg")]
    pub ffmpeg: PathBuf,
    #[arg(long, value_name = "PATH", default_value = "ffprobe")]
    pub ffprobe: PathBuf,
    /// `enforce` refuses to work where the kernel cannot confine ffmpeg; `off` opens untrusted media unconfined
    #[arg(long, value_enum, default_value_t = Sandbox::Enforce)]
    pub sandbox: Sandbox,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Sandbox {
    Enforce,
    Off,
}

impl EngineArgs {
    pub fn config(&self) -> EngineConfig {
        EngineConfig {
            ffmpeg: self.ffmpeg.clone(),
            ffprobe: self.ffprobe.clone(),
            sandbox: match self.sandbox {
                Sandbox::Enforce => SandboxPolicy::Enforce,
                Sandbox::Off => SandboxPolicy::Off,
            },
        }
    }
}

#[derive(Args)]
pub struct UpArgs {
    /// Where everything is kept; made if absent
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Tasks at once; 0 runs the API alone [default: one for each core]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// How clients reach this server [default: the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct ApiArgs {
    /// `sqlite:///path/file.db` or `postgres://…`; created and migrated at start
    #[arg(long, value_name = "URL")]
    pub database: String,
    /// `redis://…`, `rediss://…` or `unix:///path`
    #[arg(long, value_name = "URL")]
    pub redis: String,
    /// `file:///dir` or `s3://bucket/prefix`; credentials from AWS_… variables
    #[arg(long, value_name = "URL")]
    pub storage: String,
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// How clients reach this server [default: the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
}

#[derive(Args)]
pub struct WorkerArgs {
    /// `redis://…`, `rediss://…` or `unix:///path`
    #[arg(long, value_name = "URL")]
    pub redis: String,
    /// `file:///dir` or `s3://bucket/prefix`; credentials from AWS_… variables
    #[arg(long, value_name = "URL")]
    pub storage: String,
    /// Which tasks to take, in order of preference
    #[arg(long, value_delimiter = ',', value_parser = lane, default_value = "io,cpu")]
    pub lanes: Vec<Lane>,
    /// What people call it [default: the host's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Tasks at once [default: one for each core]
    #[arg(long, value_name = "N")]
    pub slots: Option<usize>,
    /// For work in progress and clips at hand [default: a directory in the system's temporary one]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Serve /healthz and /metrics here
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Seconds that running tasks may take to finish when the worker is told to stop
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    pub grace: u64,
    #[command(flatten)]
    pub engine: EngineArgs,
}

fn lane(word: &str) -> Result<Lane, String> {
    Lane::parse(word).ok_or_else(|| "a lane is one of: cpu, gpu, io".to_owned())
}

#[derive(Args)]
pub struct DemoArgs {
    /// Where the farm and the material are kept; a second run goes on with them
    #[arg(long, value_name = "DIR", default_value = "botflix-demo")]
    pub data: PathBuf,
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// End when the episode is published and checked, instead of serving it
    #[arg(long)]
    pub exit: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct RegisterArgs {
    #[arg(long, value_name = "URL")]
    pub server: String,
    #[arg(long)]
    pub name: String,
    #[arg(long, default_value = "")]
    pub description: String,
    /// The human who answers for the director
    #[arg(long, value_name = "EMAIL")]
    pub owner_email: Option<String>,
    /// Print `{"api_key", "director_id"}` instead of the key alone
    #[arg(long)]
    pub json: bool,
    /// How long a server that does not answer is asked again
    #[arg(long, value_name = "SECONDS", default_value_t = DEFAULT_PATIENCE_SECONDS)]
    pub patience: u64,
}

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
        conflicts_with = "local"
    )]
    pub server: Option<String>,
    /// Render in this process, without any server
    #[arg(long, requires = "out")]
    pub local: bool,
    /// Wait until the episode is published, and show how far it is
    #[arg(long, conflicts_with = "local")]
    pub watch: bool,
    /// The last line on stdout is the render as JSON
    #[arg(long)]
    pub json: bool,
    /// Put the finished film here (with --server: implies --watch)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Tells renders of the same manifest apart; the same key gives the same render
    #[arg(long, conflicts_with = "local")]
    pub key: Option<String>,
    /// How long a server that does not answer is asked again
    #[arg(long, value_name = "SECONDS", conflicts_with = "local", default_value_t = DEFAULT_PATIENCE_SECONDS)]
    pub patience: u64,
    /// Where results are remembered [default: the user's cache directory]
    #[arg(long, value_name = "DIR", requires = "local")]
    pub cache: Option<PathBuf>,
    /// Remember nothing
    #[arg(long, requires = "local", conflicts_with = "cache")]
    pub no_cache: bool,
    /// Tasks at once [default: one for each core]
    #[arg(long, value_name = "N", requires = "local")]
    pub workers: Option<usize>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Args)]
pub struct InspectArgs {
    pub file: PathBuf,
    /// What it is to be used for
    #[arg(long = "as", value_enum, default_value_t = Use::Shot)]
    pub use_as: Use,
    /// Print `{"verdict", "reasons", "facts"}`
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub engine: EngineArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Use {
    /// Pictures, with or without sound
    Shot,
    /// Sound alone
    Track,
}

#[derive(Args)]
pub struct ValidateArgs {
    #[arg(value_enum)]
    pub document: DocumentKind,
    pub file: PathBuf,
    /// Print `{"valid", "errors"}`
    #[arg(long)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DocumentKind {
    Brief,
    Manifest,
}
