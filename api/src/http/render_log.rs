//! `GET /api/v1/renders/{id}/log`: what became of each attempt at a render's tasks, for its director alone.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::{AttemptBody, Page};
use botflix_common::id::RenderId;

use super::extract::{Caller, PathPart, Query};
use super::paging::{self, PageQuery};
use super::renders::own;
use super::{AppState, bodies};
use crate::db;
use crate::error::ApiError;

pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<AttemptBody>>, ApiError> {
    own(&app, caller, id).await?;
    let rows = db::renders::attempts(&app.db, id, page.cursor()?, page.limit() + 1).await?;
    let (rows, next_cursor) = paging::cut(rows, page.limit(), |row| row.place().to_string());
    let data = rows.into_iter().map(bodies::attempt).collect();
    Ok(Json(Page { data, next_cursor }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listRenderAttempts")
        .tag("renders")
        .summary("What became of every attempt at the render's tasks, and what it said, oldest first")
        .description(
            "Also the inspections of its clips, and attempts of tasks that were made for another render before. Kept as long as the render; \
             what others try of the same tasks after it has ended is not in it. No host's paths, no secrets.",
        )
}
