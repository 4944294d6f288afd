//! The one table from what can go wrong to what HTTP says about it. The rooms below know no status codes; handlers build no problems.
//!
//! An error's source is for the log only. What a client reads is written here, word for word, or is a [`FieldProblem`] about its own document.

mod answer;
#[cfg(test)]
mod tests;

use botflix_common::failure::WhoCanFix;
use botflix_common::problem::{FieldProblem, Problem};
use botflix_common::storage::StorageError;

use crate::db::DbError;
use crate::farm::{self, HousekeepingError};

pub use answer::{ErrorChain, ProblemDraft};

/// Anything from below whose words are not for clients.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a request was not answered as asked.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("no API key was sent")]
    MissingApiKey,
    #[error("the API key is malformed, unknown or revoked")]
    InvalidApiKey,
    #[error("no operator token was sent")]
    MissingOperatorToken,
    #[error("the operator token is not the farm's")]
    InvalidOperatorToken,
    #[error("the join token is malformed, unknown, revoked or expired")]
    InvalidJoinToken,
    #[error("a director asked for what is the operators'")]
    OperatorsOnly,
    #[error("there is no such {0}, or it is not yours")]
    NotFound(Thing),
    #[error("no such route")]
    UnknownRoute,
    #[error("the route does not take this method")]
    MethodNotAllowed,
    #[error("the parameter {name} cannot be read")]
    BadParameter { name: String, expected: String },
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body has {} problems", .0.len())]
    InvalidBody(Vec<FieldProblem>),
    #[error("the manifest has {} problems", .0.len())]
    InvalidManifest(Vec<FieldProblem>),
    #[error("the body is larger than {limit_bytes} bytes")]
    TooLarge { limit_bytes: u64 },
    #[error("the body is empty")]
    Empty,
    #[error("the body ended early")]
    Incomplete,
    #[error("no byte came for {idle_seconds} s")]
    Idle { idle_seconds: u64 },
    #[error("the bytes are not those of the declared digest")]
    DigestMismatch { measured: String },
    #[error("the multipart body has no file part")]
    NoFilePart,
    #[error("the idempotency key was used with another body")]
    IdempotencyKeyReused,
    #[error("{limit} renders have not ended")]
    TooManyRenders { limit: u64 },
    #[error("the worker is there")]
    WorkerIsHere,
    #[error("the render is already {0}")]
    RenderIsFinal(&'static str),
    #[error("{part} is away")]
    Unavailable {
        part: &'static str,
        #[source]
        cause: Cause,
    },
    #[error("the render waits for the inspection of its clips")]
    NotPlanned,
    #[error("something is broken inside")]
    Internal(#[source] Cause),
    #[error("a handler panicked")]
    Panicked,
}

/// What was looked for and not found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Director,
    Clip,
    Render,
    Episode,
    File,
    Worker,
    WorkerToken,
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Director => "director",
            Self::Clip => "clip",
            Self::Render => "render",
            Self::Episode => "episode",
            Self::File => "file",
            Self::Worker => "worker",
            Self::WorkerToken => "worker token",
        })
    }
}

/// One row of the table.
struct Row {
    status: u16,
    code: &'static str,
    title: &'static str,
    retryable: bool,
    who: WhoCanFix,
}

/// The director's to fix, and the same request will fail again.
const fn refusal(status: u16, code: &'static str, title: &'static str) -> Row {
    Row {
        status,
        code,
        title,
        retryable: false,
        who: WhoCanFix::Director,
    }
}

/// As [`refusal`], where only an operator can help.
const fn operators(status: u16, code: &'static str, title: &'static str) -> Row {
    Row {
        who: WhoCanFix::Operator,
        ..refusal(status, code, title)
    }
}

/// The director did nothing wrong, or may simply send it again.
const fn again(status: u16, code: &'static str, title: &'static str, who: WhoCanFix) -> Row {
    Row {
        status,
        code,
        title,
        retryable: true,
        who,
    }
}

impl ApiError {
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::Internal(cause.into())
    }

    pub fn unavailable(part: &'static str, cause: impl Into<Cause>) -> Self {
        Self::Unavailable {
            part,
            cause: cause.into(),
        }
    }

    /// The request's own row of the table.
    fn row(&self) -> Row {
        use WhoCanFix::{Director, Operator, Platform};
        match self {
            Self::MissingApiKey => refusal(401, "missing_api_key", "An API key is needed"),
            Self::InvalidApiKey => refusal(401, "invalid_api_key", "The API key is not valid"),
            Self::MissingOperatorToken => {
                operators(401, "missing_operator_token", "An operator token is needed")
            }
            Self::InvalidOperatorToken => operators(
                401,
                "invalid_operator_token",
                "The operator token is not valid",
            ),
            Self::InvalidJoinToken => {
                operators(401, "invalid_join_token", "The join token is not valid")
            }
            Self::OperatorsOnly => operators(403, "operators_only", "For operators only"),
            Self::NotFound(_) => refusal(404, "not_found", "Not found"),
            Self::UnknownRoute => refusal(404, "unknown_route", "No such route"),
            Self::MethodNotAllowed => refusal(405, "method_not_allowed", "Method not allowed"),
            Self::BadParameter { .. } => {
                refusal(400, "bad_parameter", "A parameter cannot be read")
            }
            Self::NotJson(_) => refusal(400, "not_json", "The body is not JSON"),
            Self::InvalidBody(_) => refusal(422, "invalid_body", "The body has problems"),
            Self::InvalidManifest(_) => {
                refusal(422, "invalid_manifest", "The manifest has problems")
            }
            Self::TooLarge { .. } => refusal(413, "too_large", "The body is too large"),
            Self::Empty => refusal(422, "empty", "The body is empty"),
            Self::Incomplete => again(400, "incomplete", "The body ended early", Director),
            Self::Idle { .. } => again(408, "idle", "The upload stood still", Director),
            Self::DigestMismatch { .. } => again(
                422,
                "digest_mismatch",
                "The bytes do not match the digest",
                Director,
            ),
            Self::NoFilePart => refusal(422, "no_file_part", "The form has no file"),
            Self::IdempotencyKeyReused => refusal(
                422,
                "idempotency_key_reused",
                "The idempotency key is taken",
            ),
            Self::TooManyRenders { .. } => again(
                429,
                "too_many_renders",
                "Too many renders at once",
                Director,
            ),
            Self::RenderIsFinal(_) => refusal(409, "render_is_final", "The render has ended"),
            Self::WorkerIsHere => operators(409, "worker_is_here", "The worker is there"),
            Self::NotPlanned => again(
                409,
                "not_planned",
                "The render is not planned yet",
                Director,
            ),
            Self::Unavailable { .. } => again(503, "unavailable", "A part is away", Operator),
            Self::Internal(_) | Self::Panicked => {
                again(500, "internal", "An internal error", Platform)
            }
        }
    }

    /// The stable word of the problem.
    pub fn code(&self) -> &'static str {
        self.row().code
    }

    fn detail(&self) -> String {
        match self {
            Self::MissingApiKey => {
                "Send `Authorization: Bearer botflix_dir_…`; POST /api/v1/directors/register gives you a key.".into()
            }
            Self::InvalidApiKey => "The key is malformed, unknown or revoked.".into(),
            Self::MissingOperatorToken => {
                "Send `Authorization: Bearer botflix_op_…`. `botflix up` writes the token to `operator-token` in its data folder; \
                 `botflix operator-token reset` makes a new one."
                    .into()
            }
            Self::InvalidOperatorToken => {
                "The token is malformed, or another one is in force. `botflix operator-token reset` makes a new one.".into()
            }
            Self::InvalidJoinToken => {
                "The token is malformed, unknown, revoked or has run out. `botflix worker-token create` makes one.".into()
            }
            Self::OperatorsOnly => {
                "A director's key does not open this; it needs the operator token.".into()
            }
            Self::NotFound(thing) => format!("There is no such {thing}, or this key may not see it."),
            Self::UnknownRoute => "No such path. /openapi.json lists what there is.".into(),
            Self::MethodNotAllowed => "The path exists, but not with this method. See /openapi.json.".into(),
            Self::BadParameter { name, expected } => format!("`{name}` must be {expected}."),
            Self::NotJson(message) => format!("{message}."),
            Self::InvalidBody(problems) | Self::InvalidManifest(problems) => count_of(problems),
            Self::TooLarge { limit_bytes } => format!("The limit is {limit_bytes} bytes."),
            Self::Empty => "Not a single byte was sent.".into(),
            Self::Incomplete => "The connection gave fewer bytes than announced; nothing was kept.".into(),
            Self::Idle { idle_seconds } => {
                format!("No byte came for {idle_seconds} s; nothing was kept.")
            }
            Self::DigestMismatch { measured } => {
                format!("What arrived is {measured}; nothing was kept. Send it again, or correct the digest.")
            }
            Self::NoFilePart => {
                "Name the part `file`, `video`, `clip` or `mp4`, or send the bytes as the body itself.".into()
            }
            Self::IdempotencyKeyReused => {
                "This Idempotency-Key came with another body before. Take a new key for a new request.".into()
            }
            Self::TooManyRenders { limit } => {
                format!("{limit} of your renders have not ended, which is your limit. Send this one again when some have.")
            }
            Self::RenderIsFinal(state) => format!("The render is already {state}."),
            Self::WorkerIsHere => {
                "Only a worker that is gone can be forgotten: this one would be back with its next hello. Stop it first.".into()
            }
            Self::NotPlanned => {
                "Its clips are still being inspected, or it has failed before it was planned. Ask again shortly.".into()
            }
            Self::Unavailable { part, .. } => format!("{part} cannot be reached right now. Ask again shortly."),
            Self::Internal(_) | Self::Panicked => {
                "This is our fault. The request_id helps to find out what happened.".into()
            }
        }
    }

    /// What the client reads.
    pub fn problem(&self) -> Problem {
        if let Self::InvalidManifest(errors) = self {
            // The same words as when a render fails for such a reason later.
            return farm::invalid_manifest(errors.clone());
        }
        let row = self.row();
        let mut problem = Problem::new(row.status, row.code, row.title, self.detail());
        problem.retryable = row.retryable;
        problem.who_can_fix = row.who;
        if let Self::InvalidBody(errors) = self {
            problem.errors.clone_from(errors);
        }
        problem
    }
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_retryable() {
            Self::unavailable("The database", error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<HousekeepingError> for ApiError {
    fn from(error: HousekeepingError) -> Self {
        match error {
            HousekeepingError::Db(error) => error.into(),
            HousekeepingError::Storage(error) => error.into(),
            HousekeepingError::Queue(error) => Self::unavailable("Redis", error),
            HousekeepingError::SlowDeletion => Self::unavailable("object storage", error),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::TooLarge { limit_bytes, .. } => Self::TooLarge { limit_bytes },
            error if error.is_retryable() => Self::unavailable("Object storage", error),
            error => Self::internal(error),
        }
    }
}

fn count_of(problems: &[FieldProblem]) -> String {
    match problems {
        [one] => format!("One problem in the body: {}", one.message),
        many => format!(
            "{} problems in the body; each is listed in `errors`.",
            many.len()
        ),
    }
}
