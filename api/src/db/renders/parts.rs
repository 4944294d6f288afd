//! Everything that a director sees of one render, read at once.

use std::collections::HashSet;

use botflix_common::finding::FindingCounts;
use botflix_common::hash::TaskKey;
use botflix_common::http::{RenderState, Stage};
use botflix_common::id::RenderId;
use botflix_common::task::{TaskKind, TaskOutput, TaskRecord};
use sqlx::AssertSqlSafe;

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
    /// Present once published; its film may be that of a later revision.
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
    let episode = match row.state {
        RenderState::Published => episodes::of_film(db, row.lineage.first).await?,
        _ => None,
    };
    let work = work_by_kind(db, id).await?;
    Ok(Some(RenderParts {
        finding_counts: row.foreseen.map(|foreseen| foreseen.and(found)),
        row,
        measured_progress: Effort::sum(work.iter().map(|(_, effort)| *effort)).progress(),
        stages: work.into_iter().map(|(stage, _)| stage).collect(),
        episode,
        running_since_ms: running_since(db, id).await?,
    }))
}

/// A render's tasks are asked for in the moment in which it begins to run, but for those that it is planned anew with.
async fn running_since(db: &Database, id: RenderId) -> Result<Option<i64>, DbError> {
    let row = sqlx::query(
        "SELECT MIN(t.created_at_ms) AS since_ms FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         JOIN renders r ON r.id = w.render_id WHERE w.render_id = $1 AND t.created_at_ms >= COALESCE(r.reopened_at_ms, r.created_at_ms)",
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

/// Whether task `t` of render `r` is done: a film that is published was made of all its tasks, whatever became of their rows since.
const IS_DONE: &str =
    "(t.state = 'done' OR t.forgotten_at_ms IS NOT NULL OR r.state = 'published')";

/// The accepted records of a render so far.
pub async fn results(db: &Database, id: RenderId) -> Result<Vec<TaskRecord>, DbError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT t.record FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key JOIN renders r ON r.id = w.render_id \
         WHERE w.render_id = $1 AND {IS_DONE} AND t.record IS NOT NULL ORDER BY t.task_key"
    )))
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.json("record")).collect()
}

/// Expected cost, and how much of it is done.
#[derive(Clone, Copy, Default)]
struct Effort {
    made: f64,
    planned: f64,
}

impl Effort {
    fn sum(efforts: impl Iterator<Item = Self>) -> Self {
        efforts.fold(Self::default(), |sum, effort| Self {
            made: sum.made + effort.made,
            planned: sum.planned + effort.planned,
        })
    }

    fn progress(self) -> f64 {
        if self.planned > 0.0 {
            (self.made / self.planned).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

async fn work_by_kind(db: &Database, id: RenderId) -> Result<Vec<(Stage, Effort)>, DbError> {
    let rows = sqlx::query(AssertSqlSafe(format!(
        "SELECT t.kind, COUNT(*) AS total, CAST(SUM(CASE WHEN {IS_DONE} THEN 1 ELSE 0 END) AS BIGINT) AS done, \
         SUM(t.weight * CASE WHEN r.state = 'published' THEN 1.0 ELSE t.progress END) AS made, SUM(t.weight) AS planned \
         FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key JOIN renders r ON r.id = w.render_id \
         WHERE w.render_id = $1 GROUP BY t.kind"
    )))
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    let mut work = Vec::with_capacity(rows.len());
    for row in &rows {
        let effort = Effort {
            made: row.real("made")?,
            planned: row.real("planned")?,
        };
        let stage = Stage {
            kind: row.word("kind", TaskKind::parse)?,
            total: row.count("total")?,
            done: row.count("done")?,
            progress: effort.progress(),
        };
        work.push((stage, effort));
    }
    work.sort_by_key(|(stage, _)| stage.kind);
    Ok(work)
}

async fn counts_of_check(db: &Database, id: RenderId) -> Result<FindingCounts, DbError> {
    let row = sqlx::query(AssertSqlSafe(format!(
        "SELECT t.record FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key JOIN renders r ON r.id = w.render_id \
         WHERE w.render_id = $1 AND t.kind = 'check' AND {IS_DONE}"
    )))
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
