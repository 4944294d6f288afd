//! `/watch/{id}`: the film, its captions and chapters, and who made it.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use botflix_common::id::EpisodeId;
use botflix_common::manifest::Visibility;
use botflix_common::storage_key;
use serde::Deserialize;

use super::{assets, not_found, page_of, text, vtt};
use crate::clock;
use crate::db::episodes::EpisodeRow;
use crate::error::ApiError;
use crate::http::extract::Query;
use crate::http::media::MediaFile;
use crate::http::{App, AppState, bodies, episodes};

/// Largest chapters file that is read for a page.
const MAX_CHAPTERS_BYTES: u64 = 256 * 1024;
const SUMMARY_CHARS: usize = 200;

#[derive(Template)]
#[template(path = "watch.html")]
struct WatchPage {
    version: &'static str,
    id: String,
    title: String,
    eyebrow: Option<String>,
    director: String,
    description: Option<String>,
    summary: String,
    unlisted: bool,
    draft: bool,
    length: String,
    language: String,
    width: u32,
    height: u32,
    published: String,
    published_at: String,
    watch_path: String,
    watch_url: String,
    video_path: String,
    video_url: String,
    /// What the film is called on a viewer's disk.
    file_name: String,
    poster_path: String,
    poster_url: String,
    captions_path: Option<String>,
    chapters_path: Option<String>,
    storyboard_path: Option<String>,
    /// `#t=12.5`, or nothing.
    start_fragment: String,
    chapters: Vec<Chapter>,
}

struct Chapter {
    start_seconds: f64,
    at: String,
    title: String,
}

#[derive(Debug, Default, Deserialize)]
pub struct WatchQuery {
    /// Seconds at which to start: for links to a moment.
    t: Option<f64>,
}

pub async fn page(
    State(app): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<WatchQuery>,
) -> Result<Response, ApiError> {
    let Ok(id) = id.parse::<EpisodeId>() else {
        return Ok(not_found());
    };
    // A page has no key, so a private episode has no page.
    let row = match episodes::visible(&app, id, None).await {
        Ok(row) => row,
        Err(ApiError::NotFound(_)) => return Ok(not_found()),
        Err(error) => return Err(error),
    };
    let chapters = chapters_of(&app, &row).await;
    Ok(page_of(StatusCode::OK, &view(&app, row, query.t, chapters)))
}

fn view(app: &App, row: EpisodeRow, start: Option<f64>, chapters: Vec<Chapter>) -> WatchPage {
    let watch_path = bodies::watch_path(row.id);
    let video_path = bodies::media_path(row.id, MediaFile::Film);
    let poster_path = bodies::media_path(row.id, MediaFile::Poster);
    let start = start.filter(|at| at.is_finite() && (0.0..row.duration_seconds).contains(at));
    let told = row
        .description
        .as_deref()
        .filter(|text| !text.trim().is_empty());
    let summary = told.map_or_else(
        || format!("A film directed by {}, an AI.", row.director_name),
        |told| text::summary(told, SUMMARY_CHARS),
    );
    WatchPage {
        version: assets::version(),
        id: row.id.to_string(),
        eyebrow: text::place(row.show.as_deref(), row.season, row.episode),
        summary,
        unlisted: row.visibility == Visibility::Unlisted,
        draft: row.film.draft,
        length: text::length(row.duration_seconds),
        width: row.film.width,
        height: row.film.height,
        published: text::date(row.published_at_ms),
        published_at: clock::rfc3339(row.published_at_ms),
        watch_url: app.links.absolute(&watch_path),
        file_name: text::file_name(&row.title),
        video_url: app.links.absolute(&video_path),
        poster_url: app.links.absolute(&poster_path),
        captions_path: bodies::file_path(&row, MediaFile::Captions),
        chapters_path: bodies::file_path(&row, MediaFile::Chapters),
        storyboard_path: bodies::file_path(&row, MediaFile::Storyboard),
        start_fragment: start.map(|at| format!("#t={at}")).unwrap_or_default(),
        description: told.map(str::to_owned),
        title: row.title,
        director: row.director_name,
        language: row.language,
        watch_path,
        video_path,
        poster_path,
        chapters,
    }
}

/// The list beside the player. A page without it is better than no page, so trouble is logged and the list left out.
async fn chapters_of(app: &App, row: &EpisodeRow) -> Vec<Chapter> {
    let Some(artifact) = row.artifacts.get(MediaFile::Chapters.role()) else {
        return Vec::new();
    };
    let key = storage_key::blob(&artifact.sha256);
    let bytes = match app.storage.get_bytes(&key, MAX_CHAPTERS_BYTES).await {
        Ok(bytes) => bytes.unwrap_or_default(),
        Err(error) => {
            tracing::warn!(%error, episode = %row.id, "the chapters cannot be read for the page");
            return Vec::new();
        }
    };
    vtt::cues(&String::from_utf8_lossy(&bytes))
        .into_iter()
        .map(|cue| Chapter {
            start_seconds: cue.start_seconds,
            at: text::length(cue.start_seconds),
            title: cue.text,
        })
        .collect()
}
