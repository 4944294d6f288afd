//! What is to be known of the lines to say why a render waits, and for how long. Only reads, outside the graph's transactions.

use botflix_common::id::{DirectorId, RenderId};
use botflix_common::task::Lane;
use sqlx::any::AnyRow;

use super::pick::{self, Line, Takes};
use super::{OF_RENDER, TaskState};
use crate::db::row::{Columns, big};
use crate::db::{Database, DbError};

/// Results that say how long tasks take.
const LATEST: i64 = 500;

/// What a director has waiting in a lane, ready and due.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backlog {
    pub lane: Lane,
    pub line: Line,
    pub tasks: u64,
    /// Their expected cost.
    pub cost: f64,
}

pub async fn backlogs(db: &Database, now_ms: i64) -> Result<Vec<Backlog>, DbError> {
    let rows = sqlx::query(
        "SELECT b.lane, b.tasks, b.cost, d.id, d.generation_profile, d.share_weight, d.task_limit FROM ( \
           SELECT lane, director_id, COUNT(*) AS tasks, SUM(weight) AS cost FROM tasks \
           WHERE state = 'ready' AND due_at_ms <= $1 GROUP BY lane, director_id \
         ) b JOIN directors d ON d.id = b.director_id",
    )
    .bind(now_ms)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_backlog).collect()
}

fn read_backlog(row: &AnyRow) -> Result<Backlog, DbError> {
    Ok(Backlog {
        lane: row.word("lane", Lane::parse)?,
        line: pick::read_line(row)?,
        tasks: row.size("tasks")?,
        cost: row.real("cost")?,
    })
}

/// What a director has in the queue or at workers in a lane, and the expected cost of what is left of it.
pub async fn at_work(db: &Database) -> Result<Vec<(Lane, DirectorId, u64, f64)>, DbError> {
    let rows = sqlx::query(
        "SELECT lane, director_id, COUNT(*) AS tasks, SUM(weight * (1.0 - progress)) AS cost FROM tasks \
         WHERE state IN ('queued', 'running') GROUP BY lane, director_id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.word("lane", Lane::parse)?,
                row.parsed("director_id")?,
                row.size("tasks")?,
                row.real("cost")?,
            ))
        })
        .collect()
}

/// Tasks that wait for their next try, by lane.
pub async fn paused(db: &Database, now_ms: i64) -> Result<Vec<(Lane, u64)>, DbError> {
    let rows = sqlx::query(
        "SELECT lane, COUNT(*) AS tasks FROM tasks WHERE state = 'ready' AND due_at_ms > $1 GROUP BY lane",
    )
    .bind(now_ms)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| Ok((row.word("lane", Lane::parse)?, row.size("tasks")?)))
        .collect()
}

/// How many ready and due tasks of a lane its workers do not take: for their need of memory, and for their kind.
pub async fn not_taken(
    db: &Database,
    lane: Lane,
    takes: &Takes,
    now_ms: i64,
) -> Result<(u64, u64), DbError> {
    let row = sqlx::query(
        "SELECT COUNT(CASE WHEN memory_bytes > $3 THEN 1 END) AS large, \
         COUNT(CASE WHEN (memory_bytes IS NULL OR memory_bytes <= $3) AND $4 LIKE ('%,' || kind || ',%') THEN 1 END) AS refused \
         FROM tasks WHERE state = 'ready' AND lane = $1 AND due_at_ms <= $2",
    )
    .bind(lane.name())
    .bind(now_ms)
    .bind(big(takes.memory_bytes))
    .bind(takes.refused_words())
    .fetch_one(db.reader())
    .await?;
    Ok((row.size("large")?, row.size("refused")?))
}

/// Whether all that a render has waiting in a lane and state is of kinds that its workers do not take.
pub async fn all_refused(
    db: &Database,
    render: RenderId,
    standing: Standing,
    takes: &Takes,
) -> Result<bool, DbError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT COUNT(*) AS tasks FROM ({OF_RENDER}) w CROSS JOIN tasks t WHERE t.task_key = w.task_key \
          AND t.state || '' = $2 AND t.lane || '' = $3 AND $4 NOT LIKE ('%,' || t.kind || ',%')"
    )))
    .bind(render.to_string())
    .bind(standing.state.name())
    .bind(standing.lane.name())
    .bind(takes.refused_words())
    .fetch_one(db.reader())
    .await?;
    Ok(row.size("tasks")? == 0)
}

/// The latest results: expected cost, and the seconds that it took.
pub async fn latest_results(db: &Database) -> Result<Vec<(f64, f64)>, DbError> {
    let rows = sqlx::query(
        "SELECT t.weight, a.wall_seconds FROM attempts a JOIN tasks t ON t.task_key = a.task_key \
         WHERE a.outcome = 'done' AND a.ended_at_ms IS NOT NULL AND a.wall_seconds IS NOT NULL \
         ORDER BY a.ended_at_ms DESC LIMIT $1",
    )
    .bind(LATEST)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| Ok((row.real("weight")?, row.real("wall_seconds")?)))
        .collect()
}

/// The unfinished tasks of a render in one lane and state; those of its clips' inspections while it waits for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    pub lane: Lane,
    pub state: TaskState,
    pub tasks: u64,
    /// What is left of their expected cost.
    pub cost: f64,
    /// When the first of them may be queued.
    pub due_at_ms: i64,
    /// The memory that the smallest of them needs; 0 where that is not known.
    pub memory_bytes: u64,
}

/// Read from the render to its tasks, and not along an index of all tasks in some state: hence the empty text behind columns, and the join
/// that SQLite does not turn round.
pub async fn standing(db: &Database, render: RenderId) -> Result<Vec<Standing>, DbError> {
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT t.lane, t.state, COUNT(*) AS tasks, SUM(t.weight * (1.0 - t.progress)) AS cost, \
         MIN(t.due_at_ms) AS due_at_ms, MIN(COALESCE(t.memory_bytes, 0)) AS memory_bytes \
         FROM ({OF_RENDER}) w CROSS JOIN tasks t WHERE t.task_key = w.task_key \
         AND t.state || '' IN ('waiting', 'ready', 'queued', 'running') \
         GROUP BY t.lane, t.state"
    )))
    .bind(render.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Standing {
                lane: row.word("lane", Lane::parse)?,
                state: row.word("state", TaskState::parse)?,
                tasks: row.size("tasks")?,
                cost: row.real("cost")?,
                due_at_ms: row.int("due_at_ms")?,
                memory_bytes: row.size("memory_bytes")?,
            })
        })
        .collect()
}

/// In whose line the first ready task of a render stands in a lane, and how many of that director's stand before it.
pub async fn place(
    db: &Database,
    render: RenderId,
    lane: Lane,
    now_ms: i64,
) -> Result<Option<(DirectorId, u64)>, DbError> {
    let first = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT t.director_id, t.priority, t.created_at_ms FROM ({OF_RENDER}) w CROSS JOIN tasks t \
         WHERE t.task_key = w.task_key \
         AND t.state || '' = 'ready' AND t.lane || '' = $2 AND t.due_at_ms + 0 <= $3 \
         ORDER BY t.priority DESC, t.created_at_ms LIMIT 1"
    )))
    .bind(render.to_string())
    .bind(lane.name())
    .bind(now_ms)
    .fetch_optional(db.reader())
    .await?;
    let Some(first) = first else { return Ok(None) };
    let director: DirectorId = first.parsed("director_id")?;
    let before = sqlx::query(
        "SELECT COUNT(*) AS tasks FROM tasks WHERE state = 'ready' AND lane = $1 AND director_id = $2 \
         AND due_at_ms + 0 <= $3 AND (priority > $4 OR (priority = $4 AND created_at_ms < $5))",
    )
    .bind(lane.name())
    .bind(director.to_string())
    .bind(now_ms)
    .bind(first.int("priority")?)
    .bind(first.int("created_at_ms")?)
    .fetch_one(db.reader())
    .await?;
    Ok(Some((director, before.size("tasks")?)))
}
