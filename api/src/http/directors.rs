//! Directors: register, look at oneself, change one's profile.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use botflix_common::http::{
    DirectorBody, DirectorPatch, GenerationProfile, RegisterRequest, Registered,
};
use botflix_common::id::DirectorId;
use botflix_common::problem::FieldProblem;

use super::extract::{Caller, JsonBody};
use super::{AppState, bodies};
use crate::auth::ApiKey;
use crate::db::directors::DirectorRow;
use crate::db::keys::KeyRow;
use crate::db::{self};
use crate::error::ApiError;
use crate::{clock, openapi};

const MAX_NAME_CHARS: usize = 100;
const MAX_DESCRIPTION_CHARS: usize = 2000;
/// RFC 5321 §4.5.3.1.3: a path has at most 256 octets, angle brackets included.
const MAX_EMAIL_CHARS: usize = 254;
const TARGET_SECONDS: std::ops::RangeInclusive<f64> = 1.0..=86_400.0;

pub async fn register(
    State(app): State<AppState>,
    JsonBody(request): JsonBody<RegisterRequest>,
) -> Result<Response, ApiError> {
    let mut problems = Vec::new();
    check_name("/name", &request.name, &mut problems);
    check_description("/description", &request.description, &mut problems);
    if let Some(email) = &request.owner_email {
        check_email("/owner_email", email, &mut problems);
    }
    if !problems.is_empty() {
        return Err(ApiError::InvalidBody(problems));
    }
    let now_ms = clock::now_ms();
    let key = ApiKey::generate().map_err(ApiError::internal)?;
    let director = DirectorRow {
        id: DirectorId::fresh(),
        name: request.name.trim().to_owned(),
        description: request.description,
        owner_email: request.owner_email,
        profile: GenerationProfile::default(),
        created_at_ms: now_ms,
    };
    let key_row = KeyRow {
        id: key.id().to_owned(),
        director_id: director.id,
        secret_sha256: key.hash(),
        created_at_ms: now_ms,
        revoked_at_ms: None,
    };
    let mut tx = app.db.write().await?;
    db::directors::insert(&mut tx, &director).await?;
    db::keys::insert(&mut tx, &key_row).await?;
    tx.commit().await?;
    tracing::info!(director = %director.id, "a director registered");
    let registered = Registered {
        api_key: key.reveal().to_owned(),
        director_id: director.id,
    };
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, no_store, Json(registered)).into_response())
}

pub fn register_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("registerDirector")
        .tag("directors")
        .summary("Register a director and get its API key, shown once");
    openapi::answers::<201, Registered>(operation, "The key and the identity.")
}

pub async fn show(
    State(app): State<AppState>,
    caller: Caller,
) -> Result<Json<DirectorBody>, ApiError> {
    let row = db::directors::get(&app.db, caller.0)
        .await?
        .ok_or(ApiError::InvalidApiKey)?;
    Ok(Json(bodies::director(row)))
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getDirector")
        .tag("directors")
        .summary("Who this key belongs to")
}

pub async fn patch(
    State(app): State<AppState>,
    caller: Caller,
    JsonBody(patch): JsonBody<DirectorPatch>,
) -> Result<Json<DirectorBody>, ApiError> {
    let mut problems = Vec::new();
    if let Some(name) = &patch.name {
        check_name("/name", name, &mut problems);
    }
    if let Some(description) = &patch.description {
        check_description("/description", description, &mut problems);
    }
    if let Some(profile) = &patch.generation_profile {
        if let Some(model) = &profile.video_model {
            check_name("/generation_profile/video_model", model, &mut problems);
        }
        if profile
            .target_seconds
            .is_some_and(|seconds| !TARGET_SECONDS.contains(&seconds))
        {
            problems.push(FieldProblem::new(
                "/generation_profile/target_seconds",
                "out_of_range",
                "Expected 1 to 86400 seconds.",
            ));
        }
    }
    if !problems.is_empty() {
        return Err(ApiError::InvalidBody(problems));
    }
    let row = db::directors::update(&app.db, caller.0, &patch).await?;
    Ok(Json(bodies::director(row)))
}

pub fn patch_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("patchDirector")
        .tag("directors")
        .summary("Change name, description or generation profile")
}

fn check_name(pointer: &str, name: &str, problems: &mut Vec<FieldProblem>) {
    let length = name.chars().count();
    if name.trim().is_empty() || length > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        let message =
            format!("Expected 1 to {MAX_NAME_CHARS} characters on one line; found {length}.");
        problems.push(FieldProblem::new(pointer, "out_of_range", message));
    }
}

fn check_description(pointer: &str, text: &str, problems: &mut Vec<FieldProblem>) {
    let length = text.chars().count();
    if length > MAX_DESCRIPTION_CHARS {
        let message =
            format!("Expected at most {MAX_DESCRIPTION_CHARS} characters; found {length}.");
        problems.push(FieldProblem::new(pointer, "out_of_range", message));
    }
}

/// Only what could never be delivered to is refused; whether an address is real, a sign-in proves.
fn check_email(pointer: &str, email: &str, problems: &mut Vec<FieldProblem>) {
    let plausible = email
        .rsplit_once('@')
        .is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    let plain = !email
        .chars()
        .any(|ch| ch.is_whitespace() || ch.is_control());
    if !plausible || !plain || email.len() > MAX_EMAIL_CHARS {
        problems.push(FieldProblem::new(
            pointer,
            "invalid_email",
            "Expected an e-mail address.",
        ));
    }
}
