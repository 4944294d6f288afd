//! Everything that a director sees of one render, read at once.

use std::collections::HashSet;

use botflix_common::finding::FindingCounts;
use botflix_common::hash::TaskKey;
use botflix_common::http::Stage;
use botflix_common::id::RenderId;
use botflix_common::task::{TaskKind, TaskOutput, TaskRecord};

use super::{RenderRow, get};
use crate::db::episodes::{self, EpisodeRow};
use crate::db::row::Columns;
use crate::db::{Database, DbError};

#[derive(Clone, Debug, PartialEq)]
pub struct RenderParts {
    pub row: RenderRow,
    /// In the order in which the work is done; only kinds that the plan has.
    pub stages: Vec<Stage>,
    /// Of the material and, once it is checked, of the film. Present once planned.
    pub finding_counts: Option<FindingCounts>,
    /// Present once published.
    pub episode: Option<EpisodeRow>,
    /// How far its tasks are, weighted by their expected cost: less than the row's progress after something has to be made again.
    pub measured_progress: f64,
    /// When the first of its own tasks was asked for; absent before that.
    pub running_since_ms: Option<i64>,
}

pub async fn parts(db: &Database, id: RenderId) -> Result<Option<RenderParts>, DbError> {
    let Some(row) = get(db, id).await? else {
        return Ok(None);
    };
    let found = counts_of_check(db, id).await?;
    Ok(Some(RenderParts {
        finding_counts: row.foreseen.map(|foreseen| foreseen.and(found)),
        row,
        measured_progress: measured(db, id).await?,
        stages: stages(db, id).await?,
        episode: episodes::of_render(db, id).await?,
        running_since_ms: running_since(db, id).await?,
    }))
}

async fn measured(db: &Database, id: RenderId) -> Result<f64, DbError> {
    let row = sqlx::query(
        "SELECT COALESCE(SUM(t.weight * t.progress), 0.0) AS made, COALESCE(SUM(t.weight), 0.0) AS planned \
         FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key WHERE w.render_id = $1",
    )
    .bind(id.to_string())
    .fetch_one(db.reader())
    .await?;
    let (made, planned) = (row.real("made")?, row.real("planned")?);
    Ok(if planned > 0.0 { made / planned } else { 0.0 })
}

/// A render's tasks are asked for in the moment in which it begins to run, but for those that it is planned anew with.
async fn running_since(db: &Database, id: RenderId) -> Result<Option<i64>, DbError> {
    let row = sqlx::query(
        "SELECT MIN(t.created_at_ms) AS since_ms FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         JOIN renders r ON r.id = w.render_id WHERE w.render_id = $1 AND t.created_at_ms >= r.created_at_ms",
    )
    .bind(id.to_string())
    .fetch_one(db.reader())
    .await?;
    row.int_or_null("since_ms")
}

/// The tasks of a render whose result was there before it was sent.
pub async fn done_before(db: &Database, id: RenderId) -> Result<HashSet<TaskKey>, DbError> {
    let rows = sqlx::query(
        "SELECT t.task_key FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         JOIN renders r ON r.id = w.render_id \
         WHERE w.render_id = $1 AND t.state = 'done' AND t.updated_at_ms < r.created_at_ms",
    )
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("task_key")).collect()
}

/// The accepted records of a render so far.
pub async fn results(db: &Database, id: RenderId) -> Result<Vec<TaskRecord>, DbError> {
    let rows = sqlx::query(
        "SELECT t.record FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.state = 'done' AND t.record IS NOT NULL ORDER BY t.task_key",
    )
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.json("record")).collect()
}

async fn stages(db: &Database, id: RenderId) -> Result<Vec<Stage>, DbError> {
    let rows = sqlx::query(
        "SELECT t.kind, COUNT(*) AS total, \
         CAST(SUM(CASE WHEN t.state = 'done' THEN 1 ELSE 0 END) AS BIGINT) AS done, \
         SUM(t.weight * t.progress) AS made, SUM(t.weight) AS planned \
         FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key WHERE w.render_id = $1 GROUP BY t.kind",
    )
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    let mut stages = Vec::with_capacity(rows.len());
    for row in &rows {
        let planned = row.real("planned")?;
        stages.push(Stage {
            kind: row.word("kind", TaskKind::parse)?,
            total: row.count("total")?,
            done: row.count("done")?,
            progress: if planned > 0.0 {
                (row.real("made")? / planned).clamp(0.0, 1.0)
            } else {
                0.0
            },
        });
    }
    stages.sort_by_key(|stage| stage.kind);
    Ok(stages)
}

async fn counts_of_check(db: &Database, id: RenderId) -> Result<FindingCounts, DbError> {
    let row = sqlx::query(
        "SELECT t.record FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.kind = 'check' AND t.state = 'done'",
    )
    .bind(id.to_string())
    .fetch_optional(db.reader())
    .await?;
    let record: Option<TaskRecord> = match row {
        Some(row) => row.json_or_null("record")?,
        None => None,
    };
    Ok(match record.map(|record| record.output) {
        Some(TaskOutput::Check { findings, .. }) => FindingCounts::of(&findings),
        _ => FindingCounts::default(),
    })
}
