//! Which encoders films were planned for, as the lanes of their tasks say: it is stored nowhere else.

use botflix_common::id::RenderId;
use botflix_common::task::{EngineClass, Lane};

use crate::db::row::Columns;
use crate::db::{Database, DbError};

/// The encoder on a device that a render was planned for; `None`: the processor's, or nothing is encoded.
pub async fn device(db: &Database, id: RenderId) -> Result<Option<EngineClass>, DbError> {
    let rows = sqlx::query(
        "SELECT DISTINCT t.lane FROM render_tasks w JOIN tasks t ON t.task_key = w.task_key \
         WHERE w.render_id = $1 AND t.kind = 'conform'",
    )
    .bind(id.to_string())
    .fetch_all(db.reader())
    .await?;
    for row in &rows {
        if let Some(encoder) = row.word("lane", Lane::parse)?.device_encoder() {
            return Ok(Some(encoder));
        }
    }
    Ok(None)
}

/// Renders in state `running` with unfinished tasks in a lane.
pub async fn waiting_in(db: &Database, lane: Lane, limit: u32) -> Result<Vec<RenderId>, DbError> {
    let rows = sqlx::query(
        "SELECT DISTINCT r.id FROM tasks t JOIN render_tasks w ON w.task_key = t.task_key \
         JOIN renders r ON r.id = w.render_id WHERE t.lane = $1 \
         AND t.state IN ('waiting', 'ready', 'queued', 'running') AND r.state = 'running' ORDER BY r.id LIMIT $2",
    )
    .bind(lane.name())
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

/// The encoders on devices that segments were made with. Those in `known` are not asked for again: what was made stays made.
pub async fn devices_used(
    db: &Database,
    known: &[EngineClass],
) -> Result<Vec<EngineClass>, DbError> {
    let mut used = Vec::new();
    for lane in Lane::ALL {
        let Some(encoder) = lane.device_encoder() else {
            continue;
        };
        if known.contains(&encoder) {
            used.push(encoder);
            continue;
        }
        let row =
            sqlx::query("SELECT 1 AS used FROM tasks WHERE state = 'done' AND lane = $1 LIMIT 1")
                .bind(lane.name())
                .fetch_optional(db.reader())
                .await?;
        if row.is_some() {
            used.push(encoder);
        }
    }
    Ok(used)
}
