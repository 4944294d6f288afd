//! What a worker proves before it takes its first task: ffmpeg encodes, scratch can be written, storage gives back what it was given, Redis
//! answers.

use std::time::Duration;

use botflix_common::queue::Queue;
use botflix_common::storage::Storage;
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
