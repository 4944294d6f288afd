//! A director's part of the farm: its share and its limits, for operators.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::ShareBody;
use botflix_common::id::DirectorId;
use botflix_common::problem::FieldProblem;

use super::AppState;
use super::extract::{JsonBody, Operator, PathPart};
use crate::db::{DbError, directors};
use crate::error::{ApiError, Thing};

/// Weights between which one director is not shut out by another.
const WEIGHTS: std::ops::RangeInclusive<f64> = 0.01..=1000.0;
/// Limits beyond this are none.
const LARGEST_LIMIT: u64 = 1_000_000_000;

pub async fn show(
    State(app): State<AppState>,
    _: Operator,
    PathPart(id): PathPart<DirectorId>,
) -> Result<Json<ShareBody>, ApiError> {
    directors::share(&app.db, id)
        .await
        .map(Json)
        .map_err(unknown)
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getDirectorShare")
        .tag("directors")
        .summary("A director's share of the farm, as operators have set it")
}

pub async fn set(
    State(app): State<AppState>,
    _: Operator,
    PathPart(id): PathPart<DirectorId>,
    JsonBody(body): JsonBody<ShareBody>,
) -> Result<Json<ShareBody>, ApiError> {
    check(&body)?;
    directors::set_share(&app.db, id, &body)
        .await
        .map_err(unknown)?;
    app.farm.wake();
    tracing::info!(director = %id, share = ?body, "a director's share was set");
    Ok(Json(body))
}

pub fn set_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.id("setDirectorShare").tag("directors").summary(
        "Set a director's share of the farm and its limits, as a whole; from the next task on",
    )
}

fn unknown(error: DbError) -> ApiError {
    match error {
        DbError::Gone(_) => ApiError::NotFound(Thing::Director),
        error => error.into(),
    }
}

fn check(body: &ShareBody) -> Result<(), ApiError> {
    let mut problems = Vec::new();
    if body.weight.is_some_and(|weight| !WEIGHTS.contains(&weight)) {
        let message = "A weight is between 0.01 and 1000.";
        problems.push(FieldProblem::new("/weight", "out_of_range", message));
    }
    for (pointer, limit) in [
        ("/task_limit", body.task_limit),
        ("/render_limit", body.render_limit),
    ] {
        if limit.is_some_and(|limit| limit > LARGEST_LIMIT) {
            let message = "A limit is at most 1,000,000,000; null is none of its own.";
            problems.push(FieldProblem::new(pointer, "out_of_range", message));
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(ApiError::InvalidBody(problems))
    }
}
