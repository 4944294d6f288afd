//! What truly differs between SQLite and Postgres, and nothing else.

use std::path::PathBuf;

use sqlx::AnyConnection;

use super::DbError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    Postgres,
}

/// Readers and one writer at once (WAL); a commit is on the disk before it is answered; foreign keys count.
const SQLITE_CONNECTION: &str = "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON;";
/// Nothing waits for ever: not for a lock, not for a statement, not for a client that fell silent inside a transaction.
const POSTGRES_CONNECTION: &str = "SET lock_timeout = '10s'; SET statement_timeout = '30s'; \
     SET idle_in_transaction_session_timeout = '60s';";
/// "botflix" as a number: the advisory lock of the task graph.
const GRAPH_LOCK: i64 = 0x0062_6f74_666c_6978;

impl Dialect {
    pub(super) fn of(url: &str) -> Result<Self, DbError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            // The URL may hold a password: it is not repeated.
            _ => Err(DbError::Config(
                "a database URL starts with sqlite:// or postgres://".to_owned(),
            )),
        }
    }

    /// The URL with what makes a new SQLite file when there is none.
    pub(super) fn full_url(self, url: &str) -> String {
        match self {
            Self::Postgres => url.to_owned(),
            Self::Sqlite if url.contains("mode=") => url.to_owned(),
            Self::Sqlite if url.contains('?') => format!("{url}&mode=rwc"),
            Self::Sqlite => format!("{url}?mode=rwc"),
        }
    }

    /// The file that is locked while a SQLite database is made and migrated. Postgres' migrator locks by itself.
    pub(super) fn migration_lock(self, url: &str) -> Option<PathBuf> {
        if self == Self::Postgres {
            return None;
        }
        let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        Some(PathBuf::from(format!("{path}.lock")))
    }

    /// Transactions that may be open for writing at once in this process.
    pub(super) fn writers(self) -> usize {
        match self {
            Self::Sqlite => 1,
            // As many as there are connections: the pool is the limit.
            Self::Postgres => 1024,
        }
    }

    /// A SQLite transaction that reads before it writes must say so first, or it may be refused half way.
    pub(super) fn begin(self) -> &'static str {
        match self {
            Self::Sqlite => "BEGIN IMMEDIATE",
            Self::Postgres => "BEGIN",
        }
    }

    pub(super) async fn prepare(self, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
        let settings = match self {
            Self::Sqlite => SQLITE_CONNECTION,
            Self::Postgres => POSTGRES_CONNECTION,
        };
        sqlx::raw_sql(settings).execute(connection).await?;
        Ok(())
    }

    /// The database's own time in milliseconds since 1970, as an expression. Of two statements of one transaction each sees its own.
    pub(super) fn now_ms(self) -> &'static str {
        match self {
            Self::Sqlite => "CAST(unixepoch('subsec') * 1000 AS INTEGER)",
            Self::Postgres => "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)",
        }
    }

    /// Waits until no other transaction holds the task graph; held until the end of this one. SQLite's one writer holds it already.
    pub(super) async fn lock_graph(self, connection: &mut AnyConnection) -> Result<(), DbError> {
        if self == Self::Postgres {
            sqlx::query("SELECT CAST(pg_advisory_xact_lock($1) AS TEXT)")
                .bind(GRAPH_LOCK)
                .execute(connection)
                .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlite_url_gets_its_mode_and_its_lock_file() {
        let dialect = Dialect::of("sqlite:///data/farm.db").unwrap();
        assert_eq!(
            dialect.full_url("sqlite:///data/farm.db"),
            "sqlite:///data/farm.db?mode=rwc"
        );
        assert_eq!(
            dialect.migration_lock("sqlite:///data/farm.db?mode=rwc"),
            Some(PathBuf::from("/data/farm.db.lock"))
        );
        assert!(Dialect::of("mysql://x").is_err());
    }
}
