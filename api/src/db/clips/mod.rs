//! Clips: what is known of an uploaded file, whoever sent it, and which directors may name it.
//!
//! - [`arrive`](arrive()): a director has sent one;
//! - [`fate`]: it is ready or refused, and what becomes of its bytes.

mod arrive;
pub mod fate;

use std::collections::HashMap;

use botflix_common::facts::ClipFacts;
use botflix_common::hash::{Sha, TaskKey};
use botflix_common::http::{ClipStatus, Usable};
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::plan::FactsByClip;
use botflix_common::verdict::{self, Judgement, Role};
use sqlx::any::AnyRow;

use super::row::Columns;
use super::{Database, DbError, Write};

pub use arrive::{Arrival, arrive, inspect_again};

#[derive(Clone, Debug, PartialEq)]
pub struct ClipRow {
    pub sha256: Sha,
    pub bytes: u64,
    pub status: ClipStatus,
    /// Its inspection.
    pub task_key: TaskKey,
    pub facts: Option<ClipFacts>,
    pub created_at_ms: i64,
}

impl ClipRow {
    /// What the clip is good for, once inspected.
    pub fn judgement(&self) -> Option<(Usable, Judgement)> {
        self.facts.as_ref().map(judge)
    }
}

/// A clip with moving pictures is judged as a shot, one picture as a still, and one without any as a track.
pub fn judge(facts: &ClipFacts) -> (Usable, Judgement) {
    if facts.still {
        return (Usable::Still, verdict::judge(facts, Role::Still));
    }
    let as_track = verdict::judge(facts, Role::Track);
    if facts.video.is_none() && as_track.verdict != verdict::Verdict::Refuse {
        return (Usable::Track, as_track);
    }
    (Usable::Shot, verdict::judge(facts, Role::Shot))
}

const COLUMNS: &str = "c.sha256, c.bytes, c.status, c.task_key, c.facts, c.created_at_ms";

async fn find(tx: &mut Write, sha: &Sha) -> Result<Option<ClipRow>, DbError> {
    let row = sqlx::query(select("FROM clips c WHERE c.sha256 = $1"))
        .bind(sha.to_string())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The clip, if this director has sent it.
pub async fn get_visible(
    db: &Database,
    director: DirectorId,
    sha: &Sha,
) -> Result<Option<ClipRow>, DbError> {
    let row = sqlx::query(select(
        "FROM clips c JOIN director_clips d ON d.sha256 = c.sha256 \
         WHERE d.director_id = $1 AND c.sha256 = $2",
    ))
    .bind(director.to_string())
    .bind(sha.to_string())
    .fetch_optional(db.reader())
    .await?;
    row.as_ref().map(read).transpose()
}

/// Those of the clips that this director has sent.
pub async fn visible(
    tx: &mut Write,
    director: DirectorId,
    shas: &[Sha],
) -> Result<HashMap<Sha, ClipRow>, DbError> {
    let mut clips = HashMap::with_capacity(shas.len());
    for chunk in shas.chunks(super::bulk::ROWS) {
        let clause = format!(
            "FROM clips c JOIN director_clips d ON d.sha256 = c.sha256 \
             WHERE d.director_id = $1 AND c.sha256 IN ({})",
            super::bulk::list(2, chunk.len())
        );
        let mut query = sqlx::query(select(&clause))
            .persistent(false)
            .bind(director.to_string());
        for sha in chunk {
            query = query.bind(sha.to_string());
        }
        for row in query.fetch_all(tx.connection()).await? {
            let clip = read(&row)?;
            clips.insert(clip.sha256, clip);
        }
    }
    Ok(clips)
}

/// The clips that a render names.
pub async fn of_render(tx: &mut Write, render: RenderId) -> Result<Vec<ClipRow>, DbError> {
    let rows = sqlx::query(select(
        "FROM clips c JOIN render_clips r ON r.sha256 = c.sha256 WHERE r.render_id = $1",
    ))
    .bind(render.to_string())
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(read).collect()
}

/// The clip that a task inspects.
pub async fn of_task(tx: &mut Write, task: &TaskKey) -> Result<Option<ClipRow>, DbError> {
    let row = sqlx::query(select("FROM clips c WHERE c.task_key = $1"))
        .bind(task.hex())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(read).transpose()
}

/// What is known of those that are inspected.
pub fn facts_of(clips: impl IntoIterator<Item = ClipRow>) -> FactsByClip {
    clips
        .into_iter()
        .filter_map(|clip| Some((clip.sha256, clip.facts?)))
        .collect()
}

/// The clip, and who sent it first.
pub async fn with_a_sender(
    tx: &mut Write,
    sha: &Sha,
) -> Result<Option<(ClipRow, DirectorId)>, DbError> {
    let Some(clip) = find(tx, sha).await? else {
        return Ok(None);
    };
    let row = sqlx::query(
        "SELECT director_id FROM director_clips WHERE sha256 = $1 ORDER BY created_at_ms, director_id LIMIT 1",
    )
    .bind(sha.to_string())
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| Ok((clip, row.parsed("director_id")?)))
        .transpose()
}

/// The bytes of each of these clips; those that are not known are left out.
pub async fn sizes(db: &Database, shas: &[Sha]) -> Result<HashMap<Sha, u64>, DbError> {
    let mut sizes = HashMap::with_capacity(shas.len());
    for chunk in shas.chunks(super::bulk::ROWS) {
        let select = format!(
            "SELECT sha256, bytes FROM clips WHERE sha256 IN ({})",
            super::bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(select)).persistent(false);
        for sha in chunk {
            query = query.bind(sha.to_string());
        }
        for row in query.fetch_all(db.reader()).await? {
            sizes.insert(row.parsed("sha256")?, row.size("bytes")?);
        }
    }
    Ok(sizes)
}

fn select(clause: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {COLUMNS} {clause}"))
}

fn read(row: &AnyRow) -> Result<ClipRow, DbError> {
    Ok(ClipRow {
        sha256: row.parsed("sha256")?,
        bytes: row.size("bytes")?,
        status: row.word("status", ClipStatus::parse)?,
        task_key: row.parsed("task_key")?,
        facts: row.json_or_null("facts")?,
        created_at_ms: row.int("created_at_ms")?,
    })
}
