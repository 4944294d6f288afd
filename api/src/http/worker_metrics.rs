//! `GET /metrics/workers`: what the workers count, for a Prometheus that cannot reach them. No rule of what is believed is here: see
//! [`crate::relay`].

use std::sync::Arc;
use std::time::{Duration, Instant};

use aide::transform::TransformOperation;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use botflix_common::queue::QueueError;
use tokio::sync::Mutex;

use super::{App, AppState};
use crate::error::ApiError;
use crate::metrics::TEXT_FORMAT;
use crate::{openapi, relay};

/// Whoever asks more often gets the last page: workers write theirs every nine seconds.
const KEEP: Duration = Duration::from_secs(2);

/// The last page, and when it was made.
#[derive(Default)]
pub struct Relay {
    last: Mutex<Option<(Instant, Arc<str>)>>,
}

impl Relay {
    async fn page(&self, app: &App) -> Result<Arc<str>, QueueError> {
        // Held while asking: many who ask at once cost one round.
        let mut last = self.last.lock().await;
        if let Some((_, page)) = last.as_ref().filter(|(at, _)| at.elapsed() < KEEP) {
            return Ok(Arc::clone(page));
        }
        let workers = app.queue.workers().await?;
        let merged = relay::merge(&app.queue.worker_pages(workers).await?);
        for (worker, why) in merged.dropped {
            tracing::warn!(
                worker,
                why = why.name(),
                "metrics of a worker are not shown"
            );
            app.metrics.relay_dropped(why);
        }
        let page: Arc<str> = merged.text.into();
        *last = Some((Instant::now(), Arc::clone(&page)));
        Ok(page)
    }
}

pub async fn show(State(app): State<AppState>) -> Result<Response, ApiError> {
    let page = app.relay.page(&app).await.map_err(|error| {
        if error.is_retryable() {
            ApiError::unavailable("Redis", error)
        } else {
            ApiError::internal(error)
        }
    })?;
    Ok(([(header::CONTENT_TYPE, TEXT_FORMAT)], page.to_string()).into_response())
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("workerMetrics")
        .tag("server")
        .summary("Counters of the workers for Prometheus, relayed")
        .description(
            "Every series has the worker's name as `worker`. Workers leave theirs every nine seconds; those of one that is gone are forgotten after half a minute.",
        );
    openapi::answers_with(operation, 200, "text/plain", "The Prometheus text format.")
}
