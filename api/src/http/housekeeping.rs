//! What the farm puts away, for operators: what would go, and to have it go now.

use std::time::Duration;

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use botflix_common::http::{HousekeepingBody, Leftover, LeftoverBody, Page};
use schemars::JsonSchema;
use serde::Deserialize;

use super::AppState;
use super::extract::{Operator, Query};
use super::paging::{DEFAULT_PAGE, MAX_PAGE};
use crate::error::ApiError;

/// A hundred years: more is a mistake.
const LONGEST_AGE_SECONDS: u64 = 100 * 366 * 24 * 60 * 60;

#[derive(Debug, Default, Deserialize, JsonSchema)]
pub struct Wanted {
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Entries in a page: 1 to 100.
    #[schemars(range(min = 1, max = 100))]
    pub limit: Option<u32>,
    /// Only of this kind.
    pub what: Option<Leftover>,
    /// In place of all that the farm's settings say: what was left alone for so many seconds. 0: whatever its age.
    pub age_seconds: Option<u64>,
}

pub async fn list(
    State(app): State<AppState>,
    _: Operator,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<LeftoverBody>>, ApiError> {
    let [first, ..] = Leftover::ALL;
    let from = match wanted.cursor.as_deref() {
        Some(cursor) => read_cursor(cursor)?,
        None => (wanted.what.unwrap_or(first), None),
    };
    // A cursor of another kind than is asked for now leads to the beginning.
    let from = match wanted.what {
        Some(what) if what != from.0 => (what, None),
        _ => from,
    };
    let limit = wanted.limit.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    let age = wanted
        .age_seconds
        .map(|seconds| Duration::from_secs(seconds.min(LONGEST_AGE_SECONDS)));
    let (data, next) = app.farm.leftovers(from, wanted.what, age, limit).await?;
    let next_cursor = next.map(|(what, after)| {
        let after = after.unwrap_or_default();
        format!("{}:{after}", what.name())
    });
    Ok(Json(Page { data, next_cursor }))
}

fn read_cursor(cursor: &str) -> Result<(Leftover, Option<String>), ApiError> {
    let unreadable = || ApiError::BadParameter {
        name: "cursor".to_owned(),
        expected: "the next_cursor of an earlier page".to_owned(),
    };
    let (what, after) = cursor.split_once(':').ok_or_else(unreadable)?;
    let what = Leftover::parse(what).ok_or_else(unreadable)?;
    Ok((what, (!after.is_empty()).then(|| after.to_owned())))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listLeftovers")
        .tag("housekeeping")
        .summary("What the farm would put away now; nothing is touched")
        .description(
            "In the order in which it would go. A page may be empty and have a `next_cursor`: nothing was found so far, and there is more to look through.",
        )
}

pub async fn run(
    State(app): State<AppState>,
    _: Operator,
) -> Result<Json<HousekeepingBody>, ApiError> {
    Ok(Json(app.farm.put_away().await?))
}

pub fn run_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("putAway")
        .tag("housekeeping")
        .summary("Put away now what may go, instead of within the hour")
}
