//! Settings of the installation: secrets that are made at first start.

use super::row::Columns;
use super::{Database, DbError};

/// The setting, made now if it has no value yet. Of several processes that start at once, one makes it and all get it.
pub async fn get_or_create(
    db: &Database,
    name: &str,
    make: impl FnOnce() -> String,
) -> Result<String, DbError> {
    let mut tx = db.write().await?;
    sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(make())
        .execute(tx.connection())
        .await?;
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(name)
        .fetch_one(tx.connection())
        .await?;
    tx.commit().await?;
    row.text("value")
}

pub async fn get(db: &Database, name: &str) -> Result<Option<String>, DbError> {
    let row = sqlx::query("SELECT value FROM settings WHERE name = $1")
        .bind(name)
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.text("value")).transpose()
}

/// Gives the setting a value, whatever it had.
pub async fn set(db: &Database, name: &str, value: &str) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO settings (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )
    .bind(name)
    .bind(value)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}
