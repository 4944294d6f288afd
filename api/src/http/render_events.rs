//! `GET /api/v1/renders/{id}/events`: the event log of a render as server-sent events, from any point on.
//!
//! Nothing is pushed that is not in the log, so a client that lost its connection names the last number it saw and misses nothing.

use std::convert::Infallible;
use std::time::Duration;

use aide::transform::TransformOperation;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use botflix_common::http::{RenderEvent, RenderEventKind};
use botflix_common::id::RenderId;
use futures::stream::{self, Stream, StreamExt};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;

use super::extract::{Caller, PathPart, Query};
use super::{AppState, renders};
use crate::db;
use crate::error::{ApiError, ErrorChain};
use crate::openapi;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// A comment is sent when nothing else was for so long, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Events read from the log at once.
const BATCH: u32 = 200;
/// How long one wait for the next event lasts before the log is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct EventsQuery {
    /// Only events after this number. The `Last-Event-ID` header says the same and wins.
    pub after: Option<i64>,
}

pub async fn stream(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    renders::own(&app, caller, id).await?;
    let after = last_seen(&headers, &query)?;
    let events = Sse::new(log(app, id, after)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let mut response = events.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would otherwise collect the stream before passing it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

pub fn stream_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("streamRenderEvents")
        .tag("renders")
        .summary("The event log as server-sent events: id = seq, event = kind, data = RenderEvent")
        .description(
            "Resumes after `Last-Event-ID` or `after`; ends after the event of the final state. A render that is tried once more goes on after a final state: what counts is the last one.",
        );
    openapi::answers_with(
        operation,
        200,
        "text/event-stream",
        "Events until the render has ended.",
    )
}

fn last_seen(headers: &HeaderMap, query: &EventsQuery) -> Result<i64, ApiError> {
    let seen = match headers.get(LAST_EVENT_ID) {
        Some(value) => value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        None => Some(query.after.unwrap_or(0)),
    };
    seen.filter(|seq| *seq >= 0)
        .ok_or_else(|| ApiError::BadParameter {
            name: "Last-Event-ID".to_owned(),
            expected: "the id of an event of this render".to_owned(),
        })
}

/// Batches of the log, each as soon as there is one, until the final state. On trouble the stream just ends: the client comes back.
fn log(
    app: AppState,
    id: RenderId,
    after: i64,
) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    let batches = stream::unfold(Some(after), move |after| {
        let app = app.clone();
        async move {
            let batch = next_batch(&app, id, after?).await?;
            let next = match batch.last() {
                Some(last) if is_last(last) && !goes_on(&app, id, last.seq).await => None,
                Some(last) => Some(last.seq),
                None => None,
            };
            Some((batch, next))
        }
    });
    batches.flat_map(|batch| stream::iter(batch.into_iter().map(|event| Ok(sse(&event)))))
}

/// Waits for events after a number. `None`: the server stops, or cannot read its log.
async fn next_batch(app: &AppState, id: RenderId, after: i64) -> Option<Vec<RenderEvent>> {
    let mut watch = app.farm.watch_render(id);
    loop {
        match db::events::after(&app.db, id, after, BATCH).await {
            Ok(events) if !events.is_empty() => return Some(events),
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(render = %id, error = ?ErrorChain(&error), "an event stream ends early");
                return None;
            }
        }
        // Asked for what lies beyond the end of a render that has ended.
        let row = db::renders::get(&app.db, id).await.ok()??;
        if row.state.is_final() && row.event_seq <= after {
            return None;
        }
        app.more_to_come(&mut watch, Instant::now() + LOOK_AGAIN)
            .await;
        if app.stopping.is_cancelled() {
            return None;
        }
    }
}

/// Whether a render that had ended was asked for once more.
async fn goes_on(app: &AppState, id: RenderId, after: i64) -> bool {
    let row = db::renders::get(&app.db, id).await;
    row.is_ok_and(|row| row.is_some_and(|row| row.event_seq > after))
}

fn is_last(event: &RenderEvent) -> bool {
    event.kind == RenderEventKind::State && event.state.is_final()
}

fn sse(event: &RenderEvent) -> Event {
    let numbered = Event::default()
        .id(event.seq.to_string())
        .event(event.kind.name());
    // A RenderEvent always serializes; if it ever did not, the number would still be right.
    numbered.data(serde_json::to_string(event).unwrap_or_default())
}
