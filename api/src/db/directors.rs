//! Directors: who they are and how they make their clips.

use botflix_common::http::{DirectorPatch, GenerationProfile, ShareBody};
use botflix_common::id::DirectorId;
use sqlx::any::AnyRow;

use super::row::{Columns, big, to_json};
use super::{Database, DbError, Write};

#[derive(Clone, Debug, PartialEq)]
pub struct DirectorRow {
    pub id: DirectorId,
    pub name: String,
    pub description: String,
    pub owner_email: Option<String>,
    pub profile: GenerationProfile,
    pub created_at_ms: i64,
}

const SELECT: &str = "SELECT id, name, description, owner_email, generation_profile, created_at_ms \
     FROM directors WHERE id = $1";

pub async fn insert(tx: &mut Write, row: &DirectorRow) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO directors (id, name, description, owner_email, generation_profile, created_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(row.id.to_string())
    .bind(&row.name)
    .bind(&row.description)
    .bind(row.owner_email.as_deref())
    .bind(to_json("generation_profile", &row.profile)?)
    .bind(row.created_at_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub async fn get(db: &Database, id: DirectorId) -> Result<Option<DirectorRow>, DbError> {
    let row = sqlx::query(SELECT)
        .bind(id.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

const SHARE: &str = "SELECT share_weight, task_limit, render_limit FROM directors WHERE id = $1";

/// What operators have set for a director; absent: the farm's settings hold. [`DbError::Gone`] when there is no such director.
pub async fn share(db: &Database, id: DirectorId) -> Result<ShareBody, DbError> {
    let row = sqlx::query(SHARE)
        .bind(id.to_string())
        .fetch_optional(db.reader())
        .await?;
    read_share(row.as_ref())
}

/// The same within a transaction.
pub async fn find_share(tx: &mut Write, id: DirectorId) -> Result<ShareBody, DbError> {
    let row = sqlx::query(SHARE)
        .bind(id.to_string())
        .fetch_optional(tx.connection())
        .await?;
    read_share(row.as_ref())
}

fn read_share(row: Option<&AnyRow>) -> Result<ShareBody, DbError> {
    let row = row.ok_or(DbError::Gone("director"))?;
    Ok(ShareBody {
        weight: row.real_or_null("share_weight")?,
        task_limit: row.size_or_null("task_limit")?,
        render_limit: row.size_or_null("render_limit")?,
    })
}

/// [`DbError::Gone`] when there is no such director.
pub async fn set_share(db: &Database, id: DirectorId, share: &ShareBody) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE directors SET share_weight = $2, task_limit = $3, render_limit = $4 WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(share.weight)
    .bind(share.task_limit.map(big))
    .bind(share.render_limit.map(big))
    .execute(tx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(DbError::Gone("director"));
    }
    tx.commit().await
}

/// Changes what the patch names and leaves the rest as it is. [`DbError::Gone`] when there is no such director.
pub async fn update(
    db: &Database,
    id: DirectorId,
    patch: &DirectorPatch,
) -> Result<DirectorRow, DbError> {
    let mut tx = db.write().await?;
    // Takes the row's lock, so that two patches of different fields both last.
    sqlx::query("UPDATE directors SET name = name WHERE id = $1")
        .bind(id.to_string())
        .execute(tx.connection())
        .await?;
    let row = sqlx::query(SELECT)
        .bind(id.to_string())
        .fetch_optional(tx.connection())
        .await?;
    let mut director = read(&row.ok_or(DbError::Gone("director"))?)?;
    apply(&mut director, patch);
    sqlx::query(
        "UPDATE directors SET name = $2, description = $3, generation_profile = $4 WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(&director.name)
    .bind(&director.description)
    .bind(to_json("generation_profile", &director.profile)?)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(director)
}

fn apply(director: &mut DirectorRow, patch: &DirectorPatch) {
    if let Some(name) = &patch.name {
        director.name.clone_from(name);
    }
    if let Some(description) = &patch.description {
        director.description.clone_from(description);
    }
    if let Some(profile) = &patch.generation_profile {
        if let Some(model) = &profile.video_model {
            director.profile.video_model.clone_from(model);
        }
        if let Some(seconds) = profile.target_seconds {
            director.profile.target_seconds = seconds;
        }
        if let Some(tier) = profile.creation_tier {
            director.profile.creation_tier = tier;
        }
    }
}

fn read(row: &AnyRow) -> Result<DirectorRow, DbError> {
    Ok(DirectorRow {
        id: row.parsed("id")?,
        name: row.text("name")?,
        description: row.text("description")?,
        owner_email: row.text_or_null("owner_email")?,
        profile: row.json("generation_profile")?,
        created_at_ms: row.int("created_at_ms")?,
    })
}
