//! The farm's workers, for operators.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::{Page, WorkerBody};
use botflix_common::queue::QueueError;
use botflix_common::report::WorkerHello;

use super::AppState;
use super::extract::Operator;
use crate::error::ApiError;

pub async fn list(
    State(app): State<AppState>,
    _: Operator,
) -> Result<Json<Page<WorkerBody>>, ApiError> {
    let workers = app.queue.workers().await.map_err(queue_error)?;
    Ok(Json(Page {
        data: workers.into_iter().map(body).collect(),
        next_cursor: None,
    }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listWorkers")
        .tag("workers")
        .summary("The workers that are there")
}

fn body(hello: WorkerHello) -> WorkerBody {
    WorkerBody {
        name: hello.name,
        instance: hello.instance,
        version: hello.version,
        lanes: hello.lanes,
        slots: hello.slots,
        engine: hello.engine,
        draining: hello.draining,
        disk_full: hello.disk_full,
    }
}

fn queue_error(error: QueueError) -> ApiError {
    if error.is_retryable() {
        ApiError::unavailable("Redis", error)
    } else {
        ApiError::internal(error)
    }
}
