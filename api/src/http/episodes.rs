//! The catalog: what is published, for anyone.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::{EpisodeBody, Page};
use botflix_common::id::{DirectorId, EpisodeId};
use botflix_common::manifest::Visibility;
use schemars::JsonSchema;
use serde::Deserialize;

use super::extract::{Caller, PathPart, Query};
use super::paging::{self, PageQuery};
use super::{App, AppState, bodies};
use crate::db;
use crate::db::episodes::{EpisodeFilter, EpisodeRow};
use crate::error::{ApiError, Thing};
use crate::openapi;

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct EpisodesQuery {
    /// Only episodes of the show with exactly this title.
    pub show: Option<String>,
    /// Only episodes of this director.
    pub director: Option<DirectorId>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Episodes in a page: 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u32>,
}

pub async fn list(
    State(app): State<AppState>,
    Query(query): Query<EpisodesQuery>,
) -> Result<Json<Page<EpisodeBody>>, ApiError> {
    let page = PageQuery {
        cursor: query.cursor,
        limit: query.limit,
    };
    let filter = EpisodeFilter {
        show: query.show,
        director: query.director,
    };
    let rows = db::episodes::page(&app.db, &filter, page.cursor()?, page.limit() + 1).await?;
    let (rows, next_cursor) = paging::cut(rows, page.limit(), |row| row.id.to_string());
    let data = rows
        .into_iter()
        .map(|row| bodies::episode(&app.links, row))
        .collect();
    Ok(Json(Page { data, next_cursor }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listEpisodes")
        .tag("episodes")
        .summary("Public episodes, newest first")
}

pub async fn show(
    State(app): State<AppState>,
    caller: Option<Caller>,
    PathPart(id): PathPart<EpisodeId>,
) -> Result<Json<EpisodeBody>, ApiError> {
    let row = visible(&app, id, caller).await?;
    Ok(Json(bodies::episode(&app.links, row)))
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getEpisode")
        .tag("episodes")
        .summary("One episode; a private one for its director only")
        .with(openapi::key_is_optional)
}

/// The one rule of who sees an episode, for JSON, pages and bytes alike. What is not visible does not exist.
pub async fn visible(
    app: &App,
    id: EpisodeId,
    caller: Option<Caller>,
) -> Result<EpisodeRow, ApiError> {
    let row = db::episodes::get(&app.db, id)
        .await?
        .ok_or(ApiError::NotFound(Thing::Episode))?;
    let allowed = match row.visibility {
        Visibility::Public | Visibility::Unlisted => true,
        Visibility::Private => caller.is_some_and(|caller| caller.0 == row.director_id),
    };
    if allowed {
        Ok(row)
    } else {
        Err(ApiError::NotFound(Thing::Episode))
    }
}
