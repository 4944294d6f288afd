//! The machine-readable contract as files: OpenAPI, and the JSON Schemas of what a director sends.

use std::str::FromStr;

use aide::transform::TransformOperation;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::hash::Sha;
use botflix_common::schema::Document;
use schemars::JsonSchema;

use super::extract::{Named, PathPart};
use crate::error::{ApiError, Thing};
use crate::openapi as docs;

/// Agents may keep a copy for so long without asking.
const CACHE: &str = "public, max-age=300";

pub async fn openapi(headers: HeaderMap) -> Result<Response, ApiError> {
    let text = serde_json::to_vec(super::document()).map_err(ApiError::internal)?;
    Ok(answer(text, "application/json", &headers))
}

pub fn openapi_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("getOpenApi")
        .tag("server")
        .summary("This document");
    docs::answers_with(
        operation,
        200,
        "application/json",
        "An OpenAPI 3.1 document.",
    )
}

/// A document with a published schema, by the schema's file name.
#[derive(Clone, Copy, Debug, JsonSchema)]
pub enum SchemaFile {
    #[serde(rename = "EpisodeBrief.json")]
    EpisodeBrief,
    #[serde(rename = "ShotManifest.json")]
    ShotManifest,
}

impl SchemaFile {
    fn document(self) -> Document {
        match self {
            Self::EpisodeBrief => Document::EpisodeBrief,
            Self::ShotManifest => Document::ShotManifest,
        }
    }
}

impl FromStr for SchemaFile {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        [Self::EpisodeBrief, Self::ShotManifest]
            .into_iter()
            .find(|file| file.document().file_name() == name)
            .ok_or(())
    }
}

impl Named for SchemaFile {
    const PARAMETER: &'static str = "document";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::File)
    }
}

pub async fn schema(
    PathPart(file): PathPart<SchemaFile>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let text = serde_json::to_vec_pretty(file.document().schema()).map_err(ApiError::internal)?;
    Ok(answer(text, "application/schema+json", &headers))
}

pub fn schema_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("getSchema")
        .tag("server")
        .summary("The JSON Schema (2020-12) of a document that a director sends");
    docs::answers_with(operation, 200, "application/schema+json", "A JSON Schema.")
}

fn answer(text: Vec<u8>, media_type: &'static str, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", Sha::of(&text).hex());
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|sent| sent.as_bytes() == etag.as_bytes());
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(header::CONTENT_TYPE, media_type)], text).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(CACHE));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}
