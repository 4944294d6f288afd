//! Rows that are kept for a time: events of progress, Idempotency-Keys, and results that nobody uses any more.
//!
//! Each kind is listed in the order of its names, and removed under the condition under which it was listed.

use botflix_common::hash::TaskKey;
use botflix_common::id::RenderId;
use botflix_common::task::{TaskKind, TaskRecord};

use super::row::Columns;
use super::{Database, DbError, Move, Write};

/// Something that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Old<T> {
    pub name: T,
    pub bytes: u64,
    /// Since when nobody has used it.
    pub since_ms: i64,
}

const PROGRESS: &str = r#"e.body LIKE '%"kind":"task_progress"%'"#;
const THINNABLE: &str = "r.state IN ('published', 'failed', 'canceled') AND r.finished_at_ms <= $1 \
     AND (r.events_thinned_at_ms IS NULL OR r.events_thinned_at_ms < r.finished_at_ms)";

/// Renders that ended before `until_ms` and still have events of progress, behind `after`.
pub async fn events(
    db: &Database,
    until_ms: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<Old<RenderId>>, DbError> {
    let select = format!(
        "SELECT r.id, r.finished_at_ms, SUM(LENGTH(e.body)) AS bytes FROM renders r \
         JOIN render_events e ON e.render_id = r.id WHERE {THINNABLE} AND r.id > $2 AND {PROGRESS} \
         GROUP BY r.id, r.finished_at_ms ORDER BY r.id LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(select))
        .bind(until_ms)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(db.reader())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Old {
                name: row.parsed("id")?,
                bytes: row.size("bytes")?,
                since_ms: row.int("finished_at_ms")?,
            })
        })
        .collect()
}

/// Renders that ended before `until_ms` without events of progress: nobody needs to look at them again. At most `limit` at once.
pub async fn note_thin(
    db: &Database,
    until_ms: i64,
    now_ms: i64,
    limit: u32,
) -> Result<u64, DbError> {
    let mut tx = db.write().await?;
    let update = format!(
        "UPDATE renders SET events_thinned_at_ms = $2 WHERE id IN (SELECT r.id FROM renders r WHERE {THINNABLE} \
         AND NOT EXISTS (SELECT 1 FROM render_events e WHERE e.render_id = r.id AND {PROGRESS}) LIMIT $3)"
    );
    let noted = sqlx::query(sqlx::AssertSqlSafe(update))
        .bind(until_ms)
        .bind(now_ms)
        .bind(i64::from(limit))
        .execute(tx.connection())
        .await?;
    tx.commit().await?;
    Ok(noted.rows_affected())
}

/// Removes the events of progress of one of [`events`]. The numbers of the others stay.
pub async fn thin_events(
    db: &Database,
    render: RenderId,
    until_ms: i64,
    now_ms: i64,
) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let update = format!(
        "UPDATE renders AS r SET events_thinned_at_ms = $3 WHERE r.id = $2 AND {THINNABLE}"
    );
    let thinned = sqlx::query(sqlx::AssertSqlSafe(update))
        .bind(until_ms)
        .bind(render.to_string())
        .bind(now_ms)
        .execute(tx.connection())
        .await?;
    let thinned = Move::of(thinned.rows_affected());
    if thinned.is_made() {
        let delete =
            format!("DELETE FROM render_events AS e WHERE e.render_id = $1 AND {PROGRESS}");
        sqlx::query(sqlx::AssertSqlSafe(delete))
            .bind(render.to_string())
            .execute(tx.connection())
            .await?;
        tx.commit().await?;
    }
    Ok(thinned)
}

/// Idempotency-Keys used before `until_ms`, as `director/key`.
pub async fn idempotency_keys(
    db: &Database,
    until_ms: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<Old<String>>, DbError> {
    let rows = sqlx::query(
        "SELECT director_id || '/' || idempotency_key AS name, created_at_ms, LENGTH(idempotency_key) AS bytes \
         FROM idempotency_keys WHERE created_at_ms < $1 AND director_id || '/' || idempotency_key > $2 \
         ORDER BY director_id || '/' || idempotency_key LIMIT $3",
    )
    .bind(until_ms)
    .bind(after)
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Old {
                name: row.text("name")?,
                bytes: row.size("bytes")?,
                since_ms: row.int("created_at_ms")?,
            })
        })
        .collect()
}

/// Removes one of [`idempotency_keys`].
pub async fn forget_idempotency_key(
    db: &Database,
    name: &str,
    until_ms: i64,
) -> Result<Move, DbError> {
    let mut tx = db.write().await?;
    let done = sqlx::query(
        "DELETE FROM idempotency_keys WHERE director_id || '/' || idempotency_key = $1 AND created_at_ms < $2",
    )
    .bind(name)
    .bind(until_ms)
    .execute(tx.connection())
    .await?;
    tx.commit().await?;
    Ok(Move::of(done.rows_affected()))
}

/// Done before `$1`, wanted by no render that has not ended or ended after that. What an inspection found belongs to its clip and stays;
/// of a film that is shown, all that is published stays, and the check that says what it is.
const UNUSED: &str = "t.state = 'done' AND t.kind <> 'inspect' AND t.updated_at_ms <= $1 \
     AND NOT EXISTS (SELECT 1 FROM render_tasks w JOIN renders r ON r.id = w.render_id \
       WHERE w.task_key = t.task_key AND (r.finished_at_ms IS NULL OR r.finished_at_ms > $1)) \
     AND (t.kind IN ('conform', 'mix') OR NOT EXISTS (SELECT 1 FROM render_tasks w \
       JOIN episodes e ON e.render_id = w.render_id WHERE w.task_key = t.task_key))";

/// Results that nobody has used since `until_ms`, behind `after`.
pub async fn results(
    db: &Database,
    until_ms: i64,
    after: &str,
    limit: u32,
) -> Result<Vec<(Old<TaskKey>, TaskKind)>, DbError> {
    let select = format!(
        "SELECT t.task_key, t.kind, t.record, t.updated_at_ms FROM tasks t WHERE {UNUSED} AND t.task_key > $2 \
         ORDER BY t.task_key LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(select))
        .bind(until_ms)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(db.reader())
        .await?;
    rows.iter()
        .map(|row| {
            // One that this version cannot read any more goes, too: only its size stays unknown.
            let record: Option<TaskRecord> = row.json_or_null("record").unwrap_or_default();
            let artifacts = record.into_iter().flat_map(|record| record.artifacts);
            let old = Old {
                name: row.parsed("task_key")?,
                bytes: artifacts.map(|(_, artifact)| artifact.bytes).sum(),
                since_ms: row.int("updated_at_ms")?,
            };
            Ok((old, row.word("kind", TaskKind::parse)?))
        })
        .collect()
}

/// done → canceled, if it is one of [`results`] still: whoever wants it again has it made again. Its record stays for those who look back.
pub async fn forget_result(
    tx: &mut Write,
    key: &TaskKey,
    until_ms: i64,
    now_ms: i64,
) -> Result<Move, DbError> {
    let update = format!(
        "UPDATE tasks AS t SET state = 'canceled', forgotten_at_ms = $3 WHERE t.task_key = $2 AND {UNUSED}"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(update))
        .bind(until_ms)
        .bind(key.hex())
        .bind(now_ms)
        .execute(tx.connection())
        .await?;
    let forgotten = Move::of(done.rows_affected());
    if forgotten.is_made() {
        sqlx::query("DELETE FROM artifacts WHERE task_key = $1")
            .bind(key.hex())
            .execute(tx.connection())
            .await?;
    }
    Ok(forgotten)
}
