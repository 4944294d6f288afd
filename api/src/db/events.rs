//! The event log of a render: 1, 2, 3, … without gaps. Long poll, SSE and pages read nothing else to follow a render.

use botflix_common::http::{EventTask, RenderEvent, RenderEventKind, RenderState};
use botflix_common::id::RenderId;

use super::row::{Columns, to_json};
use super::{Database, DbError, Write};
use crate::clock;

/// What happened; the number, the state and the progress come from the render.
#[derive(Clone, Debug)]
pub struct NewEvent {
    pub kind: RenderEventKind,
    pub task: Option<EventTask>,
    pub message: Option<String>,
}

impl NewEvent {
    pub fn state() -> Self {
        Self {
            kind: RenderEventKind::State,
            task: None,
            message: None,
        }
    }

    pub fn of_task(kind: RenderEventKind, task: EventTask) -> Self {
        Self {
            kind,
            task: Some(task),
            message: None,
        }
    }

    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }
}

/// Appends to the log of a render. Counting up locks the render's row, so that numbers have no gaps.
pub async fn append(
    tx: &mut Write,
    render: RenderId,
    event: NewEvent,
    now_ms: i64,
) -> Result<(), DbError> {
    let row = sqlx::query(
        "UPDATE renders SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq, state, progress",
    )
    .bind(render.to_string())
    .fetch_optional(tx.connection())
    .await?
    .ok_or(DbError::Gone("render"))?;
    let event = RenderEvent {
        seq: row.int("event_seq")?,
        kind: event.kind,
        at: clock::rfc3339(now_ms),
        state: row.word("state", RenderState::parse)?,
        progress: row.real("progress")?,
        task: event.task,
        message: event.message,
    };
    sqlx::query("INSERT INTO render_events (render_id, seq, body) VALUES ($1, $2, $3)")
        .bind(render.to_string())
        .bind(event.seq)
        .bind(to_json("event", &event)?)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The events after number `seq` (0: from the first), oldest first.
pub async fn after(
    db: &Database,
    render: RenderId,
    seq: i64,
    limit: u32,
) -> Result<Vec<RenderEvent>, DbError> {
    let rows = sqlx::query(
        "SELECT body FROM render_events WHERE render_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
    )
    .bind(render.to_string())
    .bind(seq)
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.json("body")).collect()
}
