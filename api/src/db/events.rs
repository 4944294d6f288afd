//! The event log of a render: 1, 2, 3, … without gaps. Long poll, SSE and pages read nothing else to follow a render.

use std::collections::{BTreeMap, HashMap};

use botflix_common::http::{EventTask, RenderEvent, RenderEventKind, RenderState};
use botflix_common::id::RenderId;

use sqlx::{Any, AssertSqlSafe};

use super::row::{Columns, to_json};
use super::{Database, DbError, Write, bulk};
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
    append_all(tx, vec![(render, event)], now_ms).await
}

/// The same for many, each log in the order in which they are given.
pub async fn append_all(
    tx: &mut Write,
    events: Vec<(RenderId, NewEvent)>,
    now_ms: i64,
) -> Result<(), DbError> {
    let mut events = events.into_iter();
    loop {
        let chunk: Vec<_> = events.by_ref().take(bulk::ROWS).collect();
        if chunk.is_empty() {
            return Ok(());
        }
        append_chunk(tx, chunk, now_ms).await?;
    }
}

/// Where the log of a render stands before what is appended.
struct Standing {
    seq: i64,
    state: RenderState,
    progress: f64,
}

async fn append_chunk(
    tx: &mut Write,
    events: Vec<(RenderId, NewEvent)>,
    now_ms: i64,
) -> Result<(), DbError> {
    let mut standings = count_up(tx, &events).await?;
    let insert = format!(
        "INSERT INTO render_events (render_id, seq, body) VALUES {}",
        bulk::rows(events.len(), 3, "")
    );
    let mut query = sqlx::query::<Any>(AssertSqlSafe(insert)).persistent(events.len() == 1);
    for (render, event) in events {
        let standing = standings.get_mut(&render).ok_or(DbError::Gone("render"))?;
        standing.seq += 1;
        let event = RenderEvent {
            seq: standing.seq,
            kind: event.kind,
            at: clock::rfc3339(now_ms),
            state: standing.state,
            progress: standing.progress,
            task: event.task,
            message: event.message,
        };
        query = query
            .bind(render.to_string())
            .bind(event.seq)
            .bind(to_json("event", &event)?);
    }
    query.execute(tx.connection()).await?;
    Ok(())
}

async fn count_up(
    tx: &mut Write,
    events: &[(RenderId, NewEvent)],
) -> Result<HashMap<RenderId, Standing>, DbError> {
    let mut more: BTreeMap<RenderId, i64> = BTreeMap::new();
    for (render, _) in events {
        *more.entry(*render).or_insert(0) += 1;
    }
    let update = format!(
        "WITH more (id, events) AS (VALUES {}) \
         UPDATE renders SET event_seq = event_seq + more.events FROM more WHERE renders.id = more.id \
         RETURNING renders.id, renders.event_seq, renders.state, renders.progress",
        bulk::rows(more.len(), 2, "")
    );
    let mut query = sqlx::query::<Any>(AssertSqlSafe(update)).persistent(more.len() == 1);
    for (render, events) in &more {
        query = query.bind(render.to_string()).bind(*events);
    }
    let rows = query.fetch_all(tx.connection()).await?;
    rows.iter()
        .map(|row| {
            let id = row.parsed("id")?;
            let standing = Standing {
                seq: row.int("event_seq")? - more.get(&id).copied().unwrap_or(0),
                state: row.word("state", RenderState::parse)?,
                progress: row.real("progress")?,
            };
            Ok((id, standing))
        })
        .collect()
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
