//! The bytes of an episode, with HTTP ranges (RFC 9110 §14): what players and downloaders ask for.

use std::str::FromStr;

use aide::transform::TransformOperation;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::id::EpisodeId;
use botflix_common::manifest::Visibility;
use botflix_common::storage_key;
use botflix_common::task::Artifact;
use schemars::JsonSchema;

use super::extract::{Caller, Named, PathPart};
use super::range::{self, Selection};
use super::{AppState, episodes};
use crate::error::{ApiError, Thing};
use crate::openapi;

/// A revision may take the place of what was shown, so a copy is asked about before it is used again: mostly answered with 304.
const PUBLIC_CACHE: &str = "public, no-cache";
const PRIVATE_CACHE: &str = "private, no-store";

/// A file of an episode, by the last part of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
pub enum MediaFile {
    #[serde(rename = "film.mp4")]
    Film,
    #[serde(rename = "poster.jpg")]
    Poster,
    #[serde(rename = "captions.vtt")]
    Captions,
    #[serde(rename = "chapters.vtt")]
    Chapters,
    #[serde(rename = "storyboard.vtt")]
    Storyboard,
    /// The sheet that the storyboard's cues point into.
    #[serde(rename = "storyboard.jpg")]
    StoryboardSheet,
    #[serde(rename = "poster-2.jpg")]
    Poster2,
    #[serde(rename = "poster-3.jpg")]
    Poster3,
}

impl MediaFile {
    pub const ALL: [Self; 8] = [
        Self::Film,
        Self::Poster,
        Self::Captions,
        Self::Chapters,
        Self::Storyboard,
        Self::StoryboardSheet,
        Self::Poster2,
        Self::Poster3,
    ];

    pub fn file_name(self) -> &'static str {
        match self {
            Self::Film => "film.mp4",
            Self::Poster => "poster.jpg",
            Self::Captions => "captions.vtt",
            Self::Chapters => "chapters.vtt",
            Self::Storyboard => "storyboard.vtt",
            Self::StoryboardSheet => "storyboard.jpg",
            Self::Poster2 => "poster-2.jpg",
            Self::Poster3 => "poster-3.jpg",
        }
    }

    /// The artifact's role in the episode.
    pub fn role(self) -> &'static str {
        match self {
            Self::Film => "film",
            Self::Poster => "poster",
            Self::Captions => "captions",
            Self::Chapters => "chapters",
            Self::Storyboard => "storyboard_vtt",
            Self::StoryboardSheet => "storyboard",
            Self::Poster2 => "poster_2",
            Self::Poster3 => "poster_3",
        }
    }
}

impl FromStr for MediaFile {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|file| file.file_name() == name)
            .ok_or(())
    }
}

impl Named for MediaFile {
    const PARAMETER: &'static str = "file";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::File)
    }
}

pub async fn serve(
    State(app): State<AppState>,
    method: Method,
    PathPart(episode): PathPart<EpisodeId>,
    PathPart(file): PathPart<MediaFile>,
    caller: Option<Caller>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let row = episodes::visible(&app, episode, caller).await?;
    let artifact = row
        .artifacts
        .get(file.role())
        .ok_or(ApiError::NotFound(Thing::File))?;

    let etag = format!("\"{}\"", artifact.sha256.hex());
    let selection = range::select(&headers, &etag, artifact.bytes);
    let mut response = respond(&app, artifact, selection, method == Method::HEAD).await?;
    let cache = match row.visibility {
        Visibility::Public | Visibility::Unlisted => PUBLIC_CACHE,
        Visibility::Private => PRIVATE_CACHE,
    };
    let headers = response.headers_mut();
    headers.insert(header::ETAG, value(&etag)?);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Ok(response)
}

async fn respond(
    app: &AppState,
    artifact: &Artifact,
    selection: Selection,
    head: bool,
) -> Result<Response, ApiError> {
    let size = artifact.bytes;
    let (status, range) = match selection {
        Selection::NotModified => return Ok(StatusCode::NOT_MODIFIED.into_response()),
        Selection::Unsatisfiable => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            let range = value(&format!("bytes */{size}"))?;
            response.headers_mut().insert(header::CONTENT_RANGE, range);
            return Ok(response);
        }
        Selection::Whole => (StatusCode::OK, 0..size),
        Selection::Part { start, end } => (StatusCode::PARTIAL_CONTENT, start..end + 1),
    };
    let length = range.end - range.start;
    let content_range = format!(
        "bytes {}-{}/{size}",
        range.start,
        range.end.saturating_sub(1)
    );
    let body = if head || length == 0 {
        Body::empty()
    } else {
        let key = storage_key::blob(&artifact.sha256);
        Body::from_stream(app.storage.stream_range(&key, range).await?)
    };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(&artifact.media_type)?);
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    if status == StatusCode::PARTIAL_CONTENT {
        headers.insert(header::CONTENT_RANGE, value(&content_range)?);
    }
    Ok(response)
}

fn value(text: &str) -> Result<HeaderValue, ApiError> {
    HeaderValue::from_str(text).map_err(ApiError::internal)
}

pub fn serve_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("getMedia")
        .tag("episodes")
        .summary("The film, poster, captions or chapters of an episode; ranges, strong ETag, HEAD")
        .description("Private episodes need their director's key.")
        .with(openapi::key_is_optional);
    let operation = openapi::answers_with(operation, 200, "application/octet-stream", "All bytes.");
    let operation = openapi::answers_with(
        operation,
        206,
        "application/octet-stream",
        "The range asked for.",
    );
    let operation = openapi::answers_with(
        operation,
        304,
        "",
        "The client has it already (If-None-Match).",
    );
    openapi::answers_with(
        operation,
        416,
        "",
        "No byte of the range exists; Content-Range has the size.",
    )
}
