//! The moves of a task. Each is a guarded write: it names the state, and where an attempt is at stake the attempt, that the row must be in.
//! What a move means for its attempt is written with it, in [`attempts`](super::attempts).

use botflix_common::failure::Failure;
use botflix_common::hash::TaskKey;
use botflix_common::http::AttemptOutcome;
use botflix_common::id::DirectorId;
use botflix_common::task::{AttemptId, TaskRecord};
use sqlx::Any;
use sqlx::any::{AnyQueryResult, AnyRow};

use super::attempts::{self, End};
use super::{HEAD, TaskHead, TaskState, read_head};
use crate::db::row::{Columns, to_json};
use crate::db::{DbError, Move, Write, bulk};

/// What an attempt that did not end well costs its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Nobody's fault: handed back by a drain, or lost before it started.
    Nothing,
    Retry,
    Crash,
}

/// Whether a completion must be of the current attempt. Off only in the test that shows what the fence is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fence {
    Up,
    Down,
}

/// The empty text keeps Postgres from looking for the task among all that are in flight: with many tasks queued it took 2.4 ms instead of 0.07.
const IN_FLIGHT: &str = "task_key = $1 AND attempt = $2 AND state || '' IN ('queued', 'running')";

/// Writes with a move that was made what it means for the attempt.
async fn noted(
    done: &AnyQueryResult,
    note: impl Future<Output = Result<(), DbError>>,
) -> Result<Move, DbError> {
    let moved = Move::of(done.rows_affected());
    if moved.is_made() {
        note.await?;
    }
    Ok(moved)
}

/// ready → queued, as the next attempt. `None`: somebody else was quicker, or it is no longer wanted.
pub async fn enqueue(
    tx: &mut Write,
    key: &TaskKey,
    now_ms: i64,
) -> Result<Option<AttemptId>, DbError> {
    Ok(enqueue_all(tx, &[*key], now_ms).await?.pop())
}

/// The same for many tasks, in any order; those that were not ready are left out.
pub async fn enqueue_all(
    tx: &mut Write,
    keys: &[TaskKey],
    now_ms: i64,
) -> Result<Vec<AttemptId>, DbError> {
    let mut queued = Vec::with_capacity(keys.len());
    for chunk in keys.chunks(bulk::ROWS) {
        let update = format!(
            "UPDATE tasks SET state = 'queued', attempt = attempt + 1, worker = NULL, progress = 0.0, updated_at_ms = $1 \
             WHERE state = 'ready' AND task_key IN ({}) RETURNING task_key, attempt",
            bulk::list(2, chunk.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(update))
            .persistent(false)
            .bind(now_ms);
        for key in chunk {
            query = query.bind(key.hex());
        }
        let rows = query.fetch_all(tx.connection()).await?;
        let ids = rows.iter().map(read_attempt);
        let ids = ids.collect::<Result<Vec<_>, DbError>>()?;
        attempts::queued(tx, &ids, now_ms).await?;
        queued.extend(ids);
    }
    Ok(queued)
}

/// queued → running.
pub async fn start(
    tx: &mut Write,
    id: AttemptId,
    worker: &str,
    now_ms: i64,
) -> Result<Move, DbError> {
    let started = start_all(tx, &[(id, worker)], now_ms).await?;
    Ok(Move::of(started.len() as u64))
}

/// The same for many attempts of different tasks. Returns those that were queued, in any order.
pub async fn start_all(
    tx: &mut Write,
    starts: &[(AttemptId, &str)],
    now_ms: i64,
) -> Result<Vec<AttemptId>, DbError> {
    let mut started = Vec::with_capacity(starts.len());
    for chunk in starts.chunks(bulk::ROWS) {
        let update = format!(
            "WITH heard (id, attempt, worker, at_ms) AS (VALUES {}) \
             UPDATE tasks SET state = 'running', worker = heard.worker, updated_at_ms = heard.at_ms FROM heard \
             WHERE tasks.task_key = heard.id AND tasks.attempt = heard.attempt AND tasks.state || '' = 'queued' \
             RETURNING tasks.task_key, tasks.attempt",
            bulk::rows(chunk.len(), attempts::START_COLUMNS, "")
        );
        let query = sqlx::query::<Any>(sqlx::AssertSqlSafe(update)).persistent(chunk.len() == 1);
        let query = attempts::bind_starts(query, chunk, now_ms);
        let rows = query.fetch_all(tx.connection()).await?;
        let ids = rows.iter().map(read_attempt);
        started.extend(ids.collect::<Result<Vec<_>, DbError>>()?);
    }
    let is_started = |(id, _): &&(AttemptId, &str)| started.contains(id);
    let heard: Vec<(AttemptId, &str)> = starts.iter().filter(is_started).copied().collect();
    attempts::started_all(tx, &heard, now_ms).await?;
    Ok(started)
}

pub(super) fn read_attempt(row: &AnyRow) -> Result<AttemptId, DbError> {
    Ok(AttemptId {
        task: row.parsed("task_key")?,
        attempt: row.count("attempt")?,
    })
}

/// Progress only grows within an attempt. Implies that the attempt runs, should its start never be heard of.
pub async fn progress(
    tx: &mut Write,
    id: AttemptId,
    worker: &str,
    fraction: f64,
    now_ms: i64,
) -> Result<Move, DbError> {
    let done = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE tasks SET state = 'running', worker = $3, progress = $4, updated_at_ms = $5 \
         WHERE {IN_FLIGHT} AND progress < $4"
    )))
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(worker)
    .bind(fraction)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    noted(&done, attempts::started(tx, id, worker, now_ms)).await
}

/// queued | running → done: from now on dependents read this record and no other.
pub async fn finish(
    tx: &mut Write,
    id: AttemptId,
    record: &TaskRecord,
    outcome: AttemptOutcome,
    now_ms: i64,
    fence: Fence,
) -> Result<Move, DbError> {
    let guard = match fence {
        Fence::Up => IN_FLIGHT,
        Fence::Down => "task_key = $1 AND $2 = $2",
    };
    let done = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE tasks SET state = 'done', progress = 1.0, record = $3, worker = $4, failure = NULL, \
         updated_at_ms = $5 WHERE {guard}"
    )))
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(to_json("record", record)?)
    .bind(&record.worker)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    let moved = Move::of(done.rows_affected());
    if moved.is_made() {
        refer_to_artifacts(tx, id, record).await?;
        attempts::done(tx, id, record, outcome, now_ms).await?;
    }
    Ok(moved)
}

/// Only of a record that was accepted: other reports of the same transaction are made true whatever became of this one.
async fn refer_to_artifacts(
    tx: &mut Write,
    id: AttemptId,
    record: &TaskRecord,
) -> Result<(), DbError> {
    for artifact in record.artifacts.values() {
        sqlx::query(
            "INSERT INTO artifacts (sha256, task_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(artifact.sha256.to_string())
        .bind(id.task.hex())
        .execute(tx.connection())
        .await?;
    }
    Ok(())
}

/// queued | running → ready: the attempt is over, the next one is due at `due_at_ms`.
pub async fn requeue(
    tx: &mut Write,
    id: AttemptId,
    charge: Charge,
    end: &End<'_>,
    due_at_ms: i64,
    now_ms: i64,
) -> Result<Move, DbError> {
    let (crashes, retries) = match charge {
        Charge::Nothing => (0, 0),
        Charge::Retry => (0, 1),
        Charge::Crash => (1, 0),
    };
    let done = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE tasks SET state = 'ready', worker = NULL, progress = 0.0, crashes = crashes + $3, \
         retries = retries + $4, due_at_ms = $5, updated_at_ms = $6 WHERE {IN_FLIGHT}"
    )))
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(crashes)
    .bind(retries)
    .bind(due_at_ms)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    noted(&done, attempts::ended(tx, id, end, now_ms)).await
}

/// queued | running → failed. `failure` is the task's, `end` its last attempt's: a task that is given up may have another.
pub async fn fail(
    tx: &mut Write,
    id: AttemptId,
    failure: &Failure,
    end: &End<'_>,
    now_ms: i64,
) -> Result<Move, DbError> {
    let done = sqlx::query(sqlx::AssertSqlSafe(format!(
        "UPDATE tasks SET state = 'failed', worker = NULL, failure = $3, updated_at_ms = $4 WHERE {IN_FLIGHT}"
    )))
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(to_json("failure", failure)?)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    noted(&done, attempts::ended(tx, id, end, now_ms)).await
}

/// Anything but done or failed → canceled. Returns the task as it was, for the queue to be told; `None` when there was nothing to cancel.
pub async fn cancel(
    tx: &mut Write,
    key: &TaskKey,
    now_ms: i64,
) -> Result<Option<TaskHead>, DbError> {
    let select = format!(
        "SELECT {HEAD} FROM tasks t WHERE t.task_key = $1 AND t.state IN ('waiting', 'ready', 'queued', 'running')"
    );
    let row = sqlx::query(sqlx::AssertSqlSafe(select))
        .bind(key.hex())
        .fetch_optional(tx.connection())
        .await?;
    let Some(row) = row else { return Ok(None) };
    let before = read_head(&row)?;
    // Not on the state that was read: a report of progress, which takes no graph lock, may start the task in between.
    let done = sqlx::query(
        "UPDATE tasks SET state = 'canceled', worker = NULL, updated_at_ms = $3 \
         WHERE task_key = $1 AND attempt = $2 AND state IN ('waiting', 'ready', 'queued', 'running')",
    )
    .bind(key.hex())
    .bind(i64::from(before.attempt))
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    if !Move::of(done.rows_affected()).is_made() {
        return Ok(None);
    }
    if before.is_in_flight() {
        let end = End::silent(
            AttemptOutcome::Canceled,
            "Nobody waits for its result any more.",
        );
        attempts::ended(tx, before.attempt_id(), &end, now_ms).await?;
    }
    Ok(Some(before))
}

/// failed | canceled → waiting | ready, with fresh counters, because somebody wants it again. The attempt goes on counting, so that a
/// writer of an earlier life stays fenced off.
pub async fn revive(
    tx: &mut Write,
    key: &TaskKey,
    state: TaskState,
    director: DirectorId,
    now_ms: i64,
) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE tasks SET state = $2, director_id = $3, crashes = 0, retries = 0, worker = NULL, progress = 0.0, \
         failure = NULL, forgotten_at_ms = NULL, created_at_ms = $4, due_at_ms = $4, updated_at_ms = $4 \
         WHERE task_key = $1 AND state IN ('failed', 'canceled')",
    )
    .bind(key.hex())
    .bind(state.name())
    .bind(director.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// waiting → ready, for every task whose last need is now done. Returns how many.
///
/// From the task to those that need it, in two steps: asked at once, Postgres may look through all that waits, which grows with the queue.
/// Hence also the empty text behind the state.
pub async fn release_dependents(
    tx: &mut Write,
    done: &TaskKey,
    now_ms: i64,
) -> Result<u64, DbError> {
    let rows = sqlx::query("SELECT task_key FROM task_needs WHERE needs_key = $1")
        .bind(done.hex())
        .fetch_all(tx.connection())
        .await?;
    let mut released = 0;
    for chunk in rows.chunks(bulk::ROWS) {
        let update = format!(
            "UPDATE tasks SET state = 'ready', due_at_ms = $1, updated_at_ms = $1 WHERE state || '' = 'waiting' \
             AND task_key IN ({}) \
             AND NOT EXISTS (SELECT 1 FROM task_needs n LEFT JOIN tasks u ON u.task_key = n.needs_key \
               WHERE n.task_key = tasks.task_key AND (u.state IS NULL OR u.state || '' <> 'done'))",
            bulk::list(2, chunk.len())
        );
        let mut query = sqlx::query::<Any>(sqlx::AssertSqlSafe(update))
            .persistent(false)
            .bind(now_ms);
        for row in chunk {
            query = query.bind(row.text("task_key")?);
        }
        released += query.execute(tx.connection()).await?.rows_affected();
    }
    Ok(released)
}

/// Takes back one crash of a task that has not ended.
pub async fn forgive_crash(tx: &mut Write, key: &TaskKey) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE tasks SET crashes = crashes - 1 WHERE task_key = $1 AND crashes > 0 \
         AND state IN ('waiting', 'ready', 'queued', 'running')",
    )
    .bind(key.hex())
    .execute(tx.connection())
    .await?;
    Ok(())
}
