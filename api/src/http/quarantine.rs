//! Clips in quarantine, for operators: which they are, and letting one go.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use botflix_common::hash::Sha;
use botflix_common::http::{Page, QuarantineBody};

use super::extract::{Operator, PathPart};
use super::{AppState, bodies};
use crate::db::quarantine;
use crate::error::{ApiError, Thing};

pub async fn list(
    State(app): State<AppState>,
    _: Operator,
) -> Result<Json<Page<QuarantineBody>>, ApiError> {
    let rows = quarantine::all(&app.db).await?;
    Ok(Json(Page {
        data: rows.into_iter().map(bodies::quarantine).collect(),
        next_cursor: None,
    }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation.id("listQuarantine").tag("clips").summary(
        "Clips that killed three attempts of a task, the latest first, 1,000 at most, in one page",
    )
}

pub async fn release(
    State(app): State<AppState>,
    _: Operator,
    PathPart(clip): PathPart<Sha>,
) -> Result<StatusCode, ApiError> {
    if app.farm.release_clip(clip).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NotFound(Thing::Clip))
    }
}

pub fn release_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("releaseClip")
        .tag("clips")
        .summary("Let renders use a clip again that is in quarantine")
        .description("One whose inspection was never finished is inspected anew. If it kills three attempts again, it is back. 404: it is not in quarantine.")
        .response_with::<204, (), _>(|response| response.description("It is released."))
}
