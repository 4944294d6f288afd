//! A worker of the farm: takes tasks from its lanes, as many as its host has room for, until it is told to stop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use apalis::layers::WorkerBuilderExt as _;
use apalis_core::worker::builder::WorkerBuilder;
use botflix_common::queue::{LaneBackend, Queue, QueueConfig, ReportSender};
use botflix_common::report::WorkerHello;
use botflix_common::storage::Storage;
use botflix_common::task::{EngineClass, Lane, LaneKind};
use botflix_common::worker::{Budget, MAX_SLOTS, SelfTest, WorkerOrders};
use botflix_media::engine::Prove;
use botflix_media::{Engine, EngineConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::attempt::{self, Bench};
use crate::error::StartError;
use crate::hand_back::HandBack;
use crate::host;
use crate::limits::{Limits, MAX_CORES, MIN_MEMORY_BYTES};
use crate::listener;
use crate::metrics::{Live, Metrics};
use crate::presence::{Presence, StopOrder};
use crate::probation;
use crate::runner::{RunnerConfig, TaskRunner};
use crate::selftest;
use crate::standing::{self, Standing};

/// How long tasks that were told to hand back, and their last reports, may take when the grace is over.
const HAND_BACK_PATIENCE: Duration = Duration::from_secs(15);
/// More than any worker has slots.
const MAX_CONCURRENCY: usize = 2048;
/// How long the last reports may wait for Redis.
const LAST_REPORTS_PATIENCE: Duration = Duration::from_secs(5);

pub struct WorkerConfig {
    /// Redis and the lease's timings; all processes of a farm agree on them.
    pub queue: QueueConfig,
    pub storage: Storage,
    pub engine: EngineConfig,
    /// In order of preference. With [`LaneKind::Gpu`] the devices of this host are proven at start.
    pub lanes: Vec<LaneKind>,
    /// What people call it; need not be unique.
    pub name: String,
    /// Most tasks at once, 1 to 1024; absent: as many as there is room for. Operators may change it while the worker runs.
    pub slots: Option<usize>,
    /// What tasks may use of the host.
    pub limits: Limits,
    /// Words for people to find it by.
    pub tags: Vec<String>,
    /// What running tasks have to finish when an operator drains the worker.
    pub grace: Duration,
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
        let devices = devices(&config.lanes, runner.engine());
        let lanes = lanes(&config.lanes, &devices)?;
        let self_test = selftest::host(&runner).await?;
        let queue = Queue::connect(config.queue).map_err(StartError::Queue)?;
        selftest::queue(&queue).await?;

        let budget = budget(&config.limits, &runner)?;
        let instance = format!("{}-{}", config.name, Uuid::now_v7());
        let backend = LaneBackend::start(&queue, possible(&lanes), instance.clone())
            .map_err(StartError::Queue)?;
        let metrics = metrics(&lanes, &runner, &backend).map_err(StartError::Metrics)?;
        let (stop, stop_aside) = (CancellationToken::new(), CancellationToken::new());
        let aside = TaskTracker::new();
        let metrics_address =
            serve_metrics(config.metrics_listen, &metrics, &aside, &stop_aside).await?;
        let hello = WorkerHello {
            name: config.name.clone(),
            instance: instance.clone(),
            lanes,
            budget: Some(budget),
            ..introduction(&runner, self_test.clone())
        };
        let standing = Standing {
            instance: instance.clone(),
            lanes: config.lanes,
            slots: config.slots.and_then(|slots| u32::try_from(slots).ok()),
            budget,
            tags: config.tags,
            devices,
            orders: WorkerOrders::default(),
            proven: Vec::new(),
            disk_full: false,
            ending: false,
        };
        let bench = Arc::new(Bench {
            runner: runner.clone(),
            reports: queue.report_sender(),
            instance,
            metrics,
            hand_back: HandBack::default(),
            payload_version: queue.config().payload_version,
        });
        let presence = Presence::new(
            queue.clone(),
            backend.gate(),
            Arc::clone(&bench),
            config.grace,
            hello,
            standing,
        );
        // Before the first task may come: a worker that was paused stays so.
        presence.announce().await;
        look_after(&presence, (runner, self_test), &aside, &stop_aside);
        let ended = CancellationToken::new();
        let running = tokio::spawn(run(
            backend,
            Arc::clone(&bench),
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

    /// Resolves when an operator wants the worker to end: [`Worker::stop_as_ordered`] does it.
    pub async fn told_to_stop(&self) -> StopOrder {
        let mut orders = self.presence.stop_orders();
        match orders.wait_for(Option::is_some).await {
            Ok(order) => order.unwrap_or(StopOrder::AfterCurrent),
            // Cannot be: the sender lives in `self`.
            Err(_) => std::future::pending().await,
        }
    }

    /// Ends as an operator wants it, or sooner: when `hurry` resolves, or the operator wants it now after all.
    pub async fn stop_as_ordered(self, hurry: impl Future<Output = ()>) {
        let mut orders = self.presence.stop_orders();
        let over = async move {
            let now = orders.wait_for(|order| *order == Some(StopOrder::Now));
            tokio::select! {
                _ = now => {}
                () = hurry => {}
            }
        };
        self.stop_when(over).await;
    }

    /// Takes no new task, lets those that run finish within `grace`, hands back the others, and signs off.
    pub async fn stop_gracefully(self, grace: Duration) {
        info!(grace_seconds = grace.as_secs(), "told to end");
        self.stop_when(tokio::time::sleep(grace)).await;
    }

    /// What still runs when it is `over` is handed back.
    async fn stop_when(mut self, over: impl Future<Output = ()>) {
        info!(worker = self.name, "draining");
        self.presence.drain().await;
        self.stop.cancel();
        let finished = tokio::select! {
            biased;
            _ = &mut self.running => true,
            () = over => false,
        };
        if !finished {
            self.bench.hand_back.for_good();
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
    let slots = config
        .slots
        .map_or(1, |slots| u32::try_from(slots).unwrap_or(0));
    if !(1..=MAX_SLOTS).contains(&slots) {
        return refuse("--slots must be between 1 and 1024");
    }
    let limits = &config.limits;
    if limits
        .cores
        .is_some_and(|cores| !(1..=MAX_CORES).contains(&cores))
    {
        return refuse("--cores must be between 1 and 4096");
    }
    if limits
        .memory_bytes
        .is_some_and(|bytes| bytes < MIN_MEMORY_BYTES)
    {
        return refuse("--memory must be at least 256M");
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

/// What goes on beside the tasks, until stopped: hellos and orders, and self-tests when it was taken off a kind of task.
fn look_after(
    presence: &Presence,
    (runner, at_start): (TaskRunner, SelfTest),
    aside: &TaskTracker,
    stop: &CancellationToken,
) {
    aside.spawn(presence.clone().keep(stop.clone()));
    aside.spawn(probation::serve(
        presence.clone(),
        runner,
        at_start,
        stop.clone(),
    ));
}

/// What a worker says of its host.
fn introduction(runner: &TaskRunner, self_test: SelfTest) -> WorkerHello {
    WorkerHello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        engine: runner.engine().version().to_owned(),
        cores: host::cores(),
        memory_bytes: host::memory_bytes(),
        self_test: Some(self_test),
        ..WorkerHello::default()
    }
}

fn budget(limits: &Limits, runner: &TaskRunner) -> Result<Budget, StartError> {
    Ok(limits.budget(runner.disk().map_err(StartError::Scratch)?))
}

/// What was proven, where it was asked for.
fn devices(wanted: &[LaneKind], engine: &Engine) -> Vec<EngineClass> {
    if wanted.contains(&LaneKind::Gpu) {
        engine.device_encoders()
    } else {
        Vec::new()
    }
}

/// What an operator may have this host serve later: every host has a processor.
fn possible(lanes: &[Lane]) -> Vec<Lane> {
    let mut possible = lanes.to_vec();
    for lane in [Lane::Io, Lane::Cpu] {
        if !possible.contains(&lane) {
            possible.push(lane);
        }
    }
    possible
}

/// What this host can serve of what it was asked to.
fn lanes(wanted: &[LaneKind], devices: &[EngineClass]) -> Result<Vec<Lane>, StartError> {
    let lanes = standing::lanes(wanted, devices);
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
    lanes: &[Lane],
    runner: &TaskRunner,
    backend: &LaneBackend,
) -> Result<Metrics, prometheus::Error> {
    let metrics = Metrics::new(1, lanes)?;
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
async fn run(backend: LaneBackend, bench: Arc<Bench>, stop: CancellationToken, _ended: DropGuard) {
    let worker = WorkerBuilder::new(bench.instance.as_str())
        .backend(backend)
        // The gate knows what there is room for: it may change.
        .concurrency(MAX_CONCURRENCY)
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
