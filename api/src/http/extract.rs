//! What handlers take out of a request. Every refusal here is an [`ApiError`], so that no framework text reaches a client.

use std::str::FromStr;
use std::time::Duration;

use aide::generate::GenContext;
use aide::openapi::Operation;
use aide::operation::OperationInput;
use axum::extract::{
    FromRequest, FromRequestParts, OptionalFromRequestParts, RawPathParams, Request,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use botflix_common::hash::Sha;
use botflix_common::http::MAX_WAIT_SECONDS;
use botflix_common::id::{DirectorId, EpisodeId, RenderId};
use botflix_common::problem::FieldProblem;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::App;
use super::AppState;
use crate::auth::{ApiKey, Bearer as _, OfDirector};
use crate::db;
use crate::error::{ApiError, Thing};

/// Largest JSON body that is not a manifest.
pub const MAX_JSON_BYTES: usize = 64 * 1024;

/// How long a document may take to arrive whole.
const DOCUMENT_TIMEOUT: Duration = Duration::from_secs(60);

/// The director whose key came with the request.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub DirectorId);

impl Caller {
    async fn read(headers: &HeaderMap, app: &App) -> Result<Self, ApiError> {
        let sent = headers
            .get(header::AUTHORIZATION)
            .ok_or(ApiError::MissingApiKey)?;
        let key: ApiKey = sent
            .to_str()
            .ok()
            .and_then(bearer)
            .ok_or(ApiError::InvalidApiKey)?
            .parse()
            .map_err(|_| ApiError::InvalidApiKey)?;
        let row = db::keys::find(&app.db, key.id())
            .await?
            .ok_or(ApiError::InvalidApiKey)?;
        if key.matches(&row.secret_sha256) && row.revoked_at_ms.is_none() {
            Ok(Self(row.director_id))
        } else {
            Err(ApiError::InvalidApiKey)
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        Self::read(&parts.headers, app).await
    }
}

/// For what anyone may see and a key only widens: no key is nobody, a wrong key is still refused.
impl OptionalFromRequestParts<AppState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &AppState,
    ) -> Result<Option<Self>, ApiError> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            Self::read(&parts.headers, app).await.map(Some)
        } else {
            Ok(None)
        }
    }
}

impl OperationInput for Caller {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let requirement = [(crate::openapi::KEY_SCHEME.to_owned(), Vec::new())];
        operation.security.push(requirement.into_iter().collect());
    }
}

/// Somebody who showed the operator token. A director's key is refused by name.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

impl Operator {
    pub async fn read(headers: &HeaderMap, app: &App) -> Result<Self, ApiError> {
        let sent = headers
            .get(header::AUTHORIZATION)
            .ok_or(ApiError::MissingOperatorToken)?;
        let token = sent
            .to_str()
            .ok()
            .and_then(bearer)
            .ok_or(ApiError::InvalidOperatorToken)?;
        if token.starts_with(OfDirector::PREFIX) {
            return Err(ApiError::OperatorsOnly);
        }
        if app.operators.admits(&app.db, token).await? {
            Ok(Self)
        } else {
            Err(ApiError::InvalidOperatorToken)
        }
    }
}

impl FromRequestParts<AppState> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        Self::read(&parts.headers, app).await
    }
}

impl OperationInput for Operator {
    fn operation_input(_: &mut GenContext, operation: &mut Operation) {
        let requirement = [(crate::openapi::OPERATOR_SCHEME.to_owned(), Vec::new())];
        operation.security.push(requirement.into_iter().collect());
    }
}

/// A JSON body of at most [`MAX_JSON_BYTES`], whatever its content type says.
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let bytes = read_whole(request, MAX_JSON_BYTES).await?;
        from_json(&bytes).map(Self)
    }
}

/// The same, where no body at all means its defaults.
pub struct JsonBodyOrNothing<T>(pub T);

impl<T: DeserializeOwned + Default> FromRequest<AppState> for JsonBodyOrNothing<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &AppState) -> Result<Self, ApiError> {
        let bytes = read_whole(request, MAX_JSON_BYTES).await?;
        if bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        from_json(&bytes).map(Self)
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => {
            ApiError::InvalidBody(vec![FieldProblem::new("", "invalid", error.to_string())])
        }
        _ => ApiError::NotJson(error.to_string()),
    })
}

impl<T: JsonSchema> OperationInput for JsonBodyOrNothing<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::Json::<T>::operation_input(ctx, operation);
        if let Some(aide::openapi::ReferenceOr::Item(body)) = &mut operation.request_body {
            body.required = false;
        }
    }
}

impl<T: JsonSchema> OperationInput for JsonBody<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::Json::<T>::operation_input(ctx, operation);
    }
}

/// The body in memory, or 413. For documents only; clips are streamed.
pub async fn read_whole(request: Request, limit_bytes: usize) -> Result<bytes::Bytes, ApiError> {
    let limited = http_body_util::Limited::new(request.into_body(), limit_bytes);
    let idle = DOCUMENT_TIMEOUT;
    let read = tokio::time::timeout(idle, http_body_util::BodyExt::collect(limited))
        .await
        .map_err(|_| ApiError::Idle {
            idle_seconds: idle.as_secs(),
        })?;
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(ApiError::TooLarge {
            limit_bytes: limit_bytes as u64,
        }),
        Err(_) => Err(ApiError::Incomplete),
    }
}

/// The query string; unknown names are ignored, unreadable values refused.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<AppState> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, ApiError> {
        axum::extract::Query::try_from_uri(&parts.uri)
            .map(|query| Self(query.0))
            .map_err(|rejection| ApiError::BadParameter {
                name: "query".to_owned(),
                expected: format!("as /openapi.json says ({})", rejection.body_text()),
            })
    }
}

impl<T: JsonSchema> OperationInput for Query<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        axum::extract::Query::<T>::operation_input(ctx, operation);
    }
}

/// What a part of a path can name.
pub trait Named: FromStr + JsonSchema {
    /// The parameter's name in the route.
    const PARAMETER: &'static str;

    /// What to say when the text is no such name.
    fn unreadable() -> ApiError;
}

impl Named for DirectorId {
    const PARAMETER: &'static str = "id";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::Director)
    }
}

impl Named for RenderId {
    const PARAMETER: &'static str = "id";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::Render)
    }
}

impl Named for EpisodeId {
    const PARAMETER: &'static str = "id";

    fn unreadable() -> ApiError {
        ApiError::NotFound(Thing::Episode)
    }
}

impl Named for Sha {
    const PARAMETER: &'static str = "sha256";

    fn unreadable() -> ApiError {
        ApiError::BadParameter {
            name: "sha256".to_owned(),
            expected: "64 hexadecimal digits, with or without sha256: before them".to_owned(),
        }
    }
}

/// A parameter of the path, e.g. `{id}`.
pub struct PathPart<T>(pub T);

impl<T: Named> FromRequestParts<AppState> for PathPart<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, ApiError> {
        let params = RawPathParams::from_request_parts(parts, app)
            .await
            .map_err(|_| T::unreadable())?;
        params
            .iter()
            .find(|(name, _)| *name == T::PARAMETER)
            .and_then(|(_, value)| value.parse().ok())
            .map(Self)
            .ok_or_else(T::unreadable)
    }
}

impl<T: Named> OperationInput for PathPart<T> {
    fn operation_input(ctx: &mut GenContext, operation: &mut Operation) {
        let schema = ctx.schema.subschema_for::<T>();
        operation
            .parameters
            .push(crate::openapi::path_parameter(T::PARAMETER, schema));
    }
}

/// `?wait=30`: how long the server may hold the answer back until there is something to say.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
pub struct Wait {
    /// Seconds, at most 60. The answer comes earlier when there is something new to say.
    #[serde(default)]
    #[schemars(range(max = 60))]
    pub wait: u64,
}

impl Wait {
    /// When the answer is due at the latest.
    pub fn deadline(self) -> tokio::time::Instant {
        let wait = std::time::Duration::from_secs(self.wait.min(MAX_WAIT_SECONDS));
        tokio::time::Instant::now() + wait
    }
}
