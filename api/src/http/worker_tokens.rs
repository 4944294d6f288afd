//! How hosts join: operators make and revoke tokens, and a worker trades one for what it needs.

use std::str::FromStr;

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::http::{
    JoinRequest, Joined, MAX_TOKEN_DAYS, Page, WorkerTokenBody, WorkerTokenCreated,
    WorkerTokenRequest,
};
use botflix_common::problem::FieldProblem;
use schemars::JsonSchema;

use super::AppState;
use super::extract::{JsonBody, Named, Operator, PathPart};
use crate::auth::JoinToken;
use crate::db::worker_tokens::{self, WorkerTokenRow};
use crate::error::{ApiError, Thing};
use crate::{clock, openapi};

const MAX_NAME_CHARS: usize = 100;
const MS_PER_DAY: i64 = 24 * 3600 * 1000;

/// The public part of a token in a path.
#[derive(Clone, Debug, JsonSchema)]
#[serde(transparent)]
pub struct TokenId(String);

impl FromStr for TokenId {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

impl Named for TokenId {
    const PARAMETER: &'static str = "id";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::WorkerToken)
    }
}

pub async fn create(
    State(app): State<AppState>,
    _: Operator,
    JsonBody(request): JsonBody<WorkerTokenRequest>,
) -> Result<Response, ApiError> {
    let mut problems = Vec::new();
    check_name("/name", &request.name, &mut problems);
    if let Some(days) = request.expires_in_days
        && !(1..=MAX_TOKEN_DAYS).contains(&days)
    {
        let message = format!("Expected 1 to {MAX_TOKEN_DAYS} days; found {days}.");
        problems.push(FieldProblem::new(
            "/expires_in_days",
            "out_of_range",
            message,
        ));
    }
    if !problems.is_empty() {
        return Err(ApiError::InvalidBody(problems));
    }
    let token = JoinToken::generate().map_err(ApiError::internal)?;
    let now_ms = clock::now_ms();
    let row = WorkerTokenRow {
        id: token.id().to_owned(),
        name: request.name.trim().to_owned(),
        secret_sha256: token.hash(),
        created_at_ms: now_ms,
        expires_at_ms: request
            .expires_in_days
            .map(|days| now_ms + i64::from(days) * MS_PER_DAY),
        revoked_at_ms: None,
        joins: 0,
        last_joined_at_ms: None,
        last_worker: None,
    };
    worker_tokens::insert(&app.db, &row).await?;
    tracing::info!(token = row.id, name = row.name, "a join token was made");
    let created = WorkerTokenCreated {
        token: token.reveal().to_owned(),
        about: body(row),
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(created)).into_response())
}

pub fn create_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("createWorkerToken")
        .tag("workers")
        .summary("Make a token with which hosts join the farm, shown once");
    openapi::answers::<201, WorkerTokenCreated>(operation, "The token.")
}

pub async fn list(
    State(app): State<AppState>,
    _: Operator,
) -> Result<Json<Page<WorkerTokenBody>>, ApiError> {
    let rows = worker_tokens::all(&app.db).await?;
    Ok(Json(Page {
        data: rows.into_iter().map(body).collect(),
        next_cursor: None,
    }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listWorkerTokens")
        .tag("workers")
        .summary("Every join token, the revoked ones too, oldest first, in one page")
}

pub async fn revoke(
    State(app): State<AppState>,
    _: Operator,
    PathPart(id): PathPart<TokenId>,
) -> Result<StatusCode, ApiError> {
    if worker_tokens::find(&app.db, &id.0).await?.is_none() {
        return Err(ApiError::NotFound(Thing::WorkerToken));
    }
    let revoked = worker_tokens::revoke(&app.db, &id.0, clock::now_ms()).await?;
    tracing::info!(
        token = id.0,
        again = !revoked.is_made(),
        "a join token is revoked"
    );
    Ok(StatusCode::NO_CONTENT)
}

pub fn revoke_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("revokeWorkerToken")
        .tag("workers")
        .summary("Let nobody join with this token any more")
        .description("Workers that have joined keep what they were given.")
        .response_with::<204, (), _>(|response| response.description("It is revoked."))
}

pub async fn join(
    State(app): State<AppState>,
    JsonBody(request): JsonBody<JoinRequest>,
) -> Result<Response, ApiError> {
    let token: JoinToken = request
        .token
        .parse()
        .map_err(|_| ApiError::InvalidJoinToken)?;
    let row = worker_tokens::find(&app.db, token.id())
        .await?
        .filter(|row| token.matches(&row.secret_sha256))
        .ok_or(ApiError::InvalidJoinToken)?;
    let mut problems = Vec::new();
    check_name("/name", &request.name, &mut problems);
    if !problems.is_empty() {
        return Err(ApiError::InvalidBody(problems));
    }
    let noted = worker_tokens::note_join(&app.db, &row.id, &request.name, clock::now_ms()).await?;
    if !noted.is_made() {
        return Err(ApiError::InvalidJoinToken);
    }
    tracing::info!(token = row.id, worker = request.name, "a worker joins");
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((no_store, Json(app.for_workers.clone())).into_response())
}

pub fn join_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("joinWorker")
        .tag("workers")
        .summary("Trade a join token for what a worker needs: Redis and storage");
    openapi::answers::<200, Joined>(operation, "It holds secrets.")
}

fn check_name(pointer: &str, name: &str, problems: &mut Vec<FieldProblem>) {
    let length = name.chars().count();
    if name.trim().is_empty() || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let message =
            format!("Expected 1 to {MAX_NAME_CHARS} characters on one line; found {length}.");
        problems.push(FieldProblem::new(pointer, "out_of_range", message));
    }
}

fn body(row: WorkerTokenRow) -> WorkerTokenBody {
    WorkerTokenBody {
        id: row.id,
        name: row.name,
        created_at: clock::rfc3339(row.created_at_ms),
        expires_at: row.expires_at_ms.map(clock::rfc3339),
        revoked_at: row.revoked_at_ms.map(clock::rfc3339),
        joins: row.joins,
        last_joined_at: row.last_joined_at_ms.map(clock::rfc3339),
        last_worker: row.last_worker,
    }
}
