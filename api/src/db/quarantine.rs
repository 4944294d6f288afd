//! Clips that killed the attempts of a task that read them and nothing else. Nothing is made of them until an operator releases them.

use std::collections::HashSet;

use botflix_common::hash::{Sha, TaskKey};
use botflix_common::task::TaskKind;
use sqlx::any::AnyRow;

use super::row::Columns;
use super::{Database, DbError, Move, Write, bulk, tasks};

/// Clips in one list.
const LISTED: i64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    pub clip: Sha,
    pub task: TaskKey,
    pub kind: TaskKind,
    pub crashes: u32,
    pub since_ms: i64,
}

const COLUMNS: &str = "sha256, task_key, kind, crashes, since_ms";

fn read(row: &AnyRow) -> Result<Quarantined, DbError> {
    Ok(Quarantined {
        clip: row.parsed("sha256")?,
        task: row.parsed("task_key")?,
        kind: row.word("kind", TaskKind::parse)?,
        crashes: row.count("crashes")?,
        since_ms: row.int("since_ms")?,
    })
}

/// The one clip that a task reads, if it reads one and nothing else.
pub async fn only_clip(tx: &mut Write, task: &TaskKey) -> Result<Option<Sha>, DbError> {
    let spec = tasks::spec(tx, task).await?;
    Ok(match spec.clips().as_slice() {
        [clip] if spec.needs().is_empty() => Some(*clip),
        _ => None,
    })
}

/// `Move::Stale`: it is there already, or the farm does not know the clip.
pub async fn confine(tx: &mut Write, clip: &Quarantined) -> Result<Move, DbError> {
    let done = sqlx::query(
        "INSERT INTO quarantine (sha256, task_key, kind, crashes, since_ms) \
         SELECT sha256, $2, $3, $4, $5 FROM clips WHERE sha256 = $1 ON CONFLICT (sha256) DO NOTHING",
    )
    .bind(clip.clip.to_string())
    .bind(clip.task.hex())
    .bind(clip.kind.name())
    .bind(i64::from(clip.crashes))
    .bind(clip.since_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

pub async fn release(tx: &mut Write, clip: &Sha) -> Result<Move, DbError> {
    let done = sqlx::query("DELETE FROM quarantine WHERE sha256 = $1")
        .bind(clip.to_string())
        .execute(tx.connection())
        .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Those of these clips that are in quarantine.
pub async fn among(tx: &mut Write, clips: &[Sha]) -> Result<HashSet<Sha>, DbError> {
    let mut found = HashSet::new();
    for chunk in clips.chunks(bulk::ROWS) {
        let select = format!(
            "SELECT sha256 FROM quarantine WHERE sha256 IN ({})",
            bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(select)).persistent(false);
        for clip in chunk {
            query = query.bind(clip.to_string());
        }
        for row in query.fetch_all(tx.connection()).await? {
            found.insert(row.parsed("sha256")?);
        }
    }
    Ok(found)
}

pub async fn find(db: &Database, clip: &Sha) -> Result<Option<Quarantined>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM quarantine WHERE sha256 = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(clip.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The latest first, 1,000 at most.
pub async fn all(db: &Database) -> Result<Vec<Quarantined>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM quarantine ORDER BY since_ms DESC, sha256 LIMIT $1");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(LISTED)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

pub async fn count(db: &Database) -> Result<u64, DbError> {
    let row = sqlx::query("SELECT COUNT(*) AS clips FROM quarantine")
        .fetch_one(db.reader())
        .await?;
    row.size("clips")
}
