//! What can go wrong with the queue, sorted by what the caller can do about it.

use std::time::Duration;

use redis::{ErrorKind, RedisError, ServerErrorKind};

#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// Settings that cannot work. Start-up should stop.
    #[error("queue settings: {0}")]
    Config(String),
    /// Redis is away, loading, full or a replica. Try again later.
    #[error("Redis is not available")]
    Unavailable(#[source] RedisError),
    /// Redis did not answer in time; the command may or may not have run. Try again later: every command here may run twice.
    #[error("Redis did not answer within {0:?}")]
    Timeout(Duration),
    /// Redis answered that it will not do this, or something that is not an answer.
    #[error("Redis refused the command")]
    Refused(#[source] RedisError),
    #[error("a message of {bytes} bytes is over the limit of {limit_bytes}")]
    TooLarge { bytes: usize, limit_bytes: usize },
    /// A message that cannot be written as JSON: a bug.
    #[error("a message cannot be written as JSON")]
    Unwritable(#[source] serde_json::Error),
    /// The sender or backend was shut down.
    #[error("this end of the queue is shut down")]
    Closed,
}

impl QueueError {
    /// Whether the same command may work later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Timeout(_) => true,
            Self::Config(_)
            | Self::Refused(_)
            | Self::TooLarge { .. }
            | Self::Unwritable(_)
            | Self::Closed => false,
        }
    }

    /// Redis' own word for the error, e.g. `NOGROUP`.
    pub(super) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(source) | Self::Unavailable(source) => source.code(),
            Self::Config(_)
            | Self::Timeout(_)
            | Self::TooLarge { .. }
            | Self::Unwritable(_)
            | Self::Closed => None,
        }
    }

    /// The connection was closed, perhaps long ago.
    pub(super) fn is_hang_up(&self) -> bool {
        matches!(self, Self::Unavailable(source) if source.is_connection_dropped())
    }

    /// The stream or its group does not exist: nobody made it yet, or Redis was flushed.
    pub(super) fn is_no_group(&self) -> bool {
        self.code() == Some("NOGROUP")
    }
}

impl From<RedisError> for QueueError {
    fn from(source: RedisError) -> Self {
        let refused = match source.kind() {
            ErrorKind::Server(kind) => !matches!(
                kind,
                ServerErrorKind::BusyLoading
                    | ServerErrorKind::TryAgain
                    | ServerErrorKind::MasterDown
                    | ServerErrorKind::ClusterDown
                    | ServerErrorKind::ReadOnly
            ),
            // Codes that the redis crate has no word for. OOM: maxmemory reached; MISCONF: cannot persist; BUSY: a script runs.
            ErrorKind::Extension => !matches!(
                source.code(),
                Some("OOM" | "MISCONF" | "BUSY" | "NOREPLICAS")
            ),
            ErrorKind::UnexpectedReturnType | ErrorKind::InvalidClientConfig => true,
            _ => false,
        };
        if refused {
            Self::Refused(source)
        } else {
            Self::Unavailable(source)
        }
    }
}
