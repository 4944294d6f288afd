//! Join tokens of workers: only the SHA-256 of a token is kept.

use sqlx::any::AnyRow;

use super::row::Columns;
use super::{Database, DbError, Move};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerTokenRow {
    /// The public part of the token, by which it is found.
    pub id: String,
    pub name: String,
    /// In hex.
    pub secret_sha256: String,
    pub created_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    pub revoked_at_ms: Option<i64>,
    pub joins: i64,
    pub last_joined_at_ms: Option<i64>,
    pub last_worker: Option<String>,
}

impl WorkerTokenRow {
    fn read(row: &AnyRow) -> Result<Self, DbError> {
        Ok(Self {
            id: row.text("id")?,
            name: row.text("name")?,
            secret_sha256: row.text("secret_sha256")?,
            created_at_ms: row.int("created_at_ms")?,
            expires_at_ms: row.int_or_null("expires_at_ms")?,
            revoked_at_ms: row.int_or_null("revoked_at_ms")?,
            joins: row.int("joins")?,
            last_joined_at_ms: row.int_or_null("last_joined_at_ms")?,
            last_worker: row.text_or_null("last_worker")?,
        })
    }
}

const COLUMNS: &str = "id, name, secret_sha256, created_at_ms, expires_at_ms, revoked_at_ms, joins, last_joined_at_ms, last_worker";

pub async fn insert(db: &Database, row: &WorkerTokenRow) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO worker_tokens (id, name, secret_sha256, created_at_ms, expires_at_ms, joins) \
         VALUES ($1, $2, $3, $4, $5, 0)",
    )
    .bind(&row.id)
    .bind(&row.name)
    .bind(&row.secret_sha256)
    .bind(row.created_at_ms)
    .bind(row.expires_at_ms)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}

/// Oldest first, the revoked ones too.
pub async fn all(db: &Database) -> Result<Vec<WorkerTokenRow>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM worker_tokens ORDER BY created_at_ms, id");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(WorkerTokenRow::read).collect()
}

/// The token, revoked, expired or not: the caller looks.
pub async fn find(db: &Database, id: &str) -> Result<Option<WorkerTokenRow>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM worker_tokens WHERE id = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(id)
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(WorkerTokenRow::read).transpose()
}

/// Notes a use, unless the token was revoked or has run out by `now_ms`.
pub async fn note_join(
    db: &Database,
    id: &str,
    worker: &str,
    now_ms: i64,
) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE worker_tokens SET joins = joins + 1, last_joined_at_ms = $1, last_worker = $2 \
         WHERE id = $3 AND revoked_at_ms IS NULL AND (expires_at_ms IS NULL OR expires_at_ms > $4)",
    )
    .bind(now_ms)
    .bind(worker)
    .bind(id)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    let moved = Move::of(done.rows_affected());
    tx.commit().await?;
    Ok(moved)
}

/// From here on it no longer joins. `Stale`: there is none, or it was revoked before.
pub async fn revoke(db: &Database, id: &str, now_ms: i64) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE worker_tokens SET revoked_at_ms = $1 WHERE id = $2 AND revoked_at_ms IS NULL",
    )
    .bind(now_ms)
    .bind(id)
    .execute(tx.connection())
    .await?;
    let moved = Move::of(done.rows_affected());
    tx.commit().await?;
    Ok(moved)
}
