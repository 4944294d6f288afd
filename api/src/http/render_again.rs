//! Once more: a render that ended badly, and a film whose manifest has changed.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use botflix_common::hash::Sha;
use botflix_common::http::{RenderBody, RetryRequest};
use botflix_common::id::RenderId;
use botflix_common::manifest::ShotManifest;
use botflix_common::problem::FieldProblem;
use botflix_common::schema::closest;

use super::extract::{Caller, JsonBodyOrNothing, PathPart, Query, read_whole};
use super::renders::{How, RenderOrOutlook, answer, body, idempotency_key, own, sound};
use super::submission::MAX_MANIFEST_BYTES;
use super::{AppState, outlook};
use crate::error::ApiError;
use crate::farm::{Idempotency, Order, Retried};
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
    let key = idempotency_key(&headers)?;
    let bytes = read_whole(request, MAX_MANIFEST_BYTES).await?;
    if how.dry_run {
        return Ok(Json(outlook::dry_run(&app, caller, &bytes).await?).into_response());
    }
    let manifest = sound(&app, caller, &bytes).await?;
    let idempotency = key.map(|key| Idempotency {
        key,
        // The same manifest means something else at another render.
        body_sha256: Sha::of(&[row.id.to_string().as_bytes(), &bytes].concat()),
    });
    let submitted = app
        .farm
        .submit_render(Order {
            revises: Some(row.id),
            priority: how.priority,
            idempotency,
            ..Order::new(caller.0, &manifest)
        })
        .await?;
    answer(&app, submitted).await
}

pub fn revise_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("reviseRender")
        .tag("renders")
        .summary("Send a changed manifest of a film: only what changed is made")
        .description(
            "A render of its own, for a render of any state. When it is published the film's episode shows it: id, links and the date of publication stay. Of several revisions the latest that is published is shown.",
        )
        .with(openapi::takes_json::<ShotManifest>)
        .with(|operation| {
            openapi::header(operation, "Idempotency-Key", "Any word of yours; remembered for 24 hours.")
        });
    let operation = openapi::answers::<200, RenderOrOutlook>(
        operation,
        "The render that this Idempotency-Key stands for; with `dry_run=true` what would come of the manifest.",
    );
    openapi::answers::<202, RenderBody>(operation, "Accepted; `Location` names it.")
}
