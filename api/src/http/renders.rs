//! Renders: send a manifest, follow it, cancel it.

use aide::transform::TransformOperation;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::hash::Sha;
use botflix_common::http::{DryRunBody, Page, RenderBody, RenderState};
use botflix_common::id::RenderId;
use botflix_common::manifest::ShotManifest;
use botflix_common::task::Priority;
use schemars::JsonSchema;
use serde::Deserialize;

use super::extract::{Caller, PathPart, Query, Wait, read_whole};
use super::paging::{self, PageQuery};
use super::submission::{self, MAX_MANIFEST_BYTES, Submission};
use super::{App, AppState, bodies, outlook};
use crate::db;
use crate::db::renders::RenderRow;
use crate::error::{ApiError, Thing};
use crate::farm::{Canceled, Idempotency, Order, Outlook, Submitted};
use crate::openapi;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const MAX_IDEMPOTENCY_KEY_CHARS: usize = 255;

/// What 200 carries, for the OpenAPI document.
#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "only its schema is used")]
enum RenderOrOutlook {
    Render(Box<RenderBody>),
    DryRun(Box<DryRunBody>),
}

#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub struct How {
    /// Only say what would come of it: problems, missing clips, plan, cost and findings. Nothing is stored.
    #[serde(default)]
    pub dry_run: bool,
    /// What of yours goes first: 0 to 9, the higher the sooner. Without it 5, and 7 for drafts.
    #[serde(default)]
    pub priority: Option<Priority>,
}

pub async fn submit(
    State(app): State<AppState>,
    caller: Caller,
    Query(how): Query<How>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, ApiError> {
    accept(&app, caller, None, how, (&headers, request)).await
}

/// Takes a manifest: of a film of its own, or of one that a render has made before.
pub async fn accept(
    app: &App,
    caller: Caller,
    revises: Option<RenderId>,
    how: How,
    (headers, request): (&HeaderMap, Request),
) -> Result<Response, ApiError> {
    let key = idempotency_key(headers)?;
    let bytes = read_whole(request, MAX_MANIFEST_BYTES).await?;
    if how.dry_run {
        return Ok(Json(outlook::dry_run(app, caller, &bytes).await?).into_response());
    }
    let manifest = sound(app, caller, &bytes).await?;
    // The same manifest means something else at another render.
    let body_sha256 = match revises {
        Some(id) => Sha::of(&[id.to_string().as_bytes(), &bytes].concat()),
        None => Sha::of(&bytes),
    };
    let order = Order {
        revises,
        priority: how.priority,
        idempotency: key.map(|key| Idempotency { key, body_sha256 }),
        ..Order::new(caller.0, &manifest)
    };
    answer(app, app.farm.submit_render(order).await?).await
}

/// The manifest, or all that is wrong with it.
async fn sound(app: &App, caller: Caller, bytes: &[u8]) -> Result<Box<ShotManifest>, ApiError> {
    match submission::read(bytes) {
        Submission::Sound(manifest) => Ok(manifest),
        Submission::Flawed { problems, salvaged } => {
            let more = match salvaged {
                Some(manifest) => submission::clip_problems(&app.db, caller.0, &manifest).await?,
                None => Vec::new(),
            };
            Err(ApiError::InvalidManifest(submission::merge(problems, more)))
        }
    }
}

/// What came of a submission.
async fn answer(app: &App, submitted: Submitted) -> Result<Response, ApiError> {
    let (status, id) = match submitted {
        Submitted::New(id) => (StatusCode::ACCEPTED, id),
        Submitted::Same(id) => (StatusCode::OK, id),
        Submitted::KeyReused => return Err(ApiError::IdempotencyKeyReused),
        Submitted::TooMany { limit } => return Err(ApiError::TooManyRenders { limit }),
        Submitted::Invalid(problems) => return Err(ApiError::InvalidManifest(problems)),
    };
    let location =
        HeaderValue::from_str(&format!("/api/v1/renders/{id}")).map_err(ApiError::internal)?;
    let mut response = (status, Json(body(app, id).await?)).into_response();
    response.headers_mut().insert(header::LOCATION, location);
    if status == StatusCode::OK {
        response
            .headers_mut()
            .insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

pub fn submit_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .id("submitRender")
        .tag("renders")
        .summary("Send a ShotManifest; the farm makes the film and publishes it")
        .description(
            "422 lists every problem of the manifest at once, each with a JSON pointer. With the same `Idempotency-Key` and body the answer is the same render.",
        );
    takes_manifest(operation)
}

/// What [`accept`] takes and answers.
pub fn takes_manifest(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    let operation = operation
        .with(openapi::takes_json::<ShotManifest>)
        .with(|operation| {
            openapi::header(
                operation,
                "Idempotency-Key",
                "Any word of yours; remembered for 24 hours.",
            )
        });
    let operation = openapi::answers::<200, RenderOrOutlook>(
        operation,
        "The render that this Idempotency-Key stands for; with `dry_run=true` what would come of the manifest.",
    );
    openapi::answers::<202, RenderBody>(operation, "Accepted; `Location` names it.")
}

pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RenderBody>>, ApiError> {
    let rows = db::renders::list(&app.db, caller.0, page.cursor()?, page.limit() + 1).await?;
    let (rows, next_cursor) = paging::cut(rows, page.limit(), |row| row.id.to_string());
    let mut data = Vec::with_capacity(rows.len());
    for row in rows {
        // Why each waits is for one render at a time: it costs some queries.
        data.push(described(&app, row.id, Outlooks::LeftOut).await?);
    }
    Ok(Json(Page { data, next_cursor }))
}

pub fn list_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("listRenders")
        .tag("renders")
        .summary("Your renders, newest first, without why they wait")
}

pub async fn show(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
    Query(wait): Query<Wait>,
) -> Result<Json<RenderBody>, ApiError> {
    let deadline = wait.deadline();
    let mut watch = app.farm.watch_render(id);
    loop {
        let row = own(&app, caller, id).await?;
        if row.state.is_final() || !app.more_to_come(&mut watch, deadline).await {
            return Ok(Json(body(&app, id).await?));
        }
    }
}

pub fn show_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("getRender")
        .tag("renders")
        .summary("How far a render is; `wait` holds the answer back until it is published, failed or canceled")
}

pub async fn cancel(
    State(app): State<AppState>,
    caller: Caller,
    PathPart(id): PathPart<RenderId>,
) -> Result<Json<RenderBody>, ApiError> {
    let row = own(&app, caller, id).await?;
    match app.farm.cancel_render(row.id).await? {
        Canceled::Now | Canceled::AlreadyFinal(RenderState::Canceled) => {
            Ok(Json(body(&app, id).await?))
        }
        Canceled::AlreadyFinal(state) => Err(ApiError::RenderIsFinal(state.name())),
    }
}

pub fn cancel_doc(operation: TransformOperation<'_>) -> TransformOperation<'_> {
    operation
        .id("cancelRender")
        .tag("renders")
        .summary("Give a render up; 409 when it was published or has failed")
}

/// The one rule of who sees a render: its director.
pub async fn own(app: &App, caller: Caller, id: RenderId) -> Result<RenderRow, ApiError> {
    db::renders::get(&app.db, id)
        .await?
        .filter(|row| row.director_id == caller.0)
        .ok_or(ApiError::NotFound(Thing::Render))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outlooks {
    Told,
    LeftOut,
}

pub async fn body(app: &App, id: RenderId) -> Result<RenderBody, ApiError> {
    described(app, id, Outlooks::Told).await
}

async fn described(app: &App, id: RenderId, outlooks: Outlooks) -> Result<RenderBody, ApiError> {
    let parts = db::renders::parts(&app.db, id)
        .await?
        .ok_or(ApiError::NotFound(Thing::Render))?;
    let outlook = match outlooks {
        Outlooks::Told => app.farm.outlook(&parts.row).await?,
        Outlooks::LeftOut => Outlook::default(),
    };
    Ok(bodies::render(&app.links, parts, outlook))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Ok(None);
    };
    value
        .to_str()
        .ok()
        .map(str::trim)
        .filter(|key| !key.is_empty() && key.len() <= MAX_IDEMPOTENCY_KEY_CHARS)
        .map(|key| Some(key.to_owned()))
        .ok_or_else(|| ApiError::BadParameter {
            name: "Idempotency-Key".to_owned(),
            expected: format!("1 to {MAX_IDEMPOTENCY_KEY_CHARS} visible ASCII characters"),
        })
}
