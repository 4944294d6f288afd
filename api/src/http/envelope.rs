//! What every answer has, whatever made it: a request id, a log line, a measurement, the security headers, and a written-out problem.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use botflix_common::problem;
use tracing::Instrument;

use super::{AppState, leftover};
use crate::error::{ApiError, ProblemDraft};

pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest inbound request id that is kept.
const MAX_REQUEST_ID_CHARS: usize = 64;

/// The outermost layer.
pub async fn envelope(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("request", %id, %method, route);
    let (request, leftover) = leftover::watch(request);
    let response = next.run(request).instrument(span.clone()).await;
    leftover.drain(&app.tasks);
    let mut response = write_problem(response, &id);
    let elapsed = started.elapsed();
    app.metrics.observe_request(
        &route,
        method_name(&method),
        response.status().as_u16(),
        elapsed,
    );
    span.in_scope(|| {
        tracing::debug!(
            status = response.status().as_u16(),
            elapsed_ms = elapsed.as_millis() as u64,
            "answered"
        );
    });
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers
        .entry(header::REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("no-referrer"));
    response
}

/// An inbound id is kept when it is short and plain, so that a caller can follow its request; anything else is replaced.
fn request_id(request: &Request) -> String {
    request
        .headers()
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| !text.is_empty() && text.len() <= MAX_REQUEST_ID_CHARS)
        .filter(|text| {
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        })
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

fn write_problem(mut response: Response, id: &str) -> Response {
    let Some(ProblemDraft(mut problem)) = response.extensions_mut().remove::<ProblemDraft>() else {
        return response;
    };
    problem.request_id = Some(id.to_owned());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(problem::MEDIA_TYPE),
    );
    parts
        .headers
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Response::from_parts(parts, body.into())
}

/// Methods are a label of a metric, so strangers must not be able to invent new ones.
fn method_name(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PATCH" => "PATCH",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// A panic in a handler becomes a problem like any other; its text goes to the log only.
pub fn on_panic(panic: Box<dyn std::any::Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    tracing::error!(panic = text, "a handler panicked");
    ApiError::Panicked.into_response()
}
