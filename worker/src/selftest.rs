//! What a worker proves before it takes its first task: ffmpeg encodes, scratch can be written, storage gives back what it was given, Redis
//! answers; and what it tries of its host, so that people see it.

use std::time::{Duration, Instant};

use botflix_common::queue::Queue;
use botflix_common::storage::Storage;
use botflix_common::task::EngineClass;
use botflix_common::worker::{SelfCheck, SelfTest};
use botflix_media::{Engine, EngineConfig};
use tracing::{info, warn};

use crate::error::StartError;
use crate::runner::{RunnerConfig, TaskRunner};

/// Redis and storage may start at the same time as their workers: they are waited for this long.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(250);

/// A runner on this machine's engine, scratch and storage, all three proven.
pub async fn runner(
    storage: Storage,
    engine: EngineConfig,
    config: RunnerConfig,
) -> Result<TaskRunner, StartError> {
    let engine = Engine::discover(engine).await.map_err(StartError::Engine)?;
    patiently(async || storage.probe().await.map_err(StartError::Storage)).await?;
    info!(
        engine = engine.version(),
        sandbox = engine.sandbox_layers().join(","),
        "the engine works"
    );
    let runner = TaskRunner::new(storage, engine, config).map_err(StartError::Scratch)?;
    runner.check_room().map_err(StartError::Scratch)?;
    Ok(runner)
}

/// What this host does, tried; what it cannot do without is an error. It takes a second or two, and says how long.
pub(crate) async fn host(runner: &TaskRunner) -> Result<SelfTest, StartError> {
    let since = Instant::now();
    let engine = runner.engine();
    let exam = engine.examine().await.map_err(StartError::Engine)?;
    let proving = runner.clone();
    let scratch_free_bytes = tokio::task::spawn_blocking(move || {
        proving.scratch().prove()?;
        proving.scratch().free_bytes()
    })
    .await
    .map_err(|_| StartError::Config("the proof of the scratch disk panicked".to_owned()))?
    .map_err(StartError::Scratch)?;
    let check = |name: String, failed: Option<String>| SelfCheck { name, failed };
    let mut checks: Vec<SelfCheck> = exam
        .decoders
        .into_iter()
        .map(|(codec, tried)| check(format!("decode {codec}"), tried.err()))
        .collect();
    for class in EngineClass::ALL {
        let tried = engine.encoders().contains(&class) || class.is_gpu();
        if tried {
            let failed = engine.why_not(class).map(str::to_owned);
            checks.push(check(format!("encode {}", class.name()), failed));
        }
    }
    checks.push(check("scratch".to_owned(), None));
    for failed in checks.iter().filter(|check| check.failed.is_some()) {
        let why = failed.failed.as_deref().unwrap_or_default();
        info!(check = failed.name, why, "this host does not do it");
    }
    let seconds = since.elapsed().as_secs_f64();
    info!(
        seconds,
        speed_720p = exam.speed_720p,
        "the self-test is done"
    );
    Ok(SelfTest {
        checks,
        speed_720p: exam.speed_720p,
        scratch_free_bytes,
        seconds,
    })
}

/// Waits for Redis and says what is unsafe about it.
pub(crate) async fn queue(queue: &Queue) -> Result<(), StartError> {
    patiently(async || queue.ping().await.map_err(StartError::Queue)).await?;
    match queue.health().await {
        Ok(health) => {
            for warning in health.warnings() {
                warn!(
                    warning,
                    "Redis is set up in a way that can lose queued tasks' time"
                );
            }
        }
        // A restricted user may not ask.
        Err(error) => warn!(%error, "the settings of Redis could not be read"),
    }
    Ok(())
}

async fn patiently(
    mut attempt: impl AsyncFnMut() -> Result<(), StartError>,
) -> Result<(), StartError> {
    let since = tokio::time::Instant::now();
    loop {
        match attempt().await {
            Err(error) if error.is_retryable() && since.elapsed() < PATIENCE => {
                tokio::time::sleep(PAUSE).await;
            }
            ended => return ended,
        }
    }
}
