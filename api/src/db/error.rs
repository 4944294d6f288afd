//! What can go wrong with the database, sorted by what the caller can do about it.

use sqlx::error::ErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Settings that cannot work. Start-up should stop.
    #[error("database settings: {0}")]
    Config(String),
    /// The schema could not be brought up to date. Start-up should stop.
    #[error("the database could not be migrated")]
    Migration(#[source] sqlx::migrate::MigrateError),
    /// Away, busy, full, or two transactions were in each other's way: the same may work later.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A row that must be unique is there already, or one that must be there is not.
    #[error("the database refused a row: {constraint}")]
    Conflict {
        /// Postgres' name of the constraint, or SQLite's sentence about it.
        constraint: String,
        #[source]
        source: sqlx::Error,
    },
    /// The row named does not exist.
    #[error("there is no such {0}")]
    Gone(&'static str),
    /// The bytes that a row is to refer to were put away in that moment.
    #[error("the bytes were put away in that moment")]
    Swept,
    /// A stored value cannot be read: a bug, or the database of another version.
    #[error("the stored {what} cannot be read: {detail}")]
    Broken { what: String, detail: String },
    /// Anything else: a bug.
    #[error("the database failed")]
    Fault(#[source] sqlx::Error),
}

impl DbError {
    /// Whether the same may work later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Swept => true,
            Self::Config(_)
            | Self::Migration(_)
            | Self::Conflict { .. }
            | Self::Gone(_)
            | Self::Broken { .. }
            | Self::Fault(_) => false,
        }
    }

    pub(super) fn broken(what: impl Into<String>, detail: impl ToString) -> Self {
        Self::Broken {
            what: what.into(),
            detail: detail.to_string(),
        }
    }
}

impl From<sqlx::Error> for DbError {
    fn from(source: sqlx::Error) -> Self {
        match &source {
            sqlx::Error::Configuration(_) => Self::Config(source.to_string()),
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::InvalidSavePointStatement
            | sqlx::Error::BeginFailed => Self::Unavailable(source),
            sqlx::Error::Database(error) => match error.kind() {
                ErrorKind::UniqueViolation | ErrorKind::ForeignKeyViolation => Self::Conflict {
                    constraint: error
                        .constraint()
                        .unwrap_or_else(|| error.message())
                        .to_owned(),
                    source,
                },
                _ if error.code().is_some_and(|code| passes(&code)) => Self::Unavailable(source),
                _ => Self::Fault(source),
            },
            _ => Self::Fault(source),
        }
    }
}

/// Whether a database's error code means a state that passes by itself, or that an operator ends.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        // Postgres' SQLSTATE: connection, serialization and deadlock, resources, lock timeout, operator's intervention, disk.
        return ["08", "40", "53", "55P03", "57", "58"]
            .iter()
            .any(|class| code.starts_with(class));
    }
    // SQLite's extended codes keep the primary one in the low byte: busy, locked, I/O, full, cannot open.
    code.parse::<u32>()
        .is_ok_and(|code| matches!(code & 0xff, 5 | 6 | 10 | 13 | 14))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn busy_deadlock_and_shutdown_pass_and_a_syntax_error_does_not() {
        for code in ["5", "261", "517", "13", "40P01", "57P01", "08006", "55P03"] {
            assert!(passes(code), "{code}");
        }
        for code in ["1", "42601", "22P02", "19"] {
            assert!(!passes(code), "{code}");
        }
    }
}
