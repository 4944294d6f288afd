//! The lines in front of a lane: one for each director, in the order in which its tasks should be queued. Whose turn it is, is not decided here.

use botflix_common::brief::CreationTier;
use botflix_common::hash::TaskKey;
use botflix_common::http::GenerationProfile;
use botflix_common::id::DirectorId;
use botflix_common::task::{AttemptId, Lane, TaskKind};
use sqlx::any::AnyRow;

use super::moves::read_attempt;
use crate::db::row::{Columns, big};
use crate::db::{Database, DbError, Write};

/// A director with tasks that wait in a lane.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    pub director: DirectorId,
    pub tier: CreationTier,
    /// What operators have set: its share, and the most tasks at once.
    pub weight: Option<f64>,
    pub task_limit: Option<u64>,
}

/// What the workers of a lane take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Takes {
    /// Tasks that need no more memory than this.
    pub memory_bytes: u64,
    /// All kinds but these.
    pub refused: Vec<TaskKind>,
}

impl Default for Takes {
    fn default() -> Self {
        Self::EVERYTHING
    }
}

impl Takes {
    pub const EVERYTHING: Self = Self {
        memory_bytes: u64::MAX,
        refused: Vec::new(),
    };

    /// `,conform,mix,`, in which a kind is found by its name between commas.
    pub fn refused_words(&self) -> String {
        let names = self.refused.iter().map(|kind| format!("{},", kind.name()));
        format!(",{}", names.collect::<String>())
    }
}

/// A task whose turn may come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Next {
    pub key: TaskKey,
    pub kind: TaskKind,
    /// Its expected cost.
    pub weight: f64,
    /// Since when it could have been queued.
    pub ready_since_ms: i64,
}

/// Steps from director to director along the index: what it costs grows with the directors, not with their tasks.
const LINES: &str = "\
    WITH RECURSIVE line (id) AS ( \
      SELECT MIN(director_id) FROM tasks WHERE state = 'ready' AND lane = $1 \
      UNION ALL \
      SELECT (SELECT MIN(t.director_id) FROM tasks t WHERE t.state = 'ready' AND t.lane = $1 AND t.director_id > line.id) \
      FROM line WHERE line.id IS NOT NULL) \
    SELECT d.id, d.generation_profile, d.share_weight, d.task_limit FROM line JOIN directors d ON d.id = line.id ORDER BY d.id";

/// The directors that have tasks ready in a lane, due or not.
pub async fn lines(tx: &mut Write, lane: Lane) -> Result<Vec<Line>, DbError> {
    let rows = sqlx::query(LINES)
        .bind(lane.name())
        .fetch_all(tx.connection())
        .await?;
    rows.iter().map(read_line).collect()
}

pub(super) fn read_line(row: &AnyRow) -> Result<Line, DbError> {
    let profile: GenerationProfile = row.json("generation_profile")?;
    Ok(Line {
        director: row.parsed("id")?,
        tier: profile.creation_tier,
        weight: row.real_or_null("share_weight")?,
        task_limit: row.size_or_null("task_limit")?,
    })
}

const LINE: &str = "SELECT task_key, kind, weight, \
         CASE WHEN due_at_ms > updated_at_ms THEN due_at_ms ELSE updated_at_ms END AS ready_since_ms \
         FROM tasks WHERE state = 'ready' AND lane = $1 AND director_id = $2 AND due_at_ms + 0 <= $3 \
         AND (memory_bytes IS NULL OR memory_bytes <= $5) AND $6 NOT LIKE ('%,' || kind || ',%') \
         ORDER BY priority DESC, created_at_ms, weight DESC, task_key LIMIT $4";

/// The first ready and due tasks of a director in a lane: the highest priority first, then the oldest, and of one age the most
/// expensive first, so that nobody waits for a long one at the end.
///
/// What no worker of the lane takes is passed over.
///
/// Read along the index `tasks_in_line`; a plain comparison of the time would have SQLite read all that is ready instead, hence the sum.
pub async fn line(
    tx: &mut Write,
    lane: Lane,
    director: DirectorId,
    (now_ms, takes): (i64, &Takes),
    limit: u64,
) -> Result<Vec<Next>, DbError> {
    let rows = sqlx::query(LINE)
        .bind(lane.name())
        .bind(director.to_string())
        .bind(now_ms)
        .bind(big(limit))
        .bind(big(takes.memory_bytes))
        .bind(takes.refused_words())
        .fetch_all(tx.connection())
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Next {
                key: row.parsed("task_key")?,
                kind: row.word("kind", TaskKind::parse)?,
                weight: row.real("weight")?,
                ready_since_ms: row.int("ready_since_ms")?,
            })
        })
        .collect()
}

/// What is queued in a lane and would be passed over now, as in [`line`]: those that took such tasks have gone.
pub async fn stranded(db: &Database, lane: Lane, takes: &Takes) -> Result<Vec<AttemptId>, DbError> {
    let rows = sqlx::query(
        "SELECT task_key, attempt FROM tasks WHERE state = 'queued' AND lane = $1 \
         AND (memory_bytes > $2 OR $3 LIKE ('%,' || kind || ',%'))",
    )
    .bind(lane.name())
    .bind(big(takes.memory_bytes))
    .bind(takes.refused_words())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_attempt).collect()
}

/// The lanes that have anything to queue now: asked outside the graph's transaction, so that an idle farm takes no lock.
pub async fn due(db: &Database, now_ms: i64) -> Result<Vec<Lane>, DbError> {
    // One look at the index for each lane, however much is ready.
    let looks = Lane::ALL.iter().enumerate().map(|(at, lane)| {
        format!(
            "(SELECT 1 FROM tasks WHERE state = 'ready' AND lane = '{}' AND due_at_ms <= $1 LIMIT 1) AS lane_{at}",
            lane.name()
        )
    });
    let select = format!("SELECT {}", looks.collect::<Vec<_>>().join(", "));
    let row = sqlx::query(sqlx::AssertSqlSafe(select))
        .bind(now_ms)
        .fetch_one(db.reader())
        .await?;
    let mut due = Vec::new();
    for (at, lane) in Lane::ALL.into_iter().enumerate() {
        if row.int_or_null(&format!("lane_{at}"))?.is_some() {
            due.push(lane);
        }
    }
    Ok(due)
}

/// What each director has queued or running, in each lane.
pub async fn busy(tx: &mut Write) -> Result<Vec<(DirectorId, Lane, u64)>, DbError> {
    let rows = sqlx::query(
        "SELECT director_id, lane, COUNT(*) AS tasks FROM tasks \
         WHERE state IN ('queued', 'running') GROUP BY director_id, lane",
    )
    .fetch_all(tx.connection())
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.parsed("director_id")?,
                row.word("lane", Lane::parse)?,
                row.size("tasks")?,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What SQLite says it would do.
    async fn plan_of(query: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", dir.path().join("farm.db").display());
        let db = Database::connect(&url).await.unwrap();
        let explain = format!("EXPLAIN QUERY PLAN {query}");
        let rows = sqlx::query(sqlx::AssertSqlSafe(explain))
            .bind("cpu")
            .bind("director")
            .bind(0_i64)
            .bind(1_i64)
            .bind(i64::MAX)
            .bind(",")
            .fetch_all(db.reader())
            .await
            .unwrap();
        let details: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
        details.join("; ")
    }

    #[tokio::test]
    async fn lines_are_read_along_their_index_and_not_sorted() {
        let line = plan_of(LINE).await;
        assert!(line.contains("tasks_in_line"), "{line}");
        assert!(!line.contains("B-TREE"), "{line}");
        let lines = plan_of(LINES).await;
        assert!(
            lines.contains("tasks_in_line") && !lines.contains("SCAN tasks"),
            "{lines}"
        );
    }
}
