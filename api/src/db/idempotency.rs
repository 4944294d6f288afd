//! Idempotency keys: which render a director's key stands for, for a day.

use botflix_common::hash::Sha;
use botflix_common::id::{DirectorId, RenderId};

use super::row::Columns;
use super::{DbError, Write};

/// How long a key is remembered.
const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    pub body_sha256: Sha,
    pub render: RenderId,
}

/// What the key stands for. Keys of all directors that are older than a day are forgotten on the way.
pub async fn find(
    tx: &mut Write,
    director: DirectorId,
    key: &str,
    now_ms: i64,
) -> Result<Option<Remembered>, DbError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at_ms < $1")
        .bind(now_ms - REMEMBERED_MS)
        .execute(tx.connection())
        .await?;
    let row = sqlx::query(
        "SELECT body_sha256, render_id FROM idempotency_keys \
         WHERE director_id = $1 AND idempotency_key = $2",
    )
    .bind(director.to_string())
    .bind(key)
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        Ok(Remembered {
            body_sha256: row.parsed("body_sha256")?,
            render: row.parsed("render_id")?,
        })
    })
    .transpose()
}

pub async fn insert(
    tx: &mut Write,
    director: DirectorId,
    key: &str,
    remembered: Remembered,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO idempotency_keys (director_id, idempotency_key, body_sha256, render_id, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(director.to_string())
    .bind(key)
    .bind(remembered.body_sha256.to_string())
    .bind(remembered.render.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}
