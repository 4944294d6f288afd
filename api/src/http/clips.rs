//! Clips as their directors see them: only what one has sent oneself exists.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::hash::Sha;
use botflix_common::http::{ClipBody, ClipStatus};

use super::extract::{Caller, PathPart, Query, Wait};
use super::{App, AppState, bodies};
use crate::db::clips::ClipRow;
use crate::db::{self, DbError};
use crate::error::{ApiError, Thing};

pub async fn show(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(sha): PathPart<Sha>,
    Query(wait): Query<Wait>,
) -> Result<Json<ClipBody>, ApiError> {
    let deadline = wait.deadline();
    let mut watch = app.farm.watch_clip(sha);
    loop {
        let row = db::clips::get_visible(&app.db, caller.0, &sha)
            .await?
            .ok_or(ApiError::NotFound(Thing::Clip))?;
        let settled = row.status != ClipStatus::Inspecting;
        if settled || !app.more_to_come(&mut watch, deadline).await {
            return Ok(Json(with_quarantine(&app, row).await?));
        }
    }
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getClip")
        .tag("clips")
        .summary("The verdict on a clip; `wait` holds the answer back until there is one")
}

/// What is known of a clip that this director has sent before and need not send again.
pub async fn known(app: &App, caller: Caller, sha: Sha) -> Result<Option<ClipBody>, ApiError> {
    let row = db::clips::get_visible(&app.db, caller.0, &sha).await?;
    Ok(row
        .filter(|row| row.status != ClipStatus::Failed)
        .map(bodies::clip))
}

/// The bytes are stored under their hash: from here on the clip exists.
pub async fn arrived(
    app: &App,
    caller: Caller,
    sha: Sha,
    bytes: u64,
) -> Result<ClipBody, ApiError> {
    let arrival = app.farm.clip_arrived(caller.0, sha, bytes).await;
    let arrival = arrival.map_err(|error| match error {
        DbError::Swept => ApiError::unavailable("Object storage", error),
        error => error.into(),
    })?;
    with_quarantine(app, arrival.clip().clone()).await
}

async fn with_quarantine(app: &App, row: ClipRow) -> Result<ClipBody, ApiError> {
    let confined = db::quarantine::find(&app.db, &row.sha256).await?;
    Ok(ClipBody {
        quarantine: confined.map(bodies::quarantine),
        ..bodies::clip(row)
    })
}
