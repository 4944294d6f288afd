//! What processes of workers failed at: the evidence for taking one off a kind of task.

use botflix_common::hash::TaskKey;
use botflix_common::task::{AttemptId, TaskKind};

use super::row::Columns;
use super::{Database, DbError, Write, tasks};

/// A failure that may be the worker's.
#[derive(Clone, Copy, Debug)]
pub struct Strike<'a> {
    pub instance: &'a str,
    pub kind: TaskKind,
    pub id: AttemptId,
    pub code: &'a str,
}

/// A process and a kind, with as many strikes as were asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Struck {
    pub instance: String,
    pub kind: TaskKind,
    /// One or two of what was said.
    pub codes: Vec<String>,
}

/// Notes a failure, unless the task failed with another process, too: then it is the task, and nobody is blamed for it any more.
pub async fn note(tx: &mut Write, strike: Strike<'_>, now_ms: i64) -> Result<(), DbError> {
    let task = strike.id.task;
    let elsewhere = sqlx::query(
        "SELECT 1 AS found FROM attempts WHERE task_key = $1 AND attempt <> $2 AND worker <> $3 \
         AND outcome IN ('retried', 'failed', 'given_up', 'lost') LIMIT 1",
    )
    .bind(task.hex())
    .bind(i64::from(strike.id.attempt))
    .bind(strike.instance)
    .fetch_optional(tx.connection())
    .await?;
    if elsewhere.is_some() {
        sqlx::query("DELETE FROM worker_strikes WHERE task_key = $1")
            .bind(task.hex())
            .execute(tx.connection())
            .await?;
        return Ok(());
    }
    let material = material(tx, &task).await?;
    sqlx::query(
        "INSERT INTO worker_strikes (instance, kind, material, task_key, code, at_ms) VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT DO NOTHING",
    )
    .bind(strike.instance)
    .bind(strike.kind.name())
    .bind(material)
    .bind(task.hex())
    .bind(strike.code)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Takes back what was said of whoever ran the task: it was not so.
pub async fn take_back(tx: &mut Write, task: &TaskKey, code: &str) -> Result<(), DbError> {
    sqlx::query("DELETE FROM worker_strikes WHERE task_key = $1 AND code = $2")
        .bind(task.hex())
        .bind(code)
        .execute(tx.connection())
        .await?;
    Ok(())
}

async fn material(tx: &mut Write, task: &TaskKey) -> Result<String, DbError> {
    let spec = tasks::spec(tx, task).await?;
    Ok(match spec.clips().as_slice() {
        [clip] => clip.to_string(),
        _ => task.hex(),
    })
}

/// A process did a task of the kind: what it failed at before is forgiven.
pub async fn strike_out(tx: &mut Write, instance: &str, kind: TaskKind) -> Result<(), DbError> {
    sqlx::query("DELETE FROM worker_strikes WHERE instance = $1 AND kind = $2")
        .bind(instance)
        .bind(kind.name())
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// The same in a transaction of its own.
pub async fn forgive(db: &Database, instance: &str, kind: TaskKind) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    strike_out(&mut tx, instance, kind).await?;
    tx.commit().await
}

/// Who has at least so many strikes of a kind. Of those with the code `unsure` only such count as were noted by `sure_ms`: they may still be
/// taken back.
pub async fn with_at_least(
    db: &Database,
    strikes: u32,
    (unsure, sure_ms): (&str, i64),
) -> Result<Vec<Struck>, DbError> {
    let rows = sqlx::query(
        "SELECT instance, kind, MIN(code) AS first_code, MAX(code) AS last_code FROM worker_strikes \
         WHERE code <> $2 OR at_ms <= $3 GROUP BY instance, kind HAVING COUNT(*) >= $1 ORDER BY instance, kind",
    )
    .bind(i64::from(strikes))
    .bind(unsure)
    .bind(sure_ms)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let mut codes = vec![row.text("first_code")?, row.text("last_code")?];
            codes.dedup();
            Ok(Struck {
                instance: row.text("instance")?,
                kind: row.word("kind", TaskKind::parse)?,
                codes,
            })
        })
        .collect()
}

pub async fn forget_before(db: &Database, before_ms: i64) -> Result<(), DbError> {
    let mut tx = db.write().await?;
    sqlx::query("DELETE FROM worker_strikes WHERE at_ms < $1")
        .bind(before_ms)
        .execute(tx.connection())
        .await?;
    tx.commit().await
}

/// How many strikes a process has of a kind.
pub async fn count(tx: &mut Write, instance: &str, kind: TaskKind) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS strikes FROM worker_strikes WHERE instance = $1 AND kind = $2",
    )
    .bind(instance)
    .bind(kind.name())
    .fetch_one(tx.connection())
    .await?;
    row.size("strikes")
}
