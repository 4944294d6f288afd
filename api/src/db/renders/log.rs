//! The attempts at a render's tasks, in the order in which they were queued.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use botflix_common::failure::{FailureClass, WhoCanFix};
use botflix_common::http::AttemptOutcome;
use botflix_common::id::RenderId;
use botflix_common::task::{AttemptId, TaskKind};
use sqlx::any::AnyRow;

use crate::db::row::Columns;
use crate::db::{Database, DbError};

/// What a director may read of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct AttemptRow {
    pub id: AttemptId,
    pub kind: TaskKind,
    /// The shot of the render for which the task works, when it is one.
    pub shot: Option<String>,
    pub worker: Option<String>,
    pub queued_at_ms: i64,
    pub started_at_ms: Option<i64>,
    pub ended_at_ms: Option<i64>,
    pub stopped_at_ms: Option<i64>,
    pub outcome: Option<AttemptOutcome>,
    pub message: Option<String>,
    pub code: Option<String>,
    pub class: Option<FailureClass>,
    pub who_can_fix: Option<WhoCanFix>,
    pub engine_said: Vec<String>,
    pub engine: Option<String>,
    pub wall_seconds: Option<f64>,
    pub artifact_bytes: BTreeMap<String, u64>,
}

impl AttemptRow {
    pub fn place(&self) -> LogPlace {
        LogPlace {
            queued_at_ms: self.queued_at_ms,
            id: self.id,
        }
    }
}

/// A place in the log. Written `{queued_at_ms}.{task}.{attempt}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPlace {
    queued_at_ms: i64,
    id: AttemptId,
}

impl fmt::Display for LogPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.queued_at_ms, self.id)
    }
}

/// Why a text is no place in the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a time in milliseconds, a task and an attempt, with dots between them")]
pub struct BadLogPlace;

impl FromStr for LogPlace {
    type Err = BadLogPlace;

    fn from_str(text: &str) -> Result<Self, BadLogPlace> {
        let (queued_at_ms, id) = text.split_once('.').ok_or(BadLogPlace)?;
        Ok(Self {
            queued_at_ms: queued_at_ms.parse().map_err(|_| BadLogPlace)?,
            id: id.parse().map_err(|_| BadLogPlace)?,
        })
    }
}

/// A render's tasks are those of its plan, those of an earlier plan that it does without, and the inspections of its clips. What others try
/// of the same tasks after the render has ended, or without it, is not its own any more.
const ATTEMPTS: &str = "\
    SELECT a.task_key, a.attempt, t.kind, s.shot, a.worker, a.queued_at_ms, a.started_at_ms, a.ended_at_ms, a.stopped_at_ms, a.outcome, \
      a.message, a.code, a.class, a.who_can_fix, a.engine_said, a.engine, a.wall_seconds, a.artifact_bytes \
    FROM ( \
      SELECT w.task_key, w.shot, COALESCE(r.finished_at_ms, 9223372036854775807) AS until_ms \
      FROM render_tasks w JOIN renders r ON r.id = w.render_id WHERE w.render_id = $1 \
      UNION ALL \
      SELECT d.task_key, d.shot, d.dropped_at_ms AS until_ms FROM render_dropped_tasks d WHERE d.render_id = $1 \
        AND NOT EXISTS (SELECT 1 FROM render_tasks w WHERE w.render_id = $1 AND w.task_key = d.task_key) \
      UNION ALL \
      SELECT c.task_key, CAST(NULL AS TEXT) AS shot, COALESCE(r.finished_at_ms, 9223372036854775807) AS until_ms \
      FROM render_clips l JOIN clips c ON c.sha256 = l.sha256 JOIN renders r ON r.id = l.render_id WHERE l.render_id = $1 \
    ) s JOIN attempts a ON a.task_key = s.task_key AND a.queued_at_ms <= s.until_ms \
    JOIN tasks t ON t.task_key = a.task_key \
    WHERE (a.queued_at_ms, a.task_key, a.attempt) > ($2, $3, $4) \
    ORDER BY a.queued_at_ms, a.task_key, a.attempt LIMIT $5";

/// The attempts after a place in a render's log.
pub async fn attempts(
    db: &Database,
    render: RenderId,
    after: Option<LogPlace>,
    limit: u32,
) -> Result<Vec<AttemptRow>, DbError> {
    let (queued_at_ms, key, attempt) = after.map_or_else(
        || (i64::MIN, String::new(), 0),
        |place| (place.queued_at_ms, place.id.task.hex(), place.id.attempt),
    );
    let rows = sqlx::query(ATTEMPTS)
        .bind(render.to_string())
        .bind(queued_at_ms)
        .bind(key)
        .bind(i64::from(attempt))
        .bind(i64::from(limit))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<AttemptRow, DbError> {
    Ok(AttemptRow {
        id: AttemptId {
            task: row.parsed("task_key")?,
            attempt: row.count("attempt")?,
        },
        kind: row.word("kind", TaskKind::parse)?,
        shot: row.text_or_null("shot")?,
        worker: row.text_or_null("worker")?,
        queued_at_ms: row.int("queued_at_ms")?,
        started_at_ms: row.int_or_null("started_at_ms")?,
        ended_at_ms: row.int_or_null("ended_at_ms")?,
        stopped_at_ms: row.int_or_null("stopped_at_ms")?,
        outcome: row.word_or_null("outcome", AttemptOutcome::parse)?,
        message: row.text_or_null("message")?,
        code: row.text_or_null("code")?,
        class: row.word_or_null("class", FailureClass::parse)?,
        who_can_fix: row.word_or_null("who_can_fix", WhoCanFix::parse)?,
        engine_said: row.json_or_null("engine_said")?.unwrap_or_default(),
        engine: row.text_or_null("engine")?,
        wall_seconds: row.real_or_null("wall_seconds")?,
        artifact_bytes: row.json_or_null("artifact_bytes")?.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use botflix_common::hash::TaskKey;

    #[test]
    fn a_place_in_the_log_reads_as_it_is_written() {
        let place = LogPlace {
            queued_at_ms: 1_767_323_045_678,
            id: AttemptId {
                task: TaskKey::of(b"task"),
                attempt: 3,
            },
        };
        assert_eq!(place.to_string().parse(), Ok(place));
        for wrong in ["", "1", "x.y.z", "1.00.2", "../etc"] {
            assert_eq!(wrong.parse::<LogPlace>(), Err(BadLogPlace), "{wrong}");
        }
    }
}
