//! What a player and a catalog need beside the film: posters, a storyboard to seek by, captions and chapters as WebVTT.
//!
//! Only the pictures that are looked at are decoded: they are taken out of the film as packets, and one ffmpeg makes everything of them.

mod candidates;
mod look;
mod pictures;
mod reel;
mod storyboard;

use std::path::{Path, PathBuf};

use botflix_common::task::PackageSpec;

use self::candidates::Lead;
use self::pictures::Made;
use self::reel::Reel;
use crate::mp4::work;
use crate::{Context, MediaError, vtt};

/// Where everything was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packaged {
    /// JPEG, at most 1280 pixels wide, with the frame of the film that it shows; at most three, the best first.
    pub posters: Vec<(PathBuf, u64)>,
    /// A JPEG of small pictures in rows, and the WebVTT that says when each is shown.
    pub storyboard: Option<(PathBuf, PathBuf)>,
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
    let (mut reel, mut made) = look(ctx, spec, film, Lead::Cheap, out_dir).await?;
    if made.blank > 0 {
        // Shots that open in black or with one colour: what comes later in them is worth decoding.
        (reel, made) = look(ctx, spec, film, Lead::Far, out_dir).await?;
    }
    let captions = vtt::caption_cues(&spec.captions, spec.total_seconds);
    let chapters = vtt::chapter_cues(&spec.chapters, spec.total_seconds);
    let cues = out_dir.join("storyboard.vtt");
    write(&cues, &storyboard::file(&reel.tiles, &made.sheet)).await?;
    let packaged = Packaged {
        posters: made.posters,
        storyboard: Some((made.sheet.file, cues)),
        captions: written(&captions, out_dir.join("captions.vtt")).await?,
        chapters: written(&chapters, out_dir.join("chapters.vtt")).await?,
    };
    ctx.progress.report(1.0, None);
    Ok(packaged)
}

async fn look(
    ctx: &Context,
    spec: &PackageSpec,
    film: &Path,
    lead: Lead,
    out_dir: &Path,
) -> Result<(Reel, Made), MediaError> {
    let file = ctx.scratch.join("package-reel.mp4");
    let (film, wanted) = (film.to_owned(), spec.clone());
    let reel = work::run(ctx, "taking pictures out of the film", move |_| {
        Reel::take(&film, &wanted, lead, &file)
    })
    .await?;
    let made = pictures::make(&ctx.part(0.1, 0.9), &reel, out_dir).await?;
    Ok((reel, made))
}

async fn written(cues: &[vtt::Cue], path: PathBuf) -> Result<Option<PathBuf>, MediaError> {
    if cues.is_empty() {
        return Ok(None);
    }
    write(&path, &vtt::file(cues)).await?;
    Ok(Some(path))
}

async fn write(path: &Path, text: &str) -> Result<(), MediaError> {
    tokio::fs::write(path, text)
        .await
        .map_err(MediaError::io("writing a text beside the film"))
}
