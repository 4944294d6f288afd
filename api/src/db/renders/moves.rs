//! The moves of a render, each a guarded write that names the state the row must be in.

use botflix_common::finding::FindingCounts;
use botflix_common::http::RenderState;
use botflix_common::id::RenderId;
use botflix_common::plan::Plan;
use botflix_common::problem::Problem;

use crate::db::row::{Columns, to_json};
use crate::db::{Database, DbError, Move, Write};

/// From one state that is not final to another.
pub async fn enter(
    tx: &mut Write,
    id: RenderId,
    from: RenderState,
    to: RenderState,
) -> Result<Move, DbError> {
    let done = sqlx::query("UPDATE renders SET state = $3 WHERE id = $1 AND state = $2")
        .bind(id.to_string())
        .bind(from.name())
        .bind(to.name())
        .execute(tx.connection())
        .await?;
    Ok(Move::of(done.rows_affected()))
}

/// planning → running. Of the plan, format, ledger and lengths are kept; its tasks are rows. `foreseen` counts what the material shows.
pub async fn run(
    tx: &mut Write,
    id: RenderId,
    plan: &Plan,
    foreseen: FindingCounts,
) -> Result<Move, DbError> {
    let outline = Plan {
        tasks: Vec::new(),
        ledger: plan.ledger.clone(),
        ..*plan
    };
    let done = sqlx::query(
        "UPDATE renders SET state = 'running', plan = $2, foreseen = $3 WHERE id = $1 AND state = 'planning'",
    )
    .bind(id.to_string())
    .bind(to_json("plan", &outline)?)
    .bind(to_json("foreseen", &foreseen)?)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// publishing → published.
pub async fn publish(tx: &mut Write, id: RenderId, now_ms: i64) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE renders SET state = 'published', progress = 1.0, finished_at_ms = $2 \
         WHERE id = $1 AND state = 'publishing'",
    )
    .bind(id.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Anything that is not final → failed.
pub async fn fail(
    tx: &mut Write,
    id: RenderId,
    problem: &Problem,
    now_ms: i64,
) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE renders SET state = 'failed', problem = $2, finished_at_ms = $3 \
         WHERE id = $1 AND state IN ('accepted', 'planning', 'running', 'publishing')",
    )
    .bind(id.to_string())
    .bind(to_json("problem", problem)?)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Anything that is not final → canceled.
pub async fn cancel(tx: &mut Write, id: RenderId, now_ms: i64) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE renders SET state = 'canceled', finished_at_ms = $2 \
         WHERE id = $1 AND state IN ('accepted', 'planning', 'running', 'publishing')",
    )
    .bind(id.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// failed | canceled → accepted, as if it had just been sent. Its event log goes on.
pub async fn reopen(tx: &mut Write, id: RenderId, now_ms: i64) -> Result<Move, DbError> {
    let done = sqlx::query(
        "UPDATE renders SET state = 'accepted', problem = NULL, progress = 0.0, finished_at_ms = NULL, reopened_at_ms = $2 \
         WHERE id = $1 AND state IN ('failed', 'canceled')",
    )
    .bind(id.to_string())
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Sets the render's progress from that of its tasks, weighted by their expected cost. It never falls, though a task that starts over does.
pub async fn measure_progress(tx: &mut Write, id: RenderId) -> Result<(), DbError> {
    let row = sqlx::query(
        "SELECT COALESCE(SUM(t.weight * t.progress), 0.0) AS made, COALESCE(SUM(t.weight), 0.0) AS planned \
         FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key WHERE w.render_id = $1",
    )
    .bind(id.to_string())
    .fetch_one(tx.connection())
    .await?;
    let (made, planned) = (row.real("made")?, row.real("planned")?);
    if planned <= 0.0 {
        return Ok(());
    }
    sqlx::query(
        "UPDATE renders SET progress = $2 WHERE id = $1 AND state = 'running' AND progress < $2",
    )
    .bind(id.to_string())
    .bind((made / planned).clamp(0.0, 1.0))
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Renders in state `running` all of whose tasks are done: they should have been published.
pub async fn unpublished(db: &Database, limit: u32) -> Result<Vec<RenderId>, DbError> {
    let rows = sqlx::query(
        "SELECT r.id FROM renders r WHERE r.state = 'running' AND NOT EXISTS ( \
           SELECT 1 FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
           WHERE w.render_id = r.id AND t.state <> 'done') ORDER BY r.id LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}
