//! A worker that was taken off a kind of task gets it back because an operator says so.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::{ReinstateRequest, WorkerBody};

use super::AppState;
use super::extract::{JsonBody, Operator, PathPart};
use super::workers::{WorkerName, answer};
use crate::error::ApiError;

pub async fn reinstate(
    State(app): State<AppState>,
    _: Operator,
    PathPart(name): PathPart<WorkerName>,
    JsonBody(request): JsonBody<ReinstateRequest>,
) -> Result<Json<WorkerBody>, ApiError> {
    answer(app.farm.reinstate(name.as_str(), request.kind).await?)
}

pub fn reinstate_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("reinstateWorker")
        .tag("workers")
        .summary("Have a worker take the kinds of task again that it was taken off")
        .description("A process that fails at three tasks of a kind in a row, and not for what directors sent or for storage, leaves the kind to others \
             until its self-test passes. This does not wait for the test, and forgets the failures.")
}
