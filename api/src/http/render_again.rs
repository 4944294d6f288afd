//! Once more: a render that ended badly, and a film whose manifest has changed.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use botflix_common::http::{RenderBody, RetryRequest};
use botflix_common::id::RenderId;
use botflix_common::problem::FieldProblem;
use botflix_common::schema::closest;

use super::AppState;
use super::extract::{Caller, JsonBodyOrNothing, PathPart, Query};
use super::renders::{How, accept, body, own, takes_manifest};
use crate::error::ApiError;
use crate::farm::Retried;
use crate::openapi;

pub async fn retry(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
    JsonBodyOrNothing(wanted): JsonBodyOrNothing<RetryRequest>,
) -> Result<Response, ApiError> {
    let row = own(&app, caller, id).await?;
    let shot = wanted.shot.as_deref();
    let status = match app.farm.retry_render(row.id, shot).await? {
        Retried::Reopened | Retried::Hurried(1..) => StatusCode::ACCEPTED,
        Retried::Hurried(_) => StatusCode::OK,
        Retried::TooMany { limit } => return Err(ApiError::TooManyRenders { limit }),
        Retried::Published => return Err(ApiError::RenderIsFinal("published")),
        Retried::UnknownShot(shots) => {
            return Err(ApiError::InvalidBody(vec![unknown_shot(
                shot.unwrap_or_default(),
                &shots,
            )]));
        }
    };
    Ok((status, Json(body(&app, id).await?)).into_response())
}

fn unknown_shot(shot: &str, shots: &[String]) -> FieldProblem {
    let message = format!("The render's manifest has no shot \"{shot}\".");
    let problem = FieldProblem::new("/shot", "unknown_shot", message);
    match closest(shot, shots.iter().map(String::as_str)) {
        Some(known) => problem.did_you_mean(known),
        None => problem,
    }
}

pub fn retry_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("retryRender")
        .tag("renders")
        .summary("Have a render that failed or was canceled go on where it was")
        .description(
            "What was made for it is not made again. While it runs, tasks that wait for their next try are tried at once: all, or those of one shot. 409 once it is published: send a revision instead.",
        );
    let operation = openapi::answers::<200, RenderBody>(
        operation,
        "It runs, and nothing of it waits for another try.",
    );
    openapi::answers::<202, RenderBody>(operation, "It goes on.")
}

pub async fn revise(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
    Query(how): Query<How>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    let row = own(&app, caller, id).await?;
    accept(&app, caller, Some(row.id), how, (&headers, request)).await
}

pub fn revise_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("reviseRender")
        .tag("renders")
        .summary("Send a changed manifest of a film: only what changed is made")
        .description(
            "A render of its own, for a render of any state. When it is published the film's episode shows it: id, links and the date of publication stay. Of several revisions the latest that is published is shown.",
        );
    takes_manifest(operation)
}
