//! A director has sent a clip: new to everybody, known, or to be looked at again.

use botflix_common::hash::Sha;
use botflix_common::http::ClipStatus;
use botflix_common::id::DirectorId;
use botflix_common::task::{InspectSpec, Priority, TaskSpec};

use super::{ClipRow, find};
use crate::db::row::big;
use crate::db::tasks::{self, NewTask, TaskState};
use crate::db::{DbError, Write, quarantine};

/// Relative cost of an inspection; what the dispatcher orders tasks of one age by.
const INSPECT_WEIGHT: f64 = 1.0;

/// What a sent clip met.
#[derive(Clone, Debug, PartialEq)]
pub enum Arrival {
    /// Never seen, or its inspection had failed and it is not in quarantine: it is being inspected.
    New(ClipRow),
    /// Whatever its status: inspecting, ready or refused, or failed and in quarantine.
    Known(ClipRow),
}

impl Arrival {
    pub fn clip(&self) -> &ClipRow {
        match self {
            Self::New(clip) | Self::Known(clip) => clip,
        }
    }
}

/// Notes that a director has sent a clip whose bytes are now stored, and has it inspected if need be.
pub async fn arrive(
    tx: &mut Write,
    director: DirectorId,
    sha: Sha,
    bytes: u64,
    now_ms: i64,
) -> Result<Arrival, DbError> {
    let arrival = match find(tx, &sha).await? {
        Some(clip)
            if clip.status == ClipStatus::Failed
                && !quarantine::among(tx, &[sha]).await?.contains(&sha) =>
        {
            inspect_again(tx, director, &clip, now_ms).await?;
            Arrival::New(ClipRow {
                status: ClipStatus::Inspecting,
                ..clip
            })
        }
        Some(clip) => {
            // The bytes of a refused clip have come back with it and must go again.
            sqlx::query(
                "UPDATE clips SET bytes_deleted = 0 WHERE sha256 = $1 AND status = 'refused'",
            )
            .bind(sha.to_string())
            .execute(tx.connection())
            .await?;
            Arrival::Known(clip)
        }
        None => Arrival::New(insert(tx, director, sha, bytes, now_ms).await?),
    };
    sqlx::query(
        "INSERT INTO director_clips (director_id, sha256, created_at_ms) VALUES ($1, $2, $3) \
         ON CONFLICT DO NOTHING",
    )
    .bind(director.to_string())
    .bind(sha.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(arrival)
}

async fn insert(
    tx: &mut Write,
    director: DirectorId,
    sha256: Sha,
    bytes: u64,
    now_ms: i64,
) -> Result<ClipRow, DbError> {
    let spec = TaskSpec::Inspect(InspectSpec {
        clip: sha256,
        proxy: true,
    });
    let task_key = spec.key();
    let clip = ClipRow {
        sha256,
        bytes,
        status: ClipStatus::Inspecting,
        task_key,
        facts: None,
        created_at_ms: now_ms,
    };
    sqlx::query(
        "INSERT INTO clips (sha256, bytes, status, task_key, facts, bytes_deleted, created_at_ms) \
         VALUES ($1, $2, $3, $4, NULL, 0, $5)",
    )
    .bind(sha256.to_string())
    .bind(big(bytes))
    .bind(clip.status.name())
    .bind(task_key.hex())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    let task = NewTask {
        key: task_key,
        spec: &spec,
        state: TaskState::Ready,
        weight: INSPECT_WEIGHT,
        priority: Priority::default(),
        director,
    };
    tasks::graph::insert(tx, &[task], now_ms).await?;
    Ok(clip)
}

/// Has a clip inspected whose inspection had failed.
pub async fn inspect_again(
    tx: &mut Write,
    director: DirectorId,
    clip: &ClipRow,
    now_ms: i64,
) -> Result<(), DbError> {
    let revived =
        tasks::moves::revive(tx, &clip.task_key, TaskState::Ready, director, now_ms).await?;
    if !revived.is_made() {
        return Err(DbError::broken(
            "clip",
            "it failed, but its inspection did not",
        ));
    }
    sqlx::query("UPDATE clips SET status = 'inspecting' WHERE sha256 = $1")
        .bind(clip.sha256.to_string())
        .execute(tx.connection())
        .await?;
    Ok(())
}
