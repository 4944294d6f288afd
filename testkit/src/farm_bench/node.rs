//! A simulated worker: a member of the queue like any other (backend, leases, heartbeats, reports, metrics), whose tasks do nothing for a while.
//!
//! What a real worker does beside that is not here: no ffmpeg, no look for a result that is there already, no artifact.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use apalis::layers::WorkerBuilderExt as _;
use apalis_core::task::data::Data;
use apalis_core::worker::builder::WorkerBuilder;
use botflix_common::queue::{LaneBackend, Lease, Pace, Queue, QueueConfig, ReportSender};
use botflix_common::report::{Report, ReportBody, WorkerHello};
use botflix_common::storage::Storage;
use botflix_common::storage_key;
use botflix_common::task::{Lane, TaskInput, TaskMessage};
use botflix_common::worker::{SelfCheck, SelfTest};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::noop;
use super::options::Crew;

/// As real workers do.
const HELLO_EVERY: Duration = Duration::from_secs(3);
/// Every third hello brings the metrics.
const HELLOS_PER_PAGE: u64 = 3;
/// About what a real worker's page has.
const PAGE_BYTES: usize = 12 * 1024;
/// What a real worker's self-test lists.
const CHECKS: usize = 12;
const LANES: [Lane; 2] = [Lane::Io, Lane::Cpu];
/// More than a node has slots, as in real workers.
const MAX_CONCURRENCY: usize = 2048;
const LAST_REPORTS: Duration = Duration::from_secs(5);

/// What every task of a node needs.
struct Bench {
    reports: ReportSender,
    storage: Storage,
    instance: String,
    task: Duration,
}

/// Works until told to stop; then what runs ends first.
pub(super) async fn run(
    crew: &Crew,
    storage: Storage,
    number: usize,
    stop: CancellationToken,
) -> Result<()> {
    let queue = Queue::connect(QueueConfig::new(&crew.redis))?;
    let name = format!("sim-{number}");
    let instance = format!("{name}-{}", std::process::id());
    let backend = LaneBackend::start(&queue, LANES.to_vec(), instance.clone())?;
    backend
        .gate()
        .admit(LANES.to_vec(), crew.slots, Pace::Eager);
    let bench = Arc::new(Bench {
        reports: queue.report_sender(),
        storage,
        instance: instance.clone(),
        task: Duration::from_millis(crew.task_ms),
    });
    let greeting = TaskTracker::new();
    let hello = hello(name, &instance, crew.slots);
    greeting.spawn(greet(queue.clone(), hello, number, stop.clone()));
    let worker = WorkerBuilder::new(instance.as_str())
        .backend(backend)
        // The gate counts the slots.
        .concurrency(MAX_CONCURRENCY)
        .data(Arc::clone(&bench))
        .build(handle);
    let told = stop.clone();
    worker
        .run_until(async move {
            told.cancelled().await;
            Ok::<(), std::io::Error>(())
        })
        .await?;
    greeting.close();
    greeting.wait().await;
    queue.goodbye(&instance).await?;
    Ok(bench.reports.close(LAST_REPORTS).await?)
}

fn hello(name: String, instance: &str, slots: u32) -> WorkerHello {
    let check = |number| SelfCheck {
        name: format!("decode codec-{number}"),
        failed: None,
    };
    WorkerHello {
        name,
        instance: instance.to_owned(),
        version: "0.0.0".to_owned(),
        lanes: LANES.to_vec(),
        slots,
        engine: "no-op".to_owned(),
        cores: 1,
        memory_bytes: 1 << 30,
        self_test: Some(SelfTest {
            checks: (0..CHECKS).map(check).collect(),
            speed_720p: 1.0,
            scratch_free_bytes: 1 << 40,
            seconds: 1.0,
        }),
        ..WorkerHello::default()
    }
}

/// Says hello and leaves metrics, each node at a moment of its own.
async fn greet(queue: Queue, hello: WorkerHello, number: usize, stop: CancellationToken) {
    let page = "# a line of metrics\n".repeat(PAGE_BYTES / 20);
    let mut ticks = tokio::time::interval(HELLO_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hellos = number as u64;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = queue.hello(&hello).await {
            eprintln!("{}: {error}", hello.name);
        }
        if hellos.is_multiple_of(HELLOS_PER_PAGE)
            && let Err(error) = queue.leave_metrics(&hello.instance, &page).await
        {
            eprintln!("{}: {error}", hello.name);
        }
        hellos += 1;
    }
}

async fn handle(message: TaskMessage, lease: Data<Lease>, bench: Data<Arc<Bench>>) {
    let report = |body| Report {
        id: message.id,
        worker: bench.instance.clone(),
        body,
    };
    let work = async {
        bench.reports.send(report(ReportBody::Started)).await?;
        let key = storage_key::input(&message.id);
        let input: Option<TaskInput> = bench.storage.get_json(&key).await?;
        tokio::time::sleep(bench.task).await;
        let record = input
            .and_then(|input| noop::record(&input.spec, &bench.instance, bench.task.as_secs_f64()));
        let Some(record) = record else {
            anyhow::bail!("nothing to do for {}", message.id);
        };
        let done = ReportBody::Done {
            record: Box::new(record),
            memoized: false,
        };
        Ok(bench.reports.send_durable(report(done)).await?)
    };
    tokio::select! {
        ended = work => if let Err(error) = ended {
            eprintln!("{}: {error:#}", bench.instance);
        },
        signal = lease.lost_or_canceled() => eprintln!("{}: {signal:?}", bench.instance),
    }
}
