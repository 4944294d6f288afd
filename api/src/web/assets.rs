//! The style sheet, the scripts and the icon, inside the binary.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::hash::Sha;

struct Asset {
    name: &'static str,
    media_type: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 4] = [
    Asset {
        name: "style.css",
        media_type: "text/css; charset=utf-8",
        text: include_str!("../../assets/style.css"),
    },
    Asset {
        name: "watch.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/watch.js"),
    },
    Asset {
        name: "seek.js",
        media_type: "text/javascript; charset=utf-8",
        text: include_str!("../../assets/seek.js"),
    },
    Asset {
        name: "favicon.svg",
        media_type: "image/svg+xml",
        text: include_str!("../../assets/favicon.svg"),
    },
];

/// Digits of the hash that pages put behind an asset's name, so that browsers may keep it for good.
const VERSION_CHARS: usize = 12;

static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: String = ASSETS.iter().map(|asset| asset.text).collect();
    Sha::of(all.as_bytes())
        .hex()
        .chars()
        .take(VERSION_CHARS)
        .collect()
});

/// Changes when any asset does.
pub fn version() -> &'static str {
    &VERSION
}

pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> Response {
    match ASSETS.iter().find(|asset| asset.name == name) {
        Some(asset) => answer(asset, &headers),
        None => super::not_found(),
    }
}

/// Browsers ask for it whatever the page says.
pub async fn favicon(headers: HeaderMap) -> Response {
    serve(Path("favicon.svg".to_owned()), headers).await
}

fn answer(asset: &Asset, headers: &HeaderMap) -> Response {
    let etag = format!("\"{}\"", version());
    let Ok(etag) = HeaderValue::from_str(&etag) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|sent| *sent == etag);
    let cache = HeaderValue::from_static("public, max-age=3600");
    let shared = [(header::ETAG, etag), (header::CACHE_CONTROL, cache)];
    if known {
        return (StatusCode::NOT_MODIFIED, shared).into_response();
    }
    let media_type = [(
        header::CONTENT_TYPE,
        HeaderValue::from_static(asset.media_type),
    )];
    (shared, media_type, asset.text).into_response()
}
