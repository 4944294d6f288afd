//! Who is next: the scheduler is one query.

use botflix_common::hash::TaskKey;
use botflix_common::task::{Lane, TaskKind};

use crate::db::row::{Columns, big};
use crate::db::{Database, DbError, Write};

/// A task whose turn it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    pub key: TaskKey,
    pub kind: TaskKind,
    /// Since when it could have been queued.
    pub ready_since_ms: i64,
}

/// The ready and due tasks of a lane in the order in which they should be queued.
///
/// `busy` is what a director already has queued or running, `nth` the place of a task among its director's own (oldest first, and of one
/// age the most expensive first, so that nobody waits for a long one at the end). Sorting by their sum fills every director up to the
/// same level, one task at a time: one with 1,000 tasks cannot starve one with 1.
const NEXT: &str = "\
    SELECT task_key, kind, ready_since_ms FROM ( \
      SELECT t.task_key, t.kind, t.created_at_ms, COALESCE(b.tasks, 0) AS busy, \
        CASE WHEN t.due_at_ms > t.updated_at_ms THEN t.due_at_ms ELSE t.updated_at_ms END AS ready_since_ms, \
        ROW_NUMBER() OVER (PARTITION BY t.director_id \
          ORDER BY t.created_at_ms, t.weight DESC, t.task_key) AS nth \
      FROM tasks t LEFT JOIN ( \
        SELECT director_id, COUNT(*) AS tasks FROM tasks \
        WHERE state IN ('queued', 'running') GROUP BY director_id \
      ) b ON b.director_id = t.director_id \
      WHERE t.state = 'ready' AND t.lane = $1 AND t.due_at_ms <= $2 \
    ) ranked ORDER BY busy + nth, created_at_ms, task_key LIMIT $3";

pub async fn next(
    tx: &mut Write,
    lane: Lane,
    now_ms: i64,
    limit: u64,
) -> Result<Vec<Next>, DbError> {
    let rows = sqlx::query(NEXT)
        .bind(lane.name())
        .bind(now_ms)
        .bind(big(limit))
        .fetch_all(tx.connection())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Next {
                key: row.parsed("task_key")?,
                kind: row.word("kind", TaskKind::parse)?,
                ready_since_ms: row.int("ready_since_ms")?,
            })
        })
        .collect()
}

/// Whether a lane has anything to queue now: asked outside the graph's transaction, so that an idle farm takes no lock.
pub async fn any_due(db: &Database, lane: Lane, now_ms: i64) -> Result<bool, DbError> {
    let row = sqlx::query(
        "SELECT 1 AS due FROM tasks WHERE state = 'ready' AND lane = $1 AND due_at_ms <= $2 LIMIT 1",
    )
    .bind(lane.name())
    .bind(now_ms)
    .fetch_optional(db.reader())
    .await?;
    Ok(row.is_some())
}

/// What of a lane is queued or running.
pub async fn busy(tx: &mut Write, lane: Lane) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS tasks FROM tasks WHERE state IN ('queued', 'running') AND lane = $1",
    )
    .bind(lane.name())
    .fetch_one(tx.connection())
    .await?;
    row.size("tasks")
}
