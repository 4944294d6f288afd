//! For machines that look after machines: is it alive, should it get traffic, what does it count.

use std::time::{Duration, Instant};

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{App, AppState};
use crate::error::{ApiError, ErrorChain};
use crate::openapi;

/// A part that does not answer within this is away.
const PATIENCE: Duration = Duration::from_secs(3);
/// Whoever asks more often gets the last answer, so that strangers cannot wear out the parts by asking.
const KEEP: Duration = Duration::from_secs(2);

/// `GET /readyz`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Readiness {
    pub ready: bool,
    /// The parts that are away: `database`, `redis`, `storage`; or that the server is stopping.
    pub reasons: Vec<String>,
}

/// The last answer, and when it was found out.
#[derive(Default)]
pub struct Health {
    last: Mutex<Option<(Instant, Readiness)>>,
}

impl Health {
    async fn readiness(&self, app: &App) -> Readiness {
        if app.stopping.is_cancelled() {
            return Readiness {
                ready: false,
                reasons: vec!["stopping".to_owned()],
            };
        }
        // Held while asking: many who ask at once cost one round.
        let mut last = self.last.lock().await;
        if let Some((at, known)) = last.as_ref().filter(|(at, _)| at.elapsed() < KEEP) {
            tracing::trace!(
                age_ms = at.elapsed().as_millis() as u64,
                "the last answer is fresh"
            );
            return known.clone();
        }
        let (database, redis, storage) = tokio::join!(
            answers("database", app.db.ping()),
            answers("redis", app.queue.health()),
            answers("storage", app.storage.probe()),
        );
        let reasons: Vec<String> = [database, redis, storage].into_iter().flatten().collect();
        let found = Readiness {
            ready: reasons.is_empty(),
            reasons,
        };
        *last = Some((Instant::now(), found.clone()));
        found
    }
}

/// The part's name when it is away.
async fn answers<T, E: std::error::Error + 'static>(
    part: &str,
    asked: impl Future<Output = Result<T, E>>,
) -> Option<String> {
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => tracing::warn!(part, error = ?ErrorChain(&error), "not ready"),
        Err(_) => tracing::warn!(part, "not ready: no answer in {PATIENCE:?}"),
    }
    Some(part.to_owned())
}

pub async fn alive() -> &'static str {
    "ok\n"
}

pub fn alive_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("healthz")
        .tag("server")
        .summary("The process runs");
    openapi::answers_with(operation, 200, "text/plain", "It does.")
}

pub async fn ready(State(app): State<AppState>) -> Response {
    let readiness = app.health.readiness(&app).await;
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        [(header::CACHE_CONTROL, "no-store")],
        Json(readiness),
    )
        .into_response()
}

pub fn ready_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("readyz")
        .tag("server")
        .summary("The parts that this server needs are there");
    let operation = openapi::answers::<200, Readiness>(operation, "Send traffic.");
    openapi::answers::<503, Readiness>(operation, "Send none; the reasons say why.")
}

pub async fn metrics(State(app): State<AppState>) -> Result<Response, ApiError> {
    let (media_type, text) = app.metrics.encode().map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, media_type)], text).into_response())
}

pub fn metrics_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("metrics")
        .tag("server")
        .summary("Counters for Prometheus");
    openapi::answers_with(operation, 200, "text/plain", "The Prometheus text format.")
}
