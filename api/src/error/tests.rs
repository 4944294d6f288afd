//! The table is a promise: pinned here, row by row.

use axum::http::header;
use axum::response::IntoResponse;

use super::*;

#[test]
fn the_table_is_what_clients_were_promised() {
    let cause = || -> Cause { "secret detail /var/lib".into() };
    let table = [
        (ApiError::MissingApiKey, 401, "missing_api_key", false),
        (ApiError::InvalidApiKey, 401, "invalid_api_key", false),
        (ApiError::NotFound(Thing::Clip), 404, "not_found", false),
        (ApiError::UnknownRoute, 404, "unknown_route", false),
        (ApiError::MethodNotAllowed, 405, "method_not_allowed", false),
        (
            ApiError::BadParameter {
                name: "wait".into(),
                expected: "a number".into(),
            },
            400,
            "bad_parameter",
            false,
        ),
        (ApiError::NotJson("x".into()), 400, "not_json", false),
        (ApiError::InvalidBody(vec![]), 422, "invalid_body", false),
        (
            ApiError::InvalidManifest(vec![]),
            422,
            "invalid_manifest",
            false,
        ),
        (
            ApiError::TooLarge { limit_bytes: 1 },
            413,
            "too_large",
            false,
        ),
        (ApiError::Empty, 422, "empty", false),
        (ApiError::Incomplete, 400, "incomplete", true),
        (ApiError::Idle { idle_seconds: 60 }, 408, "idle", true),
        (
            ApiError::DigestMismatch {
                measured: "sha256:00".into(),
            },
            422,
            "digest_mismatch",
            true,
        ),
        (ApiError::NoFilePart, 422, "no_file_part", false),
        (
            ApiError::IdempotencyKeyReused,
            422,
            "idempotency_key_reused",
            false,
        ),
        (
            ApiError::TooManyRenders { limit: 9 },
            429,
            "too_many_renders",
            true,
        ),
        (
            ApiError::RenderIsFinal("published"),
            409,
            "render_is_final",
            false,
        ),
        (
            ApiError::unavailable("the database", cause()),
            503,
            "unavailable",
            true,
        ),
        (ApiError::internal(cause()), 500, "internal", true),
        (ApiError::Panicked, 500, "internal", true),
    ];
    for (error, status, code, retryable) in table {
        let problem = error.problem();
        assert_eq!(
            (problem.status, problem.code.as_str(), problem.retryable),
            (status, code, retryable)
        );
        let text = serde_json::to_string(&problem).unwrap();
        assert!(!text.contains("secret detail"), "{code} leaks its cause");
        assert_eq!(error.into_response().status().as_u16(), status);
    }
}

#[test]
fn what_only_operators_can_fix_says_so() {
    let table = [
        (
            ApiError::MissingOperatorToken,
            401,
            "missing_operator_token",
        ),
        (
            ApiError::InvalidOperatorToken,
            401,
            "invalid_operator_token",
        ),
        (ApiError::InvalidJoinToken, 401, "invalid_join_token"),
        (ApiError::OperatorsOnly, 403, "operators_only"),
        (ApiError::WorkerIsHere, 409, "worker_is_here"),
    ];
    for (error, status, code) in table {
        let problem = error.problem();
        assert_eq!((problem.status, problem.code.as_str()), (status, code));
        assert_eq!(problem.who_can_fix, WhoCanFix::Operator);
        assert!(!problem.retryable, "{code}");
    }
}

#[test]
fn a_503_says_when_to_come_back_and_a_401_how_to_authenticate() {
    let away = ApiError::unavailable("Redis", "gone").into_response();
    assert_eq!(away.headers()[header::RETRY_AFTER], "5");
    let who = ApiError::MissingApiKey.into_response();
    assert!(who.headers().contains_key(header::WWW_AUTHENTICATE));
}
