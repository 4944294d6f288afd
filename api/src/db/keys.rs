//! API keys: only the SHA-256 of a secret is kept.

use botflix_common::id::DirectorId;

use super::row::Columns;
use super::{Database, DbError, Write};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// The public part of the key, by which it is found.
    pub id: String,
    pub director_id: DirectorId,
    /// In hex.
    pub secret_sha256: String,
    pub created_at_ms: i64,
    pub revoked_at_ms: Option<i64>,
}

pub async fn insert(tx: &mut Write, row: &KeyRow) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO api_keys (id, director_id, secret_sha256, created_at_ms, revoked_at_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(&row.id)
    .bind(row.director_id.to_string())
    .bind(&row.secret_sha256)
    .bind(row.created_at_ms)
    .bind(row.revoked_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The key, revoked or not: the caller compares the secret and looks at `revoked_at_ms`.
pub async fn find(db: &Database, id: &str) -> Result<Option<KeyRow>, DbError> {
    let row = sqlx::query(
        "SELECT id, director_id, secret_sha256, created_at_ms, revoked_at_ms FROM api_keys WHERE id = $1",
    )
    .bind(id)
    .fetch_optional(db.reader())
    .await?;
    row.map(|row| {
        Ok(KeyRow {
            id: row.text("id")?,
            director_id: row.parsed("director_id")?,
            secret_sha256: row.text("secret_sha256")?,
            created_at_ms: row.int("created_at_ms")?,
            revoked_at_ms: row.int_or_null("revoked_at_ms")?,
        })
    })
    .transpose()
}
