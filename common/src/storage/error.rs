//! What can go wrong with object storage, sorted by what the caller can do about it.

use std::io;
use std::path::PathBuf;

use crate::hash::Sha;

#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("{key} is not in storage")]
    Absent { key: String },
    #[error("{key} is longer than the limit of {limit_bytes} bytes")]
    TooLarge { key: String, limit_bytes: u64 },
    /// The bytes are not what the name says. Trying again will not help, unless they were damaged on the way.
    #[error("{key} is corrupt: expected {expected}, found {found}")]
    Corrupt {
        key: String,
        expected: Sha,
        found: Sha,
    },
    #[error("{key} does not hold the document it should")]
    Unreadable {
        key: String,
        #[source]
        source: serde_json::Error,
    },
    /// Storage is away, overloaded or full. Try again later.
    #[error("storage is not available")]
    Unavailable(#[source] object_store::Error),
    /// Storage will not do this: permissions, credentials, an unsupported operation.
    #[error("storage refused")]
    Refused(#[source] object_store::Error),
    /// A file on this machine, outside storage, could not be read or written.
    #[error("cannot use the file {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Settings or a key that cannot work.
    #[error("storage settings: {0}")]
    Config(String),
}

impl StorageError {
    /// Whether the same call may work later without anybody changing the data or the settings.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::File { .. } => true,
            Self::Absent { .. }
            | Self::TooLarge { .. }
            | Self::Corrupt { .. }
            | Self::Unreadable { .. }
            | Self::Refused(_)
            | Self::Config(_) => false,
        }
    }

    pub(super) fn reading(key: &str, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Absent {
                key: key.to_owned(),
            },
            other => Self::of(other),
        }
    }

    /// When writing, "not found" means the bucket.
    pub(super) fn writing(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Refused(error),
            other => Self::of(other),
        }
    }

    fn of(error: object_store::Error) -> Self {
        use object_store::Error as Store;
        match error {
            Store::PermissionDenied { .. }
            | Store::Unauthenticated { .. }
            | Store::InvalidPath { .. }
            | Store::NotSupported { .. }
            | Store::NotImplemented { .. }
            | Store::UnknownConfigurationKey { .. } => Self::Refused(error),
            _ => Self::Unavailable(error),
        }
    }

    pub(super) fn file(path: &std::path::Path, source: io::Error) -> Self {
        Self::File {
            path: path.to_owned(),
            source,
        }
    }

    /// Absent is an answer, not an error.
    pub(super) fn or_absent<T>(self) -> Result<Option<T>, Self> {
        match self {
            Self::Absent { .. } => Ok(None),
            other => Err(other),
        }
    }
}
