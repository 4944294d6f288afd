//! What a player and a catalog need beside the film: a poster, captions and chapters as WebVTT.

mod poster;

use std::path::{Path, PathBuf};

use botflix_common::task::PackageSpec;

use crate::{Context, MediaError, vtt};

/// Where everything was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaged {
    /// JPEG, at most 1280 pixels wide.
    pub poster: PathBuf,
    /// The frame of the film that it shows.
    pub poster_frame: u64,
    /// WebVTT; `None` when the film has none.
    pub captions: Option<PathBuf>,
    pub chapters: Option<PathBuf>,
}

/// Writes into `out_dir`, which exists.
pub async fn package(
    ctx: &Context,
    spec: &PackageSpec,
    film: &Path,
    out_dir: &Path,
) -> Result<Packaged, MediaError> {
    let poster = out_dir.join("poster.jpg");
    let poster_frame =
        poster::make(&ctx.part(0.0, 0.9), &spec.poster_frames, film, &poster).await?;
    let captions = vtt::caption_cues(&spec.captions, spec.total_seconds);
    let chapters = vtt::chapter_cues(&spec.chapters, spec.total_seconds);
    let packaged = Packaged {
        poster,
        poster_frame,
        captions: write(&captions, out_dir.join("captions.vtt")).await?,
        chapters: write(&chapters, out_dir.join("chapters.vtt")).await?,
    };
    ctx.progress.report(1.0, None);
    Ok(packaged)
}

async fn write(cues: &[vtt::Cue], path: PathBuf) -> Result<Option<PathBuf>, MediaError> {
    if cues.is_empty() {
        return Ok(None);
    }
    tokio::fs::write(&path, vtt::file(cues))
        .await
        .map_err(MediaError::io("writing captions or chapters"))?;
    Ok(Some(path))
}
