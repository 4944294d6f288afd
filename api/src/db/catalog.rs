//! How much the catalog holds, for those who look after the farm. Reads whole tables: to be asked now and then, not per request.

use botflix_common::http::ClipStatus;
use botflix_common::manifest::Visibility;

use super::row::Columns;
use super::{Database, DbError};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct CatalogCounts {
    pub episodes: Vec<EpisodeCount>,
    pub clips: Vec<ClipCount>,
    pub directors: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpisodeCount {
    pub visibility: Visibility,
    pub episodes: u64,
    pub seconds: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipCount {
    pub status: ClipStatus,
    pub clips: u64,
    pub bytes: u64,
}

pub async fn count(db: &Database) -> Result<CatalogCounts, DbError> {
    let episodes = sqlx::query(
        "SELECT visibility, COUNT(*) AS episodes, \
         CAST(COALESCE(SUM(duration_seconds), 0.0) AS DOUBLE PRECISION) AS seconds \
         FROM episodes GROUP BY visibility",
    )
    .fetch_all(db.reader())
    .await?;
    let clips = sqlx::query(
        "SELECT status, COUNT(*) AS clips, CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes \
         FROM clips GROUP BY status",
    )
    .fetch_all(db.reader())
    .await?;
    let directors = sqlx::query("SELECT COUNT(*) AS directors FROM directors")
        .fetch_one(db.reader())
        .await?;
    Ok(CatalogCounts {
        episodes: episodes
            .iter()
            .map(|row| {
                Ok(EpisodeCount {
                    visibility: row.word("visibility", Visibility::parse)?,
                    episodes: row.size("episodes")?,
                    seconds: row.real("seconds")?,
                })
            })
            .collect::<Result<_, DbError>>()?,
        clips: clips
            .iter()
            .map(|row| {
                Ok(ClipCount {
                    status: row.word("status", ClipStatus::parse)?,
                    clips: row.size("clips")?,
                    bytes: row.size("bytes")?,
                })
            })
            .collect::<Result<_, DbError>>()?,
        directors: directors.size("directors")?,
    })
}
