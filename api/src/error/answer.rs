//! How an error leaves as a response. The body is written further out, where the request id is known.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use botflix_common::problem::Problem;

use super::ApiError;

/// What a 503 asks the client to wait, seconds.
const RETRY_AFTER_SECONDS: u64 = 5;
/// The same of a 429: about as long as a render takes.
const RETRY_AFTER_LIMIT_SECONDS: u64 = 30;

/// Travels in a response's extensions until the outermost layer knows the request id and writes the body.
#[derive(Clone, Debug)]
pub struct ProblemDraft(pub Problem);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        if problem.status >= 500 {
            tracing::error!(code = problem.code, error = ?ErrorChain(&self), "request failed");
        }
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if problem.status == 401 {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"botflix\""),
            );
        }
        let wait_seconds = match problem.status {
            429 => Some(RETRY_AFTER_LIMIT_SECONDS),
            503 => Some(RETRY_AFTER_SECONDS),
            _ => None,
        };
        if let Some(seconds) = wait_seconds {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::Incomplete | Self::Idle { .. } | Self::TooLarge { .. } = self {
            // What is left of the body will not be read.
            response
                .headers_mut()
                .insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response.extensions_mut().insert(ProblemDraft(problem));
        response
    }
}

/// The whole chain of causes on one line, for the log.
pub struct ErrorChain<'a>(pub &'a (dyn std::error::Error + 'static));

impl std::fmt::Debug for ErrorChain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}
