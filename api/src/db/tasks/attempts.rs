//! What became of each attempt. Written by the [`moves`](super::moves) of its task, in their transaction and after their guard: an attempt
//! that is not current moves nothing, and so writes nothing here.
//!
//! A task that was queued before this table was there has no row for that attempt: then there is nothing to write, which is no error.

use std::collections::BTreeMap;

use botflix_common::failure::Failure;
use botflix_common::http::AttemptOutcome;
use botflix_common::task::{AttemptId, TaskRecord};

use sqlx::{Any, AssertSqlSafe};

use crate::db::row::{Columns, to_json};
use crate::db::{DbError, Write, bulk};

/// The end of an attempt without a result.
#[derive(Clone, Copy, Debug)]
pub struct End<'a> {
    pub outcome: AttemptOutcome,
    /// For directors: why.
    pub message: &'a str,
    /// Of one that failed, or that the farm takes to have.
    pub failure: Option<&'a Failure>,
}

impl<'a> End<'a> {
    /// It ended through no word of its own.
    pub fn silent(outcome: AttemptOutcome, message: &'a str) -> Self {
        Self {
            outcome,
            message,
            failure: None,
        }
    }

    /// It said what it failed of.
    pub fn of_failure(outcome: AttemptOutcome, failure: &'a Failure) -> Self {
        Self {
            outcome,
            message: &failure.message,
            failure: Some(failure),
        }
    }

    /// The same, as the last attempt of a task that the farm does not try again. What it said itself goes before the farm's reason.
    pub fn given_up(self, because: &'a Failure) -> Self {
        Self {
            outcome: AttemptOutcome::GivenUp,
            failure: self.failure.or(Some(because)),
            ..self
        }
    }
}

/// At most [`bulk::ROWS`] of them.
pub(super) async fn queued(tx: &mut Write, ids: &[AttemptId], now_ms: i64) -> Result<(), DbError> {
    if ids.is_empty() {
        return Ok(());
    }
    let insert = format!(
        "INSERT INTO attempts (task_key, attempt, queued_at_ms) VALUES {}",
        bulk::rows(ids.len(), 3, "")
    );
    let mut query = sqlx::query::<Any>(AssertSqlSafe(insert)).persistent(false);
    for id in ids {
        query = query
            .bind(id.task.hex())
            .bind(i64::from(id.attempt))
            .bind(now_ms);
    }
    query.execute(tx.connection()).await?;
    Ok(())
}

/// Called for every sign of life, because the first one may have been lost; only the first one that is heard counts.
pub(super) async fn started(
    tx: &mut Write,
    id: AttemptId,
    worker: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    started_all(tx, &[(id, worker)], now_ms).await
}

/// Of each start: task, attempt, worker, time.
pub(super) const START_COLUMNS: usize = 4;

type Query<'q> = sqlx::query::Query<'q, Any, <Any as sqlx::Database>::Arguments>;

pub(super) fn bind_starts<'q>(
    query: Query<'q>,
    starts: &[(AttemptId, &str)],
    now_ms: i64,
) -> Query<'q> {
    starts.iter().fold(query, |query, (id, worker)| {
        query
            .bind(id.task.hex())
            .bind(i64::from(id.attempt))
            .bind((*worker).to_owned())
            .bind(now_ms)
    })
}

pub(super) async fn started_all(
    tx: &mut Write,
    starts: &[(AttemptId, &str)],
    now_ms: i64,
) -> Result<(), DbError> {
    for chunk in starts.chunks(bulk::ROWS) {
        let update = format!(
            "WITH heard (id, attempt, worker, at_ms) AS (VALUES {}) \
             UPDATE attempts SET worker = heard.worker, started_at_ms = heard.at_ms FROM heard \
             WHERE attempts.task_key = heard.id AND attempts.attempt = heard.attempt AND attempts.started_at_ms IS NULL",
            bulk::rows(chunk.len(), START_COLUMNS, "")
        );
        let query = sqlx::query::<Any>(AssertSqlSafe(update)).persistent(chunk.len() == 1);
        let query = bind_starts(query, chunk, now_ms);
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

pub(super) async fn done(
    tx: &mut Write,
    id: AttemptId,
    record: &TaskRecord,
    outcome: AttemptOutcome,
    now_ms: i64,
) -> Result<(), DbError> {
    let sizes: BTreeMap<&str, u64> = record
        .artifacts
        .iter()
        .map(|(role, artifact)| (role.as_str(), artifact.bytes))
        .collect();
    // A remembered result was made by somebody else, long ago.
    let made = Some(record).filter(|_| outcome == AttemptOutcome::Done);
    sqlx::query(
        "UPDATE attempts SET outcome = $3, worker = COALESCE(worker, $4), engine = $5, wall_seconds = $6, \
         artifact_bytes = $7, ended_at_ms = $8 WHERE task_key = $1 AND attempt = $2 AND ended_at_ms IS NULL",
    )
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(outcome.name())
    .bind(made.map(|record| record.worker.clone()))
    .bind(&record.engine)
    .bind(made.map(|record| record.wall_seconds))
    .bind(to_json("artifact_bytes", &sizes)?)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(super) async fn ended(
    tx: &mut Write,
    id: AttemptId,
    end: &End<'_>,
    now_ms: i64,
) -> Result<(), DbError> {
    let failure = end.failure;
    let said = failure
        .map(|failure| to_json("engine_said", &failure.engine_said))
        .transpose()?;
    sqlx::query(
        "UPDATE attempts SET outcome = $3, message = $4, code = $5, class = $6, who_can_fix = $7, engine_said = $8, \
         ended_at_ms = $9 WHERE task_key = $1 AND attempt = $2 AND ended_at_ms IS NULL",
    )
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(end.outcome.name())
    .bind(end.message)
    .bind(failure.map(|failure| failure.code.clone()))
    .bind(failure.map(|failure| failure.class.name()))
    .bind(failure.map(|failure| failure.who_can_fix.name()))
    .bind(said)
    .bind(now_ms)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// An attempt whose worker works at it no more.
#[derive(Clone, Copy, Debug)]
pub struct Stopped {
    /// `Canceled` or `Lost`.
    pub outcome: AttemptOutcome,
    pub had_started: bool,
    /// Since the attempt was over.
    pub after_ms: i64,
}

/// Notes, once, that the worker of a canceled or lost attempt works at it no more.
pub async fn stopped(
    tx: &mut Write,
    id: AttemptId,
    now_ms: i64,
) -> Result<Option<Stopped>, DbError> {
    let row = sqlx::query(
        "UPDATE attempts SET stopped_at_ms = $3 WHERE task_key = $1 AND attempt = $2 \
         AND outcome IN ('canceled', 'lost') AND stopped_at_ms IS NULL RETURNING outcome, started_at_ms, ended_at_ms",
    )
    .bind(id.task.hex())
    .bind(i64::from(id.attempt))
    .bind(now_ms)
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        Ok(Stopped {
            outcome: row.word("outcome", AttemptOutcome::parse)?,
            had_started: row.int_or_null("started_at_ms")?.is_some(),
            after_ms: now_ms - row.int("ended_at_ms")?,
        })
    })
    .transpose()
}
