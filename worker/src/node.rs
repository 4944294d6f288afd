//! A worker of the farm: takes tasks from its lanes, one for each free slot, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt as _;
use apalis_core::worker::builder::WorkerBuilder;
use botflix_common::queue::{LaneBackend, Queue, QueueConfig, ReportSender};
use botflix_common::report::WorkerHello;
use botflix_common::storage::Storage;
use botflix_common::task::{Lane, LaneKind};
use botflix_media::engine::Prove;
use botflix_media::{Engine, EngineConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::attempt::{self, Bench};
use crate::error::StartError;
use crate::listener;
use crate::metrics::{Live, Metrics};
use crate::presence::Presence;
use crate::runner::{RunnerConfig, TaskRunner};
use crate::selftest;

/// How long tasks that were told to hand back, and their last reports, may take when the grace is over.
const HAND_BACK_PATIENCE: Duration = Duration::from_secs(15);
/// How long the last reports may wait for Redis.
const LAST_REPORTS_PATIENCE: Duration = Duration::from_secs(5);
/// Most slots that are taken seriously.
const MAX_SLOTS: usize = 1024;

pub struct WorkerConfig {
    /// Redis and the lease's timings; all processes of a farm agree on them.
    pub queue: QueueConfig,
    pub storage: Storage,
    pub engine: EngineConfig,
    /// In order of preference. With [`LaneKind::Gpu`] the devices of this host are proven at start.
    pub lanes: Vec<LaneKind>,
    /// What people call it; need not be unique.
    pub name: String,
    /// Tasks at once.
    pub slots: usize,
    pub scratch_root: PathBuf,
    /// 0: none, which is right where storage is a directory of this machine.
    pub clip_cache_bytes: u64,
    /// Where `/healthz` and `/metrics` are served, if anywhere.
    pub metrics_listen: Option<SocketAddr>,
}

/// A running worker. Dropped without [`Worker::stop_gracefully`], its tasks are dropped and their leases run out.
pub struct Worker {
    name: String,
    metrics_address: Option<SocketAddr>,
    bench: Arc<Bench>,
    presence: Presence,
    /// Ends the apalis worker once its tasks have ended.
    stop: CancellationToken,
    stop_aside: CancellationToken,
    aside: TaskTracker,
    running: JoinHandle<()>,
    ended: CancellationToken,
    _stops_when_dropped: (DropGuard, DropGuard),
}

impl Worker {
    /// Proves engine, scratch, storage and Redis, registers, and takes tasks from then on.
    pub async fn start(config: WorkerConfig) -> Result<Self, StartError> {
        check(&config)?;
        let mut runner_config = RunnerConfig::new(config.scratch_root, &config.name);
        runner_config.clip_cache_bytes = config.clip_cache_bytes;
        let mut engine = config.engine;
        if config.lanes.contains(&LaneKind::Gpu) {
            engine.prove = engine.prove.max(Prove::Devices);
        }
        let runner = selftest::runner(config.storage, engine, runner_config).await?;
        let lanes = lanes(&config.lanes, runner.engine())?;
        let queue = Queue::connect(config.queue).map_err(StartError::Queue)?;
        selftest::queue(&queue).await?;

        let instance = format!("{}-{}", config.name, Uuid::now_v7());
        let backend = LaneBackend::start(&queue, lanes.clone(), instance.clone())
            .map_err(StartError::Queue)?;
        let metrics =
            metrics(config.slots, &lanes, &runner, &backend).map_err(StartError::Metrics)?;
        let (stop, stop_aside) = (CancellationToken::new(), CancellationToken::new());
        let aside = TaskTracker::new();
        let metrics_address =
            serve_metrics(config.metrics_listen, &metrics, &aside, &stop_aside).await?;
        let hello = WorkerHello {
            name: config.name.clone(),
            instance: instance.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            lanes,
            slots: u32::try_from(config.slots).unwrap_or(u32::MAX),
            engine: runner.engine().version().to_owned(),
            draining: false,
            disk_full: false,
        };
        let presence = Presence::new(
            queue.clone(),
            backend.gate(),
            runner.clone(),
            hello,
            metrics.clone(),
        );
        presence.announce().await;
        aside.spawn(presence.clone().keep(stop_aside.clone()));
        let bench = Arc::new(Bench {
            runner,
            reports: queue.report_sender(),
            instance,
            metrics,
            hand_back: CancellationToken::new(),
        });
        let ended = CancellationToken::new();
        let running = tokio::spawn(run(
            backend,
            Arc::clone(&bench),
            config.slots,
            stop.clone(),
            ended.clone().drop_guard(),
        ));
        Ok(Self {
            name: config.name,
            metrics_address,
            bench,
            presence,
            _stops_when_dropped: (stop.clone().drop_guard(), stop_aside.clone().drop_guard()),
            stop,
            stop_aside,
            aside,
            running,
            ended,
        })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where metrics are served; the port that was chosen when 0 was asked for.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// What it counts, for a process that shows it together with its own.
    pub fn registry(&self) -> &prometheus::Registry {
        self.bench.metrics.registry()
    }

    /// Resolves when the worker has ended by itself, which it should not.
    pub async fn ended(&self) {
        self.ended.cancelled().await;
    }

    /// Takes no new task, lets those that run finish within `grace`, hands back the others, and signs off.
    pub async fn stop_gracefully(mut self, grace: Duration) {
        info!(
            worker = self.name,
            grace_seconds = grace.as_secs(),
            "draining"
        );
        self.presence.drain().await;
        self.stop.cancel();
        if tokio::time::timeout(grace, &mut self.running)
            .await
            .is_err()
        {
            self.bench.hand_back.cancel();
            if tokio::time::timeout(HAND_BACK_PATIENCE, &mut self.running)
                .await
                .is_err()
            {
                warn!("some tasks did not end when told to: dropped");
                self.running.abort();
            }
        }
        self.stop_aside.cancel();
        self.aside.close();
        self.aside.wait().await;
        self.presence.goodbye().await;
        close(&self.bench.reports).await;
    }
}

async fn close(reports: &ReportSender) {
    if let Err(error) = reports.close(LAST_REPORTS_PATIENCE).await {
        warn!(%error, "the last reports did not reach Redis");
    }
}

fn check(config: &WorkerConfig) -> Result<(), StartError> {
    let refuse = |why: &str| Err(StartError::Config(why.to_owned()));
    if config.slots == 0 || config.slots > MAX_SLOTS {
        return refuse("--slots must be between 1 and 1024");
    }
    if config.lanes.is_empty() {
        return refuse("a worker needs at least one lane");
    }
    let name_fits = !config.name.is_empty()
        && config.name.len() <= 100
        && config
            .name
            .chars()
            .all(|ch| ch.is_alphanumeric() || "-_.@".contains(ch));
    if !name_fits {
        return refuse("a worker's name is 1 to 100 letters, digits or one of - _ . @");
    }
    Ok(())
}

/// What this host can serve of what it was asked to.
fn lanes(wanted: &[LaneKind], engine: &Engine) -> Result<Vec<Lane>, StartError> {
    let devices = if wanted.contains(&LaneKind::Gpu) {
        engine.device_encoders()
    } else {
        Vec::new()
    };
    let mut lanes: Vec<Lane> = Vec::new();
    for lane in wanted.iter().flat_map(|kind| kind.lanes(&devices)) {
        if !lanes.contains(&lane) {
            lanes.push(lane);
        }
    }
    if lanes.is_empty() {
        return Err(StartError::Config(
            "no encoder on a device works here (`botflix encoders` says why), and no other lane was asked for"
                .to_owned(),
        ));
    }
    let names: Vec<&str> = lanes.iter().map(|lane| lane.name()).collect();
    info!(lanes = names.join(","), "serves");
    Ok(lanes)
}

fn metrics(
    slots: usize,
    lanes: &[Lane],
    runner: &TaskRunner,
    backend: &LaneBackend,
) -> Result<Metrics, prometheus::Error> {
    let metrics = Metrics::new(slots, lanes)?;
    metrics.introduce(env!("CARGO_PKG_VERSION"), runner.engine().version());
    metrics.look_up(Live::new(runner.clone(), backend.lease_tally())?)?;
    Ok(metrics)
}

async fn serve_metrics(
    address: Option<SocketAddr>,
    metrics: &Metrics,
    aside: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Option<SocketAddr>, StartError> {
    let Some(address) = address else {
        return Ok(None);
    };
    let (bound, serving) = listener::bind(address, metrics.clone(), stop.clone())
        .await
        .map_err(|source| StartError::Listen { address, source })?;
    aside.spawn(serving);
    Ok(Some(bound))
}

/// The apalis worker, from the first task to the last acknowledgement.
async fn run(
    backend: LaneBackend,
    bench: Arc<Bench>,
    slots: usize,
    stop: CancellationToken,
    _ended: DropGuard,
) {
    let worker = WorkerBuilder::new(bench.instance.as_str())
        .backend(backend)
        .concurrency(slots)
        .data(bench)
        .build(attempt::handle);
    let stopped = async move {
        stop.cancelled().await;
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = worker.run_until(stopped).await {
        error!(%error, "the worker ended with an error");
    }
}
