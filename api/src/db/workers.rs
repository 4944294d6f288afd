//! Workers by name: what they last said of themselves, and what operators want of them.

use botflix_common::report::WorkerHello;
use botflix_common::worker::{OffKind, WantedState, WorkerOrders, WorkerSettings};
use sqlx::any::AnyRow;

use super::row::{Columns, to_json};
use super::{Database, DbError, Move};

#[derive(Clone, Debug, PartialEq)]
pub struct WorkerRow {
    pub name: String,
    pub wanted: WantedState,
    /// The processes that a stop is meant for.
    pub stop: Vec<String>,
    pub settings: WorkerSettings,
    /// Kinds of task that its processes were taken off.
    pub off: Vec<OffKind>,
    /// 0 until an operator changed something.
    pub revision: i64,
    /// Of its newest process, as it was last stored. `None` also when another version wrote what this one cannot read.
    pub hello: Option<WorkerHello>,
    pub first_seen_at_ms: i64,
    pub last_seen_at_ms: i64,
}

impl WorkerRow {
    pub fn orders(&self) -> WorkerOrders {
        WorkerOrders {
            revision: self.revision,
            wanted: self.wanted,
            stop: self.stop.clone(),
            settings: self.settings.clone(),
            off: self.off.clone(),
        }
    }

    fn read(row: &AnyRow) -> Result<Self, DbError> {
        Ok(Self {
            name: row.text("name")?,
            wanted: row.word("wanted", WantedState::parse)?,
            stop: row.json("stop_instances")?,
            settings: row.json("settings")?,
            off: row.json("off_kinds")?,
            revision: row.int("revision")?,
            hello: row
                .text_or_null("hello")?
                .and_then(|text| serde_json::from_str(&text).ok()),
            first_seen_at_ms: row.int("first_seen_at_ms")?,
            last_seen_at_ms: row.int("last_seen_at_ms")?,
        })
    }
}

const COLUMNS: &str = "name, wanted, stop_instances, settings, off_kinds, revision, hello, first_seen_at_ms, last_seen_at_ms";

/// By name.
pub async fn all(db: &Database) -> Result<Vec<WorkerRow>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM workers ORDER BY name");
    let rows = sqlx::query(sqlx::AssertSqlSafe(query))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(WorkerRow::read).collect()
}

pub async fn find(db: &Database, name: &str) -> Result<Option<WorkerRow>, DbError> {
    let query = format!("SELECT {COLUMNS} FROM workers WHERE name = $1");
    let row = sqlx::query(sqlx::AssertSqlSafe(query))
        .bind(name)
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(WorkerRow::read).transpose()
}

/// Notes what a worker said of itself; the first time makes its row.
pub async fn seen(db: &Database, hello: &WorkerHello, now_ms: i64) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query(
        "INSERT INTO workers (name, wanted, stop_instances, settings, revision, hello, first_seen_at_ms, last_seen_at_ms) \
         VALUES ($1, 'active', '[]', '{}', 0, $2, $3, $3) \
         ON CONFLICT (name) DO UPDATE SET hello = excluded.hello, last_seen_at_ms = excluded.last_seen_at_ms",
    )
    .bind(&hello.name)
    .bind(to_json("hello", hello)?)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    tx.commit().await
}

/// Writes what is wanted, unless somebody else did since the row was read: `row.revision` is the one that it was read with.
pub async fn change(db: &Database, row: &WorkerRow) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "UPDATE workers SET wanted = $1, stop_instances = $2, settings = $3, off_kinds = $4, revision = revision + 1 \
         WHERE name = $5 AND revision = $6",
    )
    .bind(row.wanted.name())
    .bind(to_json("stop_instances", &row.stop)?)
    .bind(to_json("settings", &row.settings)?)
    .bind(to_json("off_kinds", &row.off)?)
    .bind(&row.name)
    .bind(row.revision)
    .execute(tx.connection())
    .await?;
    let moved = Move::of(done.rows_affected());
    tx.commit().await?;
    Ok(moved)
}

pub async fn delete(db: &Database, name: &str) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query("DELETE FROM workers WHERE name = $1")
        .bind(name)
        .execute(tx.connection())
        .await?;
    let moved = Move::of(done.rows_affected());
    tx.commit().await?;
    Ok(moved)
}

/// Forgets workers that nobody ever set anything of and that were not seen since. Returns their names.
pub async fn forget_unseen_since(db: &Database, before_ms: i64) -> Result<Vec<String>, DbError> {
    let mut tx = db.write().await?;
    let gone = sqlx::query(
        "DELETE FROM workers WHERE revision = 0 AND last_seen_at_ms < $1 RETURNING name",
    )
    .bind(before_ms)
    .fetch_all(tx.connection())
    .await?;
    tx.commit().await?;
    gone.iter().map(|row| row.text("name")).collect()
}
