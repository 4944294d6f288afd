//! Brings the schema up to date at start, one process at a time. Migrations expand first and contract a release later.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, Connection, SqlSafeStr};
use tokio::time::{Instant, sleep};

use super::DbError;
use super::dialect::Dialect;

/// How long to wait for another process that migrates.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);
const LOCK_RETRY: Duration = Duration::from_millis(20);

fn migrations() -> Vec<Migration> {
    let files = [
        ("farm", include_str!("../../migrations/0001_farm.sql")),
        (
            "finding counts",
            include_str!("../../migrations/0002_finding_counts.sql"),
        ),
        (
            "attempts",
            include_str!("../../migrations/0003_attempts.sql"),
        ),
        ("leaders", include_str!("../../migrations/0004_leaders.sql")),
        ("workers", include_str!("../../migrations/0005_workers.sql")),
        (
            "revisions",
            include_str!("../../migrations/0006_revisions.sql"),
        ),
        ("shares", include_str!("../../migrations/0007_shares.sql")),
        ("stopped", include_str!("../../migrations/0008_stopped.sql")),
        (
            "housekeeping",
            include_str!("../../migrations/0009_housekeeping.sql"),
        ),
        ("demands", include_str!("../../migrations/0010_demands.sql")),
        ("faults", include_str!("../../migrations/0011_faults.sql")),
    ];
    let migration = |(version, (name, sql)): (i64, (&'static str, &'static str))| {
        let simple = MigrationType::Simple;
        Migration::new(version, name.into(), simple, sql.into_sql_str(), false)
    };
    (1..).zip(files).map(migration).collect()
}

pub(super) async fn run(dialect: Dialect, url: &str) -> Result<(), DbError> {
    // Released when dropped, also when the process dies.
    let _lock = match dialect.migration_lock(url) {
        Some(path) => Some(lock(&path).await?),
        None => None,
    };
    let mut connection = AnyConnection::connect(url).await?;
    dialect.prepare(&mut connection).await?;
    Migrator::with_migrations(migrations())
        // A newer process has been here: an older one that starts again during an upgrade goes on, for migrations only add.
        .set_ignore_missing(true)
        .run_direct(None, &mut connection, false)
        .await
        .map_err(DbError::Migration)?;
    connection.close().await?;
    Ok(())
}

async fn lock(path: &Path) -> Result<File, DbError> {
    let unusable =
        |source| DbError::Config(format!("{} cannot be locked: {source}", path.display()));
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(unusable)?;
    let deadline = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                return Err(DbError::Config(format!(
                    "another process has held {} for {LOCK_TIMEOUT:?}",
                    path.display()
                )));
            }
            Err(TryLockError::WouldBlock) => sleep(LOCK_RETRY).await,
        }
    }
}
