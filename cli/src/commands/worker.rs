//! `botflix worker`: joins a farm with nothing but Redis and object storage.

use std::time::Duration;

use botflix_common::queue::QueueConfig;
use botflix_common::storage::Storage;
use botflix_worker::{Limits, StartError, StopOrder, Worker, WorkerConfig};

use super::inspect::engine_fault;
use crate::args::WorkerArgs;
use crate::exit::{Exit, Fault};
use crate::join::{self, Farm};
use crate::settings::Settings;
use crate::show::say;
use crate::signals;

/// Clips and artifacts kept at hand when storage is elsewhere.
const CLIP_CACHE_BYTES: u64 = 8 << 30;
const FALLBACK_NAME: &str = "worker";

pub async fn run(args: WorkerArgs, settings: Settings) -> Result<Exit, Fault> {
    let grace = Duration::from_secs(args.grace);
    let stop = signals::stop_requested()?;
    let start = async {
        let name = args.name.clone().unwrap_or_else(host_name);
        let (lease, version) = (settings.test_lease()?, settings.test_payload_version()?);
        let farm = join::farm(&args, &name, settings).await?;
        let mut config = config(args, name, farm)?;
        if let Some(version) = version {
            config.queue = config.queue.with_payload_version(version);
        }
        if let Some(lease) = lease {
            config.queue = config.queue.with_lease(lease);
        }
        Worker::start(config).await.map_err(start_fault)
    };
    let worker = tokio::select! {
        started = start => started?,
        // Told to stop before it began.
        () = stop.cancelled() => return Ok(Exit::Done),
    };
    say(&format!("BotFlix worker {} is ready", worker.name()))?;
    if let Some(address) = worker.metrics_address() {
        tracing::info!(%address, "metrics");
    }
    let ordered = tokio::select! {
        () = stop.cancelled() => None,
        order = worker.told_to_stop() => Some(order),
        () = worker.ended() => return Err(Fault::retryable("the worker ended by itself")),
    };
    match ordered {
        None => worker.stop_gracefully(grace).await,
        Some(order) => {
            eprintln!("an operator stops this worker: {}", words(order));
            let hurry = async {
                stop.cancelled().await;
                tokio::time::sleep(grace).await;
            };
            worker.stop_as_ordered(hurry).await;
        }
    }
    Ok(Exit::Done)
}

fn words(order: StopOrder) -> &'static str {
    match order {
        StopOrder::AfterCurrent => "after what runs",
        StopOrder::Now => "now",
    }
}

fn config(args: WorkerArgs, name: String, farm: Farm) -> Result<WorkerConfig, Fault> {
    let storage = Storage::open_with(&farm.storage, farm.storage_options)
        .map_err(|error| Fault::permanent("the storage cannot be used").because(error))?;
    // From a directory of this machine tasks get hard links: keeping copies would only cost disk.
    let clip_cache_bytes = if farm.storage.starts_with("file:") {
        0
    } else {
        CLIP_CACHE_BYTES
    };
    let scratch_root = args
        .scratch
        .unwrap_or_else(|| std::env::temp_dir().join("botflix-worker"));
    Ok(WorkerConfig {
        queue: QueueConfig::new(farm.redis),
        storage,
        engine: args.engine.config(),
        lanes: args.lanes,
        name,
        slots: args.slots,
        limits: Limits {
            cores: args.cores,
            memory_bytes: args.memory,
            gpu_sessions: args.gpu_sessions,
        },
        tags: args.tags,
        grace: Duration::from_secs(args.grace),
        scratch_root,
        clip_cache_bytes,
        metrics_listen: args.metrics_listen,
    })
}

/// As far as it can serve as a worker's name.
pub fn host_name() -> String {
    let name = rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned();
    let fits = |ch: &char| ch.is_alphanumeric() || "-_.".contains(*ch);
    let name: String = name.chars().filter(fits).take(64).collect();
    if name.is_empty() {
        FALLBACK_NAME.to_owned()
    } else {
        name
    }
}

pub fn start_fault(error: StartError) -> Fault {
    let exit = if error.is_retryable() {
        Exit::TryAgain
    } else {
        Exit::Failed
    };
    match error {
        StartError::Engine(error) => engine_fault(error),
        other => Fault::of(exit, "the worker cannot start").because(other),
    }
}
