//! Renders: what a director asked for, and how far it is.
//!
//! - [`moves`]: from one state to the next, each a guarded write;
//! - [`parts`]: everything a director sees of one render;
//! - [`log`]: the attempts at its tasks;
//! - [`encoder`]: which encoders films were planned for, as the lanes of their tasks say.

mod encoder;
mod log;
pub mod moves;
mod parts;

use botflix_common::finding::FindingCounts;
use botflix_common::hash::Sha;
use botflix_common::http::RenderState;
use botflix_common::id::{DirectorId, RenderId};
use botflix_common::manifest::ShotManifest;
use botflix_common::problem::Problem;
use botflix_common::task::Priority;
use sqlx::any::AnyRow;

use super::row::{Columns, to_json};
use super::{Database, DbError, Write, bulk};

pub use encoder::{device, devices_used, waiting_in};
pub use log::{AttemptRow, LogPlace, attempts};
pub use parts::{RenderParts, done_before, parts, results};

#[derive(Clone, Debug, PartialEq)]
pub struct RenderRow {
    pub id: RenderId,
    pub director_id: DirectorId,
    /// What all revisions of one film share.
    pub lineage: Lineage,
    pub state: RenderState,
    pub priority: Priority,
    pub title: String,
    /// 0 to 1; only grows.
    pub progress: f64,
    /// Present once failed.
    pub problem: Option<Problem>,
    /// Findings of the material; present once planned.
    pub foreseen: Option<FindingCounts>,
    /// The number of the last event.
    pub event_seq: i64,
    pub created_at_ms: i64,
    /// When it was sent, or last asked for once more.
    pub asked_at_ms: i64,
    pub finished_at_ms: Option<i64>,
}

/// A render's place among the revisions of its film.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lineage {
    /// The first render of the film: itself, unless it is a revision.
    pub first: RenderId,
    /// 1, 2, 3, …
    pub revision: u32,
}

/// Where a new render stands: among the revisions of its film, when it is a later one, and among its director's renders.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place {
    pub lineage: Option<Lineage>,
    pub priority: Priority,
}

const SELECT: &str = "SELECT id, director_id, COALESCE(first_render_id, id) AS first_id, revision, state, priority, title, progress, problem, foreseen, event_seq, created_at_ms, \
     COALESCE(reopened_at_ms, created_at_ms) AS asked_at_ms, \
     finished_at_ms FROM renders ";

fn select(clause: &'static str) -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{SELECT}{clause}"))
}

/// A new render in state `accepted`, with the clips it names.
pub async fn insert(
    tx: &mut Write,
    id: RenderId,
    director: DirectorId,
    place: Place,
    manifest: &ShotManifest,
    clips: &[Sha],
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO renders (id, director_id, state, title, manifest, event_seq, progress, created_at_ms, \
         first_render_id, revision, priority) VALUES ($1, $2, $3, $4, $5, 0, 0.0, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(director.to_string())
    .bind(RenderState::Accepted.name())
    .bind(&manifest.title)
    .bind(to_json("manifest", manifest)?)
    .bind(now_ms)
    .bind(place.lineage.map(|lineage| lineage.first.to_string()))
    .bind(place.lineage.map_or(1, |lineage| i64::from(lineage.revision)))
    .bind(i64::from(place.priority.number()))
    .execute(tx.connection())
    .await?;
    for chunk in clips.chunks(bulk::ROWS) {
        let insert = format!(
            "INSERT INTO render_clips (render_id, sha256) VALUES {}",
            bulk::rows(chunk.len(), 2, "")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(insert)).persistent(false);
        for clip in chunk {
            query = query.bind(id.to_string()).bind(clip.to_string());
        }
        query.execute(tx.connection()).await?;
    }
    Ok(())
}

pub async fn get(db: &Database, id: RenderId) -> Result<Option<RenderRow>, DbError> {
    let row = sqlx::query(select("WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The same as [`get`], inside a transaction.
pub async fn find(tx: &mut Write, id: RenderId) -> Result<Option<RenderRow>, DbError> {
    let row = sqlx::query(select("WHERE id = $1"))
        .bind(id.to_string())
        .fetch_optional(tx.connection())
        .await?;
    row.as_ref().map(read).transpose()
}

/// A director's renders, newest first, those sent before `before`.
pub async fn list(
    db: &Database,
    director: DirectorId,
    before: Option<RenderId>,
    limit: u32,
) -> Result<Vec<RenderRow>, DbError> {
    let rows = sqlx::query(select(
        "WHERE director_id = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3",
    ))
    .bind(director.to_string())
    .bind(before.map(|id| id.to_string()).unwrap_or_default())
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read).collect()
}

/// The manifest as it was sent, defaults filled in.
pub async fn manifest(db: &Database, id: RenderId) -> Result<Option<ShotManifest>, DbError> {
    let row = sqlx::query("SELECT manifest FROM renders WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(db.reader())
        .await?;
    row.map(|row| row.json("manifest")).transpose()
}

/// The same as [`manifest`], inside a transaction.
pub async fn find_manifest(tx: &mut Write, id: RenderId) -> Result<ShotManifest, DbError> {
    let row = sqlx::query("SELECT manifest FROM renders WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(tx.connection())
        .await?;
    row.ok_or(DbError::Gone("render"))?.json("manifest")
}

/// How many renders of a director have not ended.
pub async fn unfinished_of(tx: &mut Write, director: DirectorId) -> Result<u64, DbError> {
    let row = sqlx::query(
        "SELECT COUNT(*) AS renders FROM renders WHERE director_id = $1 \
         AND state IN ('accepted', 'planning', 'running', 'publishing')",
    )
    .bind(director.to_string())
    .fetch_one(tx.connection())
    .await?;
    row.size("renders")
}

/// The lineage of the next revision of a film.
pub async fn next_revision(tx: &mut Write, first: RenderId) -> Result<Lineage, DbError> {
    let row = sqlx::query(
        "SELECT MAX(revision) AS last FROM renders WHERE id = $1 OR first_render_id = $1",
    )
    .bind(first.to_string())
    .fetch_one(tx.connection())
    .await?;
    let revision = row.count("last")?.saturating_add(1);
    Ok(Lineage { first, revision })
}

/// The renders that wait for the inspection of a clip.
pub async fn waiting_for(tx: &mut Write, clip: &Sha) -> Result<Vec<RenderId>, DbError> {
    let rows = sqlx::query(
        "SELECT r.id FROM renders r JOIN render_clips c ON c.render_id = r.id \
         WHERE c.sha256 = $1 AND r.state = 'accepted' ORDER BY r.id",
    )
    .bind(clip.to_string())
    .fetch_all(tx.connection())
    .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

/// Renders in state `accepted` none of whose clips is being inspected: they should have moved on.
pub async fn overlooked(db: &Database, limit: u32) -> Result<Vec<RenderId>, DbError> {
    let rows = sqlx::query(
        "SELECT r.id FROM renders r WHERE r.state = 'accepted' AND NOT EXISTS ( \
           SELECT 1 FROM render_clips l JOIN clips c ON c.sha256 = l.sha256 \
           WHERE l.render_id = r.id AND c.status = 'inspecting') ORDER BY r.id LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(|row| row.parsed("id")).collect()
}

fn priority(row: &AnyRow) -> Result<Priority, DbError> {
    u8::try_from(row.int("priority")?)
        .ok()
        .and_then(|number| Priority::try_from(number).ok())
        .ok_or_else(|| DbError::broken("priority", "it is not 0 to 9"))
}

/// Renders in a state that is not final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished {
    pub state: RenderState,
    pub renders: u64,
    /// When the oldest of them was accepted.
    pub oldest_ms: i64,
}

/// States in which no render is are left out.
pub async fn unfinished(db: &Database) -> Result<Vec<Unfinished>, DbError> {
    let rows = sqlx::query(
        "SELECT state, COUNT(*) AS renders, MIN(COALESCE(reopened_at_ms, created_at_ms)) AS oldest_ms FROM renders \
         WHERE state IN ('accepted', 'planning', 'running', 'publishing') GROUP BY state",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Unfinished {
                state: row.word("state", RenderState::parse)?,
                renders: row.size("renders")?,
                oldest_ms: row.int("oldest_ms")?,
            })
        })
        .collect()
}

fn read(row: &AnyRow) -> Result<RenderRow, DbError> {
    Ok(RenderRow {
        id: row.parsed("id")?,
        director_id: row.parsed("director_id")?,
        lineage: Lineage {
            first: row.parsed("first_id")?,
            revision: row.count("revision")?,
        },
        state: row.word("state", RenderState::parse)?,
        priority: priority(row)?,
        title: row.text("title")?,
        progress: row.real("progress")?,
        problem: row.json_or_null("problem")?,
        foreseen: row.json_or_null("foreseen")?,
        event_seq: row.int("event_seq")?,
        created_at_ms: row.int("created_at_ms")?,
        asked_at_ms: row.int("asked_at_ms")?,
        finished_at_ms: row.int_or_null("finished_at_ms")?,
    })
}
