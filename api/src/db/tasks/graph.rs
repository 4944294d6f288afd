//! The edges: which task needs which, and which render wants which. Read and written inside a graph transaction only.

use std::collections::{HashMap, HashSet};

use botflix_common::hash::TaskKey;
use botflix_common::id::RenderId;
use botflix_common::task::{Demand, Lane, Priority, TaskKind, TaskRecord};
use sqlx::{Any, AssertSqlSafe};

use super::{NewTask, OF_RENDER, TaskHead, TaskState, head_query, read_head};
use crate::db::row::{Columns, big, to_json};
use crate::db::{DbError, Write, bulk};

/// A task's place in a render.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub task: TaskKey,
    /// The shot it works for, when it is one.
    pub shot: Option<String>,
}

/// The state of each of these tasks that exists.
pub async fn states(
    tx: &mut Write,
    keys: &[TaskKey],
) -> Result<HashMap<TaskKey, TaskState>, DbError> {
    let mut states = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(bulk::ROWS) {
        let select = format!(
            "SELECT task_key, state FROM tasks WHERE task_key IN ({})",
            bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(select)).persistent(false);
        for key in chunk {
            query = query.bind(key.hex());
        }
        for row in query.fetch_all(tx.connection()).await? {
            states.insert(
                row.parsed("task_key")?,
                row.word("state", TaskState::parse)?,
            );
        }
    }
    Ok(states)
}

/// Those of these tasks whose result is there.
pub async fn done_among(tx: &mut Write, keys: &[TaskKey]) -> Result<HashSet<TaskKey>, DbError> {
    let states = states(tx, keys).await?.into_iter();
    Ok(states
        .filter_map(|(key, state)| (state == TaskState::Done).then_some(key))
        .collect())
}

/// Whether a render waits for a task of a lane, or has lost one.
pub async fn needs_lane(tx: &mut Write, render: RenderId, lane: Lane) -> Result<bool, DbError> {
    let row = sqlx::query(
        "SELECT 1 AS needed FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.lane = $2 AND t.state <> 'done' LIMIT 1",
    )
    .bind(render.to_string())
    .bind(lane.name())
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.is_some())
}

/// New tasks with their needs. The caller knows that none of these keys exists.
pub async fn insert(tx: &mut Write, tasks: &[NewTask<'_>], now_ms: i64) -> Result<(), DbError> {
    const COLUMNS: usize = 12;
    for chunk in tasks.chunks(bulk::ROWS) {
        let insert = format!(
            "INSERT INTO tasks (task_key, kind, lane, state, spec, director_id, weight, priority, created_at_ms, due_at_ms, \
             updated_at_ms, memory_bytes, attempt, crashes, retries, progress) VALUES {}",
            bulk::rows(chunk.len(), COLUMNS, ", 0, 0, 0, 0.0")
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(insert)).persistent(false);
        for task in chunk {
            query = query
                .bind(task.key.hex())
                .bind(task.spec.kind().name())
                .bind(task.spec.lane().name())
                .bind(task.state.name())
                .bind(to_json("spec", task.spec)?)
                .bind(task.director.to_string())
                .bind(task.weight)
                .bind(i64::from(task.priority.number()))
                .bind(now_ms)
                .bind(now_ms)
                .bind(now_ms)
                .bind(big(Demand::of(task.spec, 0).memory_bytes));
        }
        query.execute(tx.connection()).await?;
    }
    let needs: Vec<(TaskKey, TaskKey)> = tasks
        .iter()
        .flat_map(|task| task.spec.needs().into_iter().map(|need| (task.key, need)))
        .collect();
    for chunk in needs.chunks(bulk::ROWS) {
        let insert = format!(
            "INSERT INTO task_needs (task_key, needs_key) VALUES {} ON CONFLICT DO NOTHING",
            bulk::rows(chunk.len(), 2, "")
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(insert)).persistent(false);
        for (task, need) in chunk {
            query = query.bind(task.hex()).bind(need.hex());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

/// Has tasks go first that a more urgent render wants as well.
pub async fn raise(tx: &mut Write, keys: &[TaskKey], priority: Priority) -> Result<(), DbError> {
    for chunk in keys.chunks(bulk::ROWS) {
        let update = format!(
            "UPDATE tasks SET priority = $1 WHERE priority < $1 AND state <> 'done' AND task_key IN ({})",
            bulk::list(2, chunk.len())
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(update))
            .persistent(false)
            .bind(i64::from(priority.number()));
        for key in chunk {
            query = query.bind(key.hex());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

/// Ties tasks to a render.
pub async fn want(tx: &mut Write, render: RenderId, wanted: &[Wanted]) -> Result<(), DbError> {
    for chunk in wanted.chunks(bulk::ROWS) {
        let insert = format!(
            "INSERT INTO render_tasks (render_id, task_key, shot) VALUES {} ON CONFLICT DO NOTHING",
            bulk::rows(chunk.len(), 3, "")
        );
        let mut query = sqlx::query::<Any>(AssertSqlSafe(insert)).persistent(false);
        for task in chunk {
            query = query
                .bind(render.to_string())
                .bind(task.task.hex())
                .bind(task.shot.clone());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

/// Unties a render from all its tasks. Which they were stays known, for its log.
pub async fn unwant(tx: &mut Write, render: RenderId, now_ms: i64) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO render_dropped_tasks (render_id, task_key, shot, dropped_at_ms) \
         SELECT render_id, task_key, shot, CAST($2 AS BIGINT) FROM render_tasks WHERE render_id = $1 \
         ON CONFLICT (render_id, task_key) DO UPDATE SET shot = excluded.shot, dropped_at_ms = excluded.dropped_at_ms",
    )
    .bind(render.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    sqlx::query("DELETE FROM render_tasks WHERE render_id = $1")
        .bind(render.to_string())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Makes those tasks of a render due that wait for their next try: all, with the inspections that it waits for, or those of one shot. What
/// they have failed so far still counts. Returns how many.
pub async fn hurry(
    tx: &mut Write,
    render: RenderId,
    shot: Option<&str>,
    now_ms: i64,
) -> Result<u64, DbError> {
    let moved = sqlx::query(AssertSqlSafe(format!(
        "UPDATE tasks SET due_at_ms = $3 WHERE state || '' = 'ready' AND due_at_ms + 0 > $3 AND task_key IN ( \
           SELECT w.task_key FROM ({OF_RENDER}) w WHERE $2 = '' OR w.shot = $2)"
    )))
    .bind(render.to_string())
    .bind(shot.unwrap_or_default())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(moved.rows_affected())
}

/// The renders in state `running` that want a task, and the shot it works for in each.
pub async fn live_renders(
    tx: &mut Write,
    task: &TaskKey,
) -> Result<Vec<(RenderId, Option<String>)>, DbError> {
    let live = live_renders_of(tx, &[*task]).await?.into_iter();
    Ok(live.map(|(_, render, shot)| (render, shot)).collect())
}

/// The same for many tasks.
pub async fn live_renders_of(
    tx: &mut Write,
    tasks: &[TaskKey],
) -> Result<Vec<(TaskKey, RenderId, Option<String>)>, DbError> {
    let mut live = Vec::new();
    for chunk in tasks.chunks(bulk::ROWS) {
        let select = format!(
            "SELECT w.task_key, r.id, w.shot FROM render_tasks w JOIN renders r ON r.id = w.render_id \
             WHERE w.task_key IN ({}) AND r.state || '' = 'running' ORDER BY r.id",
            bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(AssertSqlSafe(select)).persistent(chunk.len() == 1);
        for task in chunk {
            query = query.bind(task.hex());
        }
        for row in query.fetch_all(tx.connection()).await? {
            live.push((
                row.parsed("task_key")?,
                row.parsed("id")?,
                row.text_or_null("shot")?,
            ));
        }
    }
    Ok(live)
}

/// The unfinished tasks of a render that no other render in state `running` wants.
pub async fn unshared(tx: &mut Write, render: RenderId) -> Result<Vec<TaskHead>, DbError> {
    let rows = sqlx::query(head_query(
        "JOIN render_tasks w ON w.task_key = t.task_key \
         WHERE w.render_id = $1 AND t.state IN ('waiting', 'ready', 'queued', 'running') \
         AND NOT EXISTS (SELECT 1 FROM render_tasks o JOIN renders r ON r.id = o.render_id \
           WHERE o.task_key = t.task_key AND o.render_id <> $1 AND r.state = 'running') \
         ORDER BY t.task_key",
    ))
    .bind(render.to_string())
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(read_head).collect()
}

/// How many tasks of a render are not done.
pub async fn unfinished(tx: &mut Write, render: RenderId) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS tasks FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.state <> 'done'",
    )
    .bind(render.to_string())
    .fetch_one(tx.connection())
    .await?;
    row.size("tasks")
}

/// The accepted record of a render's task of a kind that occurs once.
pub async fn record_of_kind(
    tx: &mut Write,
    render: RenderId,
    kind: TaskKind,
) -> Result<Option<TaskRecord>, DbError> {
    let row = sqlx::query(
        "SELECT t.record FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.kind = $2 AND t.state = 'done'",
    )
    .bind(render.to_string())
    .bind(kind.name())
    .fetch_optional(tx.connection())
    .await?;
    match row {
        Some(row) => row.json_or_null("record"),
        None => Ok(None),
    }
}
