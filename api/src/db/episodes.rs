//! The catalog: one row per published film.

use std::collections::BTreeMap;

use botflix_common::id::{DirectorId, EpisodeId, RenderId};
use botflix_common::manifest::Visibility;
use botflix_common::task::{Artifact, FilmFacts};
use sqlx::Any;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;

use super::row::{Columns, to_json};
use super::{Database, DbError, Move, Write};

#[derive(Clone, Debug, PartialEq)]
pub struct EpisodeRow {
    pub id: EpisodeId,
    pub render_id: RenderId,
    pub director_id: DirectorId,
    pub director_name: String,
    pub title: String,
    pub description: Option<String>,
    pub show: Option<String>,
    pub season: Option<u32>,
    pub episode: Option<u32>,
    /// BCP 47.
    pub language: String,
    pub visibility: Visibility,
    pub duration_seconds: f64,
    pub film: FilmFacts,
    /// By role: `film`, `poster`, and `captions` and `chapters` where there are any.
    pub artifacts: BTreeMap<String, Artifact>,
    pub published_at_ms: i64,
    /// The first render of the film; `render_id` is the one that made what is shown.
    pub first_render_id: RenderId,
    pub revision: u32,
    /// When a revision took the place of an earlier one.
    pub revised_at_ms: Option<i64>,
}

/// Which episodes of the catalog; an empty filter means all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpisodeFilter {
    pub show: Option<String>,
    pub director: Option<DirectorId>,
}

const SELECT: &str = "SELECT e.id, e.render_id, e.director_id, d.name AS director_name, e.title, e.description, \
     e.show_title, e.season, e.episode, e.language, e.visibility, e.duration_seconds, e.film, e.artifacts, \
     e.published_at_ms, COALESCE(e.first_render_id, e.render_id) AS first_render_id, e.revision, e.revised_at_ms FROM episodes e JOIN directors d ON d.id = e.director_id ";

/// The one episode of a film, by the film's first render.
const OF_FILM: &str =
    "WHERE e.first_render_id = $1 OR (e.first_render_id IS NULL AND e.render_id = $1)";

/// The director's name is not written: it is the director's.
pub async fn insert(tx: &mut Write, row: &EpisodeRow) -> Result<(), DbError> {
    const INSERT: &str = "INSERT INTO episodes (id, render_id, title, description, show_title, season, episode, \
         language, visibility, duration_seconds, film, artifacts, first_render_id, revision, director_id, published_at_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
    showing(INSERT, row)?
        .bind(row.director_id.to_string())
        .bind(row.published_at_ms)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Binds what a revision changes, as `$1` to `$14`.
fn showing(
    statement: &'static str,
    row: &EpisodeRow,
) -> Result<Query<'static, Any, AnyArguments>, DbError> {
    Ok(sqlx::query(statement)
        .bind(row.id.to_string())
        .bind(row.render_id.to_string())
        .bind(row.title.clone())
        .bind(row.description.clone())
        .bind(row.show.clone())
        .bind(row.season.map(i64::from))
        .bind(row.episode.map(i64::from))
        .bind(row.language.clone())
        .bind(row.visibility.name())
        .bind(row.duration_seconds)
        .bind(to_json("film", &row.film)?)
        .bind(to_json("artifacts", &row.artifacts)?)
        .bind(row.first_render_id.to_string())
        .bind(i64::from(row.revision)))
}

/// The episode of a film, and whether it shows a draft.
pub async fn shown(
    tx: &mut Write,
    first_render: RenderId,
) -> Result<Option<(EpisodeId, bool)>, DbError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!(
        "SELECT e.id, e.film FROM episodes e {OF_FILM}"
    )))
    .bind(first_render.to_string())
    .fetch_optional(tx.connection())
    .await?;
    row.map(|row| {
        let film: FilmFacts = row.json("film")?;
        Ok((row.parsed("id")?, film.draft))
    })
    .transpose()
}

/// Shows a later revision in place of an earlier one. Id, and so every link, and the time of its first publication stay. Not made: a still
/// later one is shown.
pub async fn revise(tx: &mut Write, row: &EpisodeRow, now_ms: i64) -> Result<Move, DbError> {
    const REVISE: &str = "UPDATE episodes SET render_id = $2, title = $3, description = $4, show_title = $5, season = $6, episode = $7, \
         language = $8, visibility = $9, duration_seconds = $10, film = $11, artifacts = $12, first_render_id = $13, \
         revision = $14, revised_at_ms = $15 WHERE id = $1 AND revision < $14";
    let done = showing(REVISE, row)?
        .bind(now_ms)
        .execute(tx.connection())
        .await?;
    Ok(Move::of(done.rows_affected()))
}

/// Public episodes, newest first, those published before `before`.
pub async fn page(
    db: &Database,
    filter: &EpisodeFilter,
    before: Option<EpisodeId>,
    limit: u32,
) -> Result<Vec<EpisodeRow>, DbError> {
    const PAGE: &str = "WHERE e.visibility = 'public' AND ($1 = '' OR e.id < $1) \
         AND ($2 = '' OR e.show_title = $2) AND ($3 = '' OR e.director_id = $3) ORDER BY e.id DESC LIMIT $4";
    let rows = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT}{PAGE}")))
        .bind(before.map(|id| id.to_string()).unwrap_or_default())
        .bind(filter.show.clone().unwrap_or_default())
        .bind(filter.director.map(|id| id.to_string()).unwrap_or_default())
        .bind(i64::from(limit))
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// An episode of any visibility: the caller decides who may see it.
pub async fn get(db: &Database, id: EpisodeId) -> Result<Option<EpisodeRow>, DbError> {
    one(db, "WHERE e.id = $1", id.to_string()).await
}

/// The episode of a film, by the film's first render.
pub async fn of_film(db: &Database, first: RenderId) -> Result<Option<EpisodeRow>, DbError> {
    one(db, OF_FILM, first.to_string()).await
}

async fn one(
    db: &Database,
    clause: &'static str,
    id: String,
) -> Result<Option<EpisodeRow>, DbError> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT}{clause}")))
        .bind(id)
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

fn read(row: &AnyRow) -> Result<EpisodeRow, DbError> {
    let number = |column: &str| -> Result<Option<u32>, DbError> {
        row.int_or_null(column)?
            .map(|value| u32::try_from(value).map_err(|error| DbError::broken(column, error)))
            .transpose()
    };
    Ok(EpisodeRow {
        id: row.parsed("id")?,
        render_id: row.parsed("render_id")?,
        director_id: row.parsed("director_id")?,
        director_name: row.text("director_name")?,
        title: row.text("title")?,
        description: row.text_or_null("description")?,
        show: row.text_or_null("show_title")?,
        season: number("season")?,
        episode: number("episode")?,
        language: row.text("language")?,
        visibility: row.word("visibility", Visibility::parse)?,
        duration_seconds: row.real("duration_seconds")?,
        film: row.json("film")?,
        artifacts: row.json("artifacts")?,
        published_at_ms: row.int("published_at_ms")?,
        first_render_id: row.parsed("first_render_id")?,
        revision: row.count("revision")?,
        revised_at_ms: row.int_or_null("revised_at_ms")?,
    })
}
