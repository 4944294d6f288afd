//! The pages that people see: server-rendered, no account, no build step. Reads the catalog; decides nothing.

mod assets;
mod home;
mod text;
mod vtt;
mod watch;

use askama::Template;
use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::error::ApiError;
use crate::http::AppState;

/// Everything from here, nothing inline, in nobody's frame.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/", get(home::page))
        .route("/watch/{id}", get(watch::page))
        .route("/assets/{name}", get(assets::serve))
        .route("/favicon.ico", get(assets::favicon))
}

#[derive(Template)]
#[template(path = "not_found.html")]
struct NotFoundPage {
    version: &'static str,
}

/// The 404 for people.
pub fn not_found() -> Response {
    page_of(
        StatusCode::NOT_FOUND,
        &NotFoundPage {
            version: assets::version(),
        },
    )
}

/// Whether the one who asks is a browser that would rather see a page than a problem document.
pub fn wants_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn page_of(status: StatusCode, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(error) => return ApiError::internal(error).into_response(),
    };
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
        (header::CACHE_CONTROL, "no-cache"),
    ]
    .map(|(name, value)| (name, HeaderValue::from_static(value)));
    (status, headers, html).into_response()
}
