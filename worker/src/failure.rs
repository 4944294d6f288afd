//! Troubles of the worker's own surroundings, as failures of a task: tried again, and the operator's to fix.

use botflix_common::failure::{Failure, FailureClass, WhoCanFix};
use botflix_common::storage::StorageError;

use crate::scratch::ScratchError;

/// The failure of a task that was told to stop. Whoever told it knows better and reports nothing of it.
pub fn canceled() -> Failure {
    operator(FailureClass::Retry, "canceled", "The task was stopped.")
}

pub fn storage_failure(error: &StorageError) -> Failure {
    let internal = chain(error);
    if let StorageError::File { .. } = error {
        own_disk("worker_io")
    } else if error.is_retryable() {
        operator(
            FailureClass::Retry,
            "storage_unavailable",
            "Object storage did not answer.",
        )
    } else {
        operator(
            FailureClass::Permanent,
            "storage_failed",
            "Object storage refused a request.",
        )
    }
    .with_internal(internal)
}

/// Bytes still moved, but far too slowly.
pub fn storage_too_slow() -> Failure {
    operator(
        FailureClass::Retry,
        "storage_too_slow",
        "Object storage took too long.",
    )
}

/// An input that was promised and is not there, or is not what its name says.
pub fn input_lost(code: &str, message: &str, internal: String) -> Failure {
    operator(FailureClass::Permanent, code, message).with_internal(internal)
}

pub fn scratch_failure(error: &ScratchError) -> Failure {
    let code = match error {
        ScratchError::DiskFull { .. } => "disk_full",
        ScratchError::Unusable { .. } => "worker_io",
    };
    own_disk(code).with_internal(chain(error))
}

fn own_disk(code: &str) -> Failure {
    operator(
        FailureClass::Retry,
        code,
        "The worker had trouble with its own disk.",
    )
}

fn operator(class: FailureClass, code: &str, message: &str) -> Failure {
    Failure::new(class, WhoCanFix::Operator, code, message)
}

/// An error with all its causes, for operators.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
