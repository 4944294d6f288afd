//! Words of the commands that run a farm, or part of one, and introduce a director to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use botflix_api::farm::Retention;
use botflix_common::task::LaneKind;
use botflix_worker::DEFAULT_GPU_SESSIONS;
use clap::Args;
use clap::builder::RangedU64ValueParser;

use super::EngineArgs;
use crate::client::DEFAULT_PATIENCE_SECONDS;

/// How long what nobody uses is kept.
#[derive(Args)]
pub struct KeepArgs {
    /// Days for which a render's progress events are kept after its end; its other events and its log stay
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = days())]
    pub keep_events: u64,
    /// Days for which results are kept that no render needs any more: segments and mixes, and all of films that are not shown
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = days())]
    pub keep_results: u64,
    /// Days for which files in storage are kept that nothing refers to
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = days())]
    pub keep_orphans: u64,
}

fn days() -> RangedU64ValueParser {
    RangedU64ValueParser::new().range(1..=MOST_DAYS)
}

/// A hundred years: more is a mistake.
const MOST_DAYS: u64 = 36_600;

impl KeepArgs {
    pub fn retention(&self) -> Retention {
        let days = |days: u64| Duration::from_secs(days * 24 * 60 * 60);
        Retention {
            events: days(self.keep_events),
            results: days(self.keep_results),
            orphans: days(self.keep_orphans),
            ..Retention::default()
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
    /// Most tasks at once; 0 runs the API alone [default: as many as the host has room for]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// How clients reach this server [default: the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    #[command(flatten)]
    pub keep: KeepArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

// URLs may hold passwords, and others on the host can read a command line: hence their variables.
#[derive(Args)]
pub struct ApiArgs {
    /// `sqlite:///path/file.db` or `postgres://…`; created and migrated at start
    #[arg(
        long,
        value_name = "URL",
        env = "BOTFLIX_DATABASE_URL",
        hide_env_values = true
    )]
    pub database: String,
    /// `redis://…`, `rediss://…` or `unix:///path`
    #[arg(
        long,
        value_name = "URL",
        env = "BOTFLIX_REDIS_URL",
        hide_env_values = true
    )]
    pub redis: String,
    /// `file:///dir` or `s3://bucket/prefix`; credentials from AWS_… variables
    #[arg(
        long,
        value_name = "URL",
        env = "BOTFLIX_STORAGE_URL",
        hide_env_values = true
    )]
    pub storage: String,
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// How clients reach this server [default: the listen address]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// The Redis that workers which join are given [default: --redis]
    #[arg(
        long,
        value_name = "URL",
        env = "BOTFLIX_WORKER_REDIS_URL",
        hide_env_values = true
    )]
    pub worker_redis: Option<String>,
    /// The storage that workers which join are given; its credentials from BOTFLIX_WORKER_AWS_… variables [default: --storage]
    #[arg(long, value_name = "URL")]
    pub worker_storage: Option<String>,
    #[command(flatten)]
    pub keep: KeepArgs,
}

#[derive(Args)]
pub struct WorkerArgs {
    /// The farm's API: it gives Redis and storage for a join token
    #[arg(long, value_name = "URL", conflicts_with_all = ["redis", "storage"], required_unless_present = "redis")]
    pub join: Option<String>,
    /// What `botflix worker-token create` printed; others on this host can read a command line [default: BOTFLIX_JOIN_TOKEN]
    #[arg(long, requires = "join")]
    pub token: Option<String>,
    /// A file with the join token
    #[arg(long, value_name = "FILE", requires = "join", conflicts_with = "token")]
    pub token_file: Option<PathBuf>,
    /// `redis://…`, `rediss://…` or `unix:///path`
    #[arg(
        long,
        value_name = "URL",
        requires = "storage",
        env = "BOTFLIX_REDIS_URL",
        hide_env_values = true
    )]
    pub redis: Option<String>,
    /// `file:///dir` or `s3://bucket/prefix`; credentials from AWS_… variables
    #[arg(
        long,
        value_name = "URL",
        requires = "redis",
        env = "BOTFLIX_STORAGE_URL",
        hide_env_values = true
    )]
    pub storage: Option<String>,
    /// Which tasks to take, in order of preference: `io`, `cpu`, `gpu` (what a device of this host is proven to encode)
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = lane, default_value = "io,gpu,cpu")]
    pub lanes: Vec<LaneKind>,
    /// What people call it [default: the host's name]
    #[arg(long)]
    pub name: Option<String>,
    /// Most tasks at once [default: as many as cores, memory, disk and device have room for]
    #[arg(long, value_name = "N")]
    pub slots: Option<usize>,
    /// Cores that tasks may use [default: the host's, or its control group's]
    #[arg(long, value_name = "N")]
    pub cores: Option<u32>,
    /// Memory that tasks may use, e.g. `12G` or `800M` [default: the host's or its control group's, less an eighth, 512M at least]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<u64>,
    /// Encodings at once on a device; 0: no limit
    #[arg(long, value_name = "N", default_value_t = DEFAULT_GPU_SESSIONS)]
    pub gpu_sessions: u32,
    /// Words for people to find it by
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub tags: Vec<String>,
    /// For work in progress and clips at hand [default: a directory in the system's temporary one]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
    /// Serve /healthz and /metrics here
    #[arg(long, value_name = "ADDR")]
    pub metrics_listen: Option<SocketAddr>,
    /// Seconds that running tasks may take to finish when the worker is told to stop, or drained
    #[arg(long, value_name = "SECONDS", default_value_t = 25)]
    pub grace: u64,
    #[command(flatten)]
    pub engine: EngineArgs,
}

pub(super) fn lane(word: &str) -> Result<LaneKind, String> {
    LaneKind::parse(word).ok_or_else(|| "a lane is one of: cpu, gpu, io".to_owned())
}

/// Bytes, or so many KiB, MiB, GiB or TiB.
fn memory(text: &str) -> Result<u64, String> {
    let wrong = || "a size is a number of bytes, or one with K, M, G or T behind it".to_owned();
    let shift = match text.chars().last() {
        Some('K' | 'k') => 10,
        Some('M' | 'm') => 20,
        Some('G' | 'g') => 30,
        Some('T' | 't') => 40,
        _ => 0,
    };
    let digits = text.trim_end_matches(|ch: char| shift > 0 && ch.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).ok_or_else(wrong)
}

#[derive(Args)]
pub struct TopArgs {
    /// The farm
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub server: String,
    /// Look once, show everything, and end
    #[arg(long)]
    pub once: bool,
    /// A line of JSON for each look
    #[arg(long)]
    pub json: bool,
    /// How long a server that does not answer is asked again, with `--once`
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub patience: u64,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_with_its_unit() {
        assert_eq!(memory("12G"), Ok(12 << 30));
        assert_eq!(memory("800m"), Ok(800 << 20));
        assert_eq!(memory("4096"), Ok(4096));
        for wrong in ["", "G", "1.5G", "9X", "99999999999T"] {
            assert!(memory(wrong).is_err(), "{wrong}");
        }
    }
}
