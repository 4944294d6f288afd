//! What becomes of a clip: a verdict, or none; and of its bytes, when it is refused.

use botflix_common::facts::ClipFacts;
use botflix_common::hash::Sha;
use botflix_common::http::ClipStatus;

use crate::db::row::{Columns, to_json};
use crate::db::{Database, DbError, Move, Write};

/// inspecting → ready | refused, with the facts.
pub async fn inspected(
    tx: &mut Write,
    sha: &Sha,
    status: ClipStatus,
    facts: &ClipFacts,
) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE clips SET status = $2, facts = $3 WHERE sha256 = $1 AND status = 'inspecting'",
    )
    .bind(sha.to_string())
    .bind(status.name())
    .bind(to_json("facts", facts)?)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// inspecting → failed: the farm could not find out.
pub async fn inspection_failed(tx: &mut Write, sha: &Sha) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE clips SET status = 'failed' WHERE sha256 = $1 AND status = 'inspecting'",
    )
    .bind(sha.to_string())
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Refused clips whose bytes are still to be deleted. Bytes that an accepted record refers to are an artifact as well and stay.
pub async fn bytes_to_delete(db: &Database, limit: u32) -> Result<Vec<Sha>, DbError> {
    let rows = sqlx::query(
        "SELECT c.sha256 FROM clips c WHERE c.status = 'refused' AND c.bytes_deleted <> 1 \
         AND NOT EXISTS (SELECT 1 FROM artifacts a WHERE a.sha256 = c.sha256) LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("sha256")).collect()
}

/// How far the deletion of a refused clip's bytes is. Bytes that come back meanwhile set it to the start, so that they go as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    Begun,
    Done,
}

pub async fn note_deletion(db: &Database, sha: &Sha, deletion: Deletion) -> Result<Move, DbError> {
    let update = match deletion {
        Deletion::Begun => {
            "UPDATE clips SET bytes_deleted = 2 WHERE sha256 = $1 AND status = 'refused' AND bytes_deleted <> 1"
        }
        Deletion::Done => {
            "UPDATE clips SET bytes_deleted = 1 WHERE sha256 = $1 AND bytes_deleted = 2"
        }
    };
    let mut tx = db.write().await?;
    let done = sqlx::query(update)
        .bind(sha.to_string())
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(Move::of(done.rows_affected()))
}
