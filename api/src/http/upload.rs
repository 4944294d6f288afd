//! `POST /api/v1/clips`: a body of any size goes through constant memory into object storage and is named by what it hashed to.
//!
//! Nothing is visible before the last byte is there and right: an upload that is cut, stands still, is too long or has another hash than
//! declared is aborted, and no row is written.

use std::sync::Arc;
use std::time::Duration;

use aide::transform::TransformOperation;
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::hash::Sha;
use botflix_common::http::{ClipBody, ClipStatus};
use bytes::Bytes;
use futures::{Stream, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::extract::{Caller, Query};
use super::{App, AppState, clips, digest};
use crate::error::ApiError;
use crate::openapi;

/// What a multipart body may hold besides the file: its boundaries and other fields.
const MULTIPART_EXTRA_BYTES: u64 = 1024 * 1024;
/// The parts of a multipart body that are taken for the file.
const FILE_PARTS: [&str; 4] = ["file", "video", "clip", "mp4"];

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct UploadQuery {
    /// The SHA-256 that the bytes should have, in hex. `Content-Digest` and `Digest` headers are understood as well.
    pub sha256: Option<String>,
}

pub async fn upload(
    State(app): State<AppState>,
    caller: Caller,
    Query(query): Query<UploadQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let declared = digest::declared(request.headers(), query.sha256.as_deref())?;
    if let Some(length) = content_length(request.headers()) {
        let checked = check_length(&app, length, is_multipart(request.headers()));
        if checked.is_err() {
            app.metrics.upload_ended(&checked);
        }
        checked?;
    }
    if let Some(sha) = declared
        && waits_for_permission(request.headers())
        && let Some(known) = clips::known(&app, caller, sha).await?
    {
        // The sender asked before sending (Expect: 100-continue), so not a byte is on its way.
        return Ok((StatusCode::OK, [(header::CONNECTION, "close")], Json(known)).into_response());
    }
    // In a task of its own: when the connection goes, the body ends with an error, and the abort is carried through.
    let work = app
        .tasks
        .spawn(receive(Arc::clone(&app), caller, declared, request));
    let received = work.await.map_err(ApiError::internal).flatten();
    app.metrics.upload_ended(&received);
    let body = received?;
    let status = match body.status {
        ClipStatus::Inspecting => StatusCode::ACCEPTED,
        ClipStatus::Ready | ClipStatus::Refused | ClipStatus::Failed => StatusCode::OK,
    };
    let location = format!("/api/v1/clips/{}", body.clip);
    Ok((status, [(header::LOCATION, location)], Json(body)).into_response())
}

pub fn upload_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("uploadClip")
        .tag("clips")
        .summary("Send a clip: the bytes as the body, or multipart with a part `file`, `video`, `clip` or `mp4`")
        .description(
            "The answer names the clip by its SHA-256. 202: the farm is inspecting it, ask GET /api/v1/clips/{sha256}?wait=30. 200: it is known.",
        )
        .with(openapi::takes_any_bytes);
    let operation =
        openapi::answers::<200, ClipBody>(operation, "Known already, with its verdict.");
    openapi::answers::<202, ClipBody>(operation, "Taken; the farm inspects it.")
}

async fn receive(
    app: AppState,
    caller: Caller,
    declared: Option<Sha>,
    request: Request,
) -> Result<ClipBody, ApiError> {
    let (sha, bytes) = if is_multipart(request.headers()) {
        receive_form(&app, declared, request).await?
    } else {
        let limit = app.limits.max_clip_bytes;
        let body = guarded(request.into_body(), limit, app.limits.upload_idle);
        store(&app, declared, body).await?
    };
    tracing::info!(clip = %sha, bytes, "a clip arrived");
    clips::arrived(&app, caller, sha, bytes).await
}

async fn receive_form(
    app: &App,
    declared: Option<Sha>,
    request: Request,
) -> Result<(Sha, u64), ApiError> {
    let limit = app
        .limits
        .max_clip_bytes
        .saturating_add(MULTIPART_EXTRA_BYTES);
    let (parts, body) = request.into_parts();
    let body = Body::from_stream(guarded(body, limit, app.limits.upload_idle));
    let mut form = Multipart::from_request(Request::from_parts(parts, body), &())
        .await
        .map_err(|_| ApiError::NoFilePart)?;
    let mut stored = None;
    // To the end, also after the file: only the closing boundary says that the body is whole.
    while let Some(field) = form.next_field().await.map_err(form_error)? {
        let is_file = field.name().is_some_and(|name| FILE_PARTS.contains(&name));
        if is_file && stored.is_none() {
            let pieces = field.map(|piece| piece.map_err(form_error));
            stored = Some(store_unfinished(app, declared, pieces).await?);
        }
    }
    match stored {
        Some(incoming) => Ok(incoming.finish().await?),
        None => Err(ApiError::NoFilePart),
    }
}

/// A fault of our own guard inside the form reader's errors, or else a body that ended early.
fn form_error(error: axum::extract::multipart::MultipartError) -> ApiError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(fault) = current.downcast_ref::<BodyFault>() {
            return fault.into();
        }
        cause = current.source();
    }
    ApiError::Incomplete
}

async fn store(
    app: &App,
    declared: Option<Sha>,
    pieces: impl Stream<Item = Result<Bytes, BodyFault>> + Unpin,
) -> Result<(Sha, u64), ApiError> {
    let pieces = pieces.map(|piece| piece.map_err(|fault| ApiError::from(&fault)));
    let incoming = store_unfinished(app, declared, pieces).await?;
    Ok(incoming.finish().await?)
}

/// Everything but the last step: until the caller finishes it, what is returned is not visible, and dropped it is gone.
async fn store_unfinished(
    app: &App,
    declared: Option<Sha>,
    mut pieces: impl Stream<Item = Result<Bytes, ApiError>> + Unpin,
) -> Result<botflix_common::storage::Incoming, ApiError> {
    let mut incoming = app.storage.begin_incoming(Uuid::now_v7()).await?;
    let outcome = async {
        while let Some(piece) = pieces.next().await {
            let piece = piece?;
            app.metrics.upload_bytes.inc_by(piece.len() as u64);
            incoming.write(piece).await?;
            if incoming.bytes() > app.limits.max_clip_bytes {
                return Err(ApiError::TooLarge {
                    limit_bytes: app.limits.max_clip_bytes,
                });
            }
        }
        let measured = incoming.sha();
        match declared {
            _ if incoming.bytes() == 0 => Err(ApiError::Empty),
            Some(declared) if declared != measured => Err(ApiError::DigestMismatch {
                measured: measured.to_string(),
            }),
            _ => Ok(()),
        }
    }
    .await;
    match outcome {
        Ok(()) => Ok(incoming),
        Err(error) => {
            incoming.abort().await?;
            Err(error)
        }
    }
}

/// Why a body could not be read to its end.
#[derive(Debug, thiserror::Error)]
enum BodyFault {
    #[error("longer than {limit_bytes} bytes")]
    TooLong { limit_bytes: u64 },
    #[error("nothing came for {idle_seconds} s")]
    Idle { idle_seconds: u64 },
    #[error("cut")]
    Cut(#[source] axum::Error),
}

impl From<&BodyFault> for ApiError {
    fn from(fault: &BodyFault) -> Self {
        match fault {
            BodyFault::TooLong { limit_bytes } => Self::TooLarge {
                limit_bytes: *limit_bytes,
            },
            BodyFault::Idle { idle_seconds } => Self::Idle {
                idle_seconds: *idle_seconds,
            },
            BodyFault::Cut(_) => Self::Incomplete,
        }
    }
}

/// The body's pieces, until it ends, stands still, or is longer than allowed.
fn guarded(
    body: Body,
    limit_bytes: u64,
    idle: Duration,
) -> impl Stream<Item = Result<Bytes, BodyFault>> + Unpin + Send {
    let start = Some((body.into_data_stream(), 0u64));
    Box::pin(futures::stream::unfold(start, move |state| async move {
        let (mut pieces, seen) = state?;
        let fault = match tokio::time::timeout(idle, pieces.next()).await {
            Err(_) => BodyFault::Idle {
                idle_seconds: idle.as_secs(),
            },
            Ok(None) => return None,
            Ok(Some(Err(error))) => BodyFault::Cut(error),
            Ok(Some(Ok(piece))) => {
                let seen = seen + piece.len() as u64;
                if seen <= limit_bytes {
                    return Some((Ok(piece), Some((pieces, seen))));
                }
                BodyFault::TooLong { limit_bytes }
            }
        };
        Some((Err(fault), None))
    }))
}

fn check_length(app: &App, length: u64, multipart: bool) -> Result<(), ApiError> {
    let limit_bytes = app.limits.max_clip_bytes;
    let extra = if multipart { MULTIPART_EXTRA_BYTES } else { 0 };
    if length > limit_bytes.saturating_add(extra) {
        return Err(ApiError::TooLarge { limit_bytes });
    }
    if length == 0 {
        return Err(ApiError::Empty);
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

fn is_multipart(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| {
            value
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("multipart/form-data")
        })
}

fn waits_for_permission(headers: &HeaderMap) -> bool {
    headers
        .get(header::EXPECT)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
