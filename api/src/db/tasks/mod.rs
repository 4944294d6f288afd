//! Tasks: one row per unit of farm work, whoever asked for it.
//!
//! - [`moves`]: from one state to the next, each a guarded write;
//! - [`attempts`]: what became of each run of a task;
//! - [`graph`]: which task needs which, and which render wants which;
//! - [`pick`]: who is next; [`line`]: who stands where, and how quickly lines move.

pub mod attempts;
pub mod graph;
pub mod line;
pub mod moves;
pub mod pick;

use std::collections::{HashMap, HashSet};

use botflix_common::failure::Failure;
use botflix_common::hash::TaskKey;
use botflix_common::id::DirectorId;
use botflix_common::task::{AttemptId, Lane, Priority, TaskKind, TaskRecord, TaskSpec};
use sqlx::any::AnyRow;

use super::row::Columns;
use super::{Database, DbError, Write};

/// The tasks of render `$1` with the shot each works for, and the inspections that the render waits for.
const OF_RENDER: &str = "SELECT task_key, shot FROM render_tasks WHERE render_id = $1 \
     UNION SELECT c.task_key, CAST(NULL AS TEXT) AS shot FROM render_clips l JOIN clips c ON c.sha256 = l.sha256 \
       WHERE l.render_id = $1 AND c.status = 'inspecting'";

/// `waiting → ready → queued → running → done | failed | canceled`; `queued | running → ready` when an attempt was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// For tasks it needs.
    Waiting,
    /// For a place in the queue.
    Ready,
    Queued,
    Running,
    Done,
    Failed,
    Canceled,
}

impl TaskState {
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Ready,
        Self::Queued,
        Self::Running,
        Self::Done,
        Self::Failed,
        Self::Canceled,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A task without its documents.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskHead {
    pub key: TaskKey,
    pub kind: TaskKind,
    pub lane: Lane,
    pub state: TaskState,
    /// The current attempt; 0 before the first.
    pub attempt: u32,
    pub crashes: u32,
    pub retries: u32,
    pub worker: Option<String>,
    pub progress: f64,
    pub updated_at_ms: i64,
}

impl TaskHead {
    pub fn attempt_id(&self) -> AttemptId {
        AttemptId {
            task: self.key,
            attempt: self.attempt,
        }
    }

    /// A worker has it, or may take it any moment.
    pub fn is_in_flight(&self) -> bool {
        matches!(self.state, TaskState::Queued | TaskState::Running)
    }
}

/// A task that is asked for.
#[derive(Clone, Debug)]
pub struct NewTask<'a> {
    pub key: TaskKey,
    pub spec: &'a TaskSpec,
    pub state: TaskState,
    pub weight: f64,
    pub priority: Priority,
    pub director: DirectorId,
}

/// The columns of a [`TaskHead`].
const HEAD: &str = "t.task_key, t.kind, t.lane, t.state, t.attempt, t.crashes, t.retries, t.worker, t.progress, t.updated_at_ms";

fn read_head(row: &AnyRow) -> Result<TaskHead, DbError> {
    Ok(TaskHead {
        key: row.parsed("task_key")?,
        kind: row.word("kind", TaskKind::parse)?,
        lane: row.word("lane", Lane::parse)?,
        state: row.word("state", TaskState::parse)?,
        attempt: row.count("attempt")?,
        crashes: row.count("crashes")?,
        retries: row.count("retries")?,
        worker: row.text_or_null("worker")?,
        progress: row.real("progress")?,
        updated_at_ms: row.int("updated_at_ms")?,
    })
}

fn head_query(clause: &str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("SELECT {HEAD} FROM tasks t {clause}"))
}

pub async fn head(tx: &mut Write, key: &TaskKey) -> Result<Option<TaskHead>, DbError> {
    let row = sqlx::query(head_query("WHERE t.task_key = $1"))
        .bind(key.hex())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(read_head).transpose()
}

/// The same as [`head`] of many tasks; one that there is not is left out.
pub async fn heads(
    tx: &mut Write,
    keys: &[TaskKey],
) -> Result<HashMap<TaskKey, TaskHead>, DbError> {
    let mut heads = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(super::bulk::ROWS) {
        let list = super::bulk::list(1, chunk.len());
        let mut query =
            sqlx::query(head_query(&format!("WHERE t.task_key IN ({list})"))).persistent(false);
        for key in chunk {
            query = query.bind(key.hex());
        }
        for row in query.fetch_all(tx.connection()).await? {
            let head = read_head(&row)?;
            heads.insert(head.key, head);
        }
    }
    Ok(heads)
}

/// The same as [`head`], outside a transaction.
pub async fn find(db: &Database, key: &TaskKey) -> Result<Option<TaskHead>, DbError> {
    let row = sqlx::query(head_query("WHERE t.task_key = $1"))
        .bind(key.hex())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read_head).transpose()
}

/// What a worker has or may take, in one lane.
pub async fn in_flight(db: &Database, lane: Lane) -> Result<Vec<TaskHead>, DbError> {
    let rows = sqlx::query(head_query(
        "WHERE t.state IN ('queued', 'running') AND t.lane = $1 ORDER BY t.updated_at_ms",
    ))
    .bind(lane.name())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_head).collect()
}

/// How many tasks of a lane are in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Census {
    pub lane: Lane,
    pub state: TaskState,
    pub tasks: u64,
}

/// How many tasks of each lane are in each state that is not final.
pub async fn census(db: &Database) -> Result<Vec<Census>, DbError> {
    let rows = sqlx::query(
        "SELECT lane, state, COUNT(*) AS tasks FROM tasks \
         WHERE state IN ('waiting', 'ready', 'queued', 'running') GROUP BY lane, state",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Census {
                lane: row.word("lane", Lane::parse)?,
                state: row.word("state", TaskState::parse)?,
                tasks: row.size("tasks")?,
            })
        })
        .collect()
}

/// Since when the longest waiting task of each lane waits: for a place in the queue, or in it. Lanes in which none waits are left out.
pub async fn waiting_since(db: &Database) -> Result<Vec<(Lane, i64)>, DbError> {
    let rows = sqlx::query(
        "SELECT lane, MIN(CASE WHEN state = 'ready' AND due_at_ms > updated_at_ms \
         THEN due_at_ms ELSE updated_at_ms END) AS since_ms \
         FROM tasks WHERE state IN ('ready', 'queued') GROUP BY lane",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| Ok((row.word("lane", Lane::parse)?, row.int("since_ms")?)))
        .collect()
}

/// What a task is to do.
pub async fn spec(tx: &mut Write, key: &TaskKey) -> Result<TaskSpec, DbError> {
    let row = sqlx::query("SELECT spec FROM tasks WHERE task_key = $1")
        .bind(key.hex())
        .fetch_one(tx.connection())
        .await?;
    row.json("spec")
}

/// What a task is to do, and the accepted records of the tasks it needs.
pub type Input = (TaskSpec, Vec<TaskRecord>);

/// Of one task, if there is such a one.
pub async fn input(db: &Database, key: &TaskKey) -> Result<Option<Input>, DbError> {
    Ok(inputs(db, &[*key]).await?.remove(key))
}

/// The same of many tasks; one that there is not is left out.
pub async fn inputs(db: &Database, keys: &[TaskKey]) -> Result<HashMap<TaskKey, Input>, DbError> {
    let mut inputs = HashMap::with_capacity(keys.len());
    for chunk in keys.chunks(super::bulk::ROWS) {
        let list = super::bulk::list(1, chunk.len());
        let specs = format!("SELECT task_key, spec FROM tasks WHERE task_key IN ({list})");
        for row in all_of(db, specs, chunk).await? {
            inputs.insert(row.parsed("task_key")?, (row.json("spec")?, Vec::new()));
        }
        let records = format!(
            "SELECT n.task_key, u.record FROM task_needs n JOIN tasks u ON u.task_key = n.needs_key \
             WHERE n.task_key IN ({list}) AND u.state = 'done' AND u.record IS NOT NULL"
        );
        for row in all_of(db, records, chunk).await? {
            if let Some((_, needed)) = inputs.get_mut(&row.parsed("task_key")?) {
                needed.push(row.json("record")?);
            }
        }
    }
    Ok(inputs)
}

async fn all_of(db: &Database, select: String, keys: &[TaskKey]) -> Result<Vec<AnyRow>, DbError> {
    let mut query = sqlx::query(sqlx::AssertSqlSafe(select)).persistent(false);
    for key in keys {
        query = query.bind(key.hex());
    }
    Ok(query.fetch_all(db.reader()).await?)
}

/// Why a task failed, with what is for operators only.
pub async fn failure(db: &Database, key: &TaskKey) -> Result<Option<Failure>, DbError> {
    let row = sqlx::query("SELECT failure FROM tasks WHERE task_key = $1")
        .bind(key.hex())
        .fetch_optional(db.reader())
        .await?;
    match row {
        Some(row) => row.json_or_null("failure"),
        None => Ok(None),
    }
}

/// Those of these tasks whose result is there.
pub async fn done_among(db: &Database, keys: &[TaskKey]) -> Result<HashSet<TaskKey>, DbError> {
    let mut done = HashSet::new();
    for chunk in keys.chunks(super::bulk::ROWS) {
        let select = format!(
            "SELECT task_key FROM tasks WHERE state = 'done' AND task_key IN ({})",
            super::bulk::list(1, chunk.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(select)).persistent(false);
        for key in chunk {
            query = query.bind(key.hex());
        }
        for row in query.fetch_all(db.reader()).await? {
            done.insert(row.parsed("task_key")?);
        }
    }
    Ok(done)
}
