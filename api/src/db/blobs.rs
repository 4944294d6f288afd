//! Who refers to a blob, and which blobs were swept because nobody did.
//!
//! A reference is a clip or an artifact of an accepted result. What is about to become one is not seen here: hence the rows of
//! `swept_blobs`, which whoever makes a reference looks at in the same transaction.

use std::collections::HashSet;

use botflix_common::hash::Sha;
use botflix_common::task::AttemptId;
use sqlx::AssertSqlSafe;

use super::row::Columns;
use super::{Database, DbError, Move, Write, bulk};

/// How far the sweep of a blob is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swept {
    /// Its bytes are deleted now, or any moment.
    Going,
    Gone,
}

impl Swept {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "going" => Some(Self::Going),
            "gone" => Some(Self::Gone),
            _ => None,
        }
    }
}

/// Those of these blobs that a clip or an accepted result refers to.
pub async fn referred_to(db: &Database, shas: &[Sha]) -> Result<HashSet<Sha>, DbError> {
    let mut found = HashSet::new();
    for chunk in shas.chunks(bulk::ROWS) {
        let these = bulk::list(1, chunk.len());
        let select = format!(
            "SELECT sha256 FROM clips WHERE sha256 IN ({these}) UNION SELECT sha256 FROM artifacts WHERE sha256 IN ({these})"
        );
        let mut query = sqlx::query(AssertSqlSafe(select)).persistent(false);
        for sha in chunk {
            query = query.bind(sha.to_string());
        }
        for row in query.fetch_all(db.reader()).await? {
            found.insert(row.parsed("sha256")?);
        }
    }
    Ok(found)
}

/// Whether an episode names the blob: a second look, because a film that is shown must never lose its bytes.
pub async fn is_shown(db: &Database, sha: &Sha) -> Result<bool, DbError> {
    let row = sqlx::query(
        "SELECT 1 AS shown FROM episodes WHERE artifacts LIKE '%' || $1 || '%' LIMIT 1",
    )
    .bind(sha.hex())
    .fetch_optional(db.reader())
    .await?;
    Ok(row.is_some())
}

/// Decides that the blob goes, if nobody refers to it and nobody else deletes it now. Within a transaction of the graph: so does whoever makes a reference.
pub async fn decide(tx: &mut Write, sha: &Sha, now_ms: i64) -> Result<Move, DbError> {
    let done = sqlx::query(
        "INSERT INTO swept_blobs (sha256, state, at_ms) SELECT CAST($1 AS TEXT), 'going', CAST($2 AS BIGINT) \
         WHERE NOT EXISTS (SELECT 1 FROM clips WHERE sha256 = $1) \
         AND NOT EXISTS (SELECT 1 FROM artifacts WHERE sha256 = $1) \
         ON CONFLICT (sha256) DO UPDATE SET state = 'going', at_ms = excluded.at_ms WHERE swept_blobs.state = 'gone'",
    )
    .bind(sha.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// going → gone.
pub async fn note_gone(db: &Database, sha: &Sha, now_ms: i64) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query("UPDATE swept_blobs SET state = 'gone', at_ms = $2 WHERE sha256 = $1")
        .bind(sha.to_string())
        .bind(now_ms)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// Forgets that a blob was swept: its bytes are there again. One that is going is not forgotten.
pub async fn note_back(db: &Database, sha: &Sha) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM swept_blobs WHERE sha256 = $1 AND state = 'gone'")
        .bind(sha.to_string())
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// Forgets what was gone before `until_ms`.
pub async fn forget_gone(db: &Database, until_ms: i64) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM swept_blobs WHERE state = 'gone' AND at_ms < $1")
        .bind(until_ms)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// Blobs whose sweep was decided before `until_ms` and not finished.
pub async fn going(db: &Database, until_ms: i64, limit: u32) -> Result<Vec<Sha>, DbError> {
    let rows = sqlx::query(
        "SELECT sha256 FROM swept_blobs WHERE state = 'going' AND at_ms <= $1 LIMIT $2",
    )
    .bind(until_ms)
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("sha256")).collect()
}

/// Takes over the sweep of one of [`going`]: from now on it is this process' to finish.
pub async fn take_over(
    db: &Database,
    sha: &Sha,
    until_ms: i64,
    now_ms: i64,
) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE swept_blobs SET at_ms = $3 WHERE sha256 = $1 AND state = 'going' AND at_ms <= $2",
    )
    .bind(sha.to_string())
    .bind(until_ms)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(Move::of(done.rows_affected()))
}

/// Those of these blobs that were swept, and how far that is.
pub async fn swept(db: &Database, shas: &[Sha]) -> Result<Vec<(Sha, Swept)>, DbError> {
    let mut found = Vec::new();
    for chunk in shas.chunks(bulk::ROWS) {
        let mut query = sqlx::query(AssertSqlSafe(select_swept(chunk.len()))).persistent(false);
        for sha in chunk {
            query = query.bind(sha.to_string());
        }
        for row in query.fetch_all(db.reader()).await? {
            found.push((row.parsed("sha256")?, row.word("state", Swept::parse)?));
        }
    }
    Ok(found)
}

/// Whether one of these blobs was swept, to be asked by whoever is about to refer to them.
pub async fn any_swept(tx: &mut Write, shas: &[Sha]) -> Result<bool, DbError> {
    for chunk in shas.chunks(bulk::ROWS) {
        let mut query = sqlx::query(AssertSqlSafe(select_swept(chunk.len()))).persistent(false);
        for sha in chunk {
            query = query.bind(sha.to_string());
        }
        if query.fetch_optional(tx.connection()).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

fn select_swept(count: usize) -> String {
    format!(
        "SELECT sha256, state FROM swept_blobs WHERE sha256 IN ({})",
        bulk::list(1, count)
    )
}

/// Those of these attempts that are current and not over.
pub async fn attempts_in_flight(
    db: &Database,
    ids: &[AttemptId],
) -> Result<HashSet<AttemptId>, DbError> {
    let mut found = HashSet::new();
    for chunk in ids.chunks(bulk::ROWS) {
        let select = format!(
            "SELECT task_key, attempt FROM tasks WHERE state IN ('queued', 'running') AND task_key IN ({})",
            bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(select)).persistent(false);
        for id in chunk {
            query = query.bind(id.task.hex());
        }
        for row in query.fetch_all(db.reader()).await? {
            found.insert(AttemptId {
                task: row.parsed("task_key")?,
                attempt: row.count("attempt")?,
            });
        }
    }
    Ok(found)
}
