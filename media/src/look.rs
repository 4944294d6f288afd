//! The pictures of a finished film that are looked at: those at its joins, candidates for posters, tiles for the storyboard. They are taken out
//! of the film as packets, and one ffmpeg decodes each of them once, for all who want it.

mod candidates;
mod excerpt;
mod hashed;
mod joins;
mod make;
mod merit;
mod reel;
mod storyboard;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::candidates::Lead;
pub(crate) use self::joins::errors_at;
use self::make::Made;
use self::reel::Reel;
use crate::film::Film;
use crate::mp4::work;
use crate::{Context, MediaError};

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Frames of the film whose luma is wanted; each must be a key picture.
    pub joins: Vec<u64>,
    /// Frames to choose posters from.
    pub posters: Vec<u64>,
    pub fps: f64,
    pub total_seconds: f64,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// CRC-32 of the luma of the picture at each join, as far as there are such.
    pub luma_crcs: Vec<u32>,
    /// Complaints of the decoder.
    pub errors: u32,
    pub pictures: Pictures,
}

/// What a catalog and a player show of the film.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// JPEG, at most 1280 pixels wide, with the frame of the film that it shows; at most three, the best first. None where the film does not decode.
    pub posters: Vec<(PathBuf, u64)>,
    /// A JPEG of small pictures in rows, and the WebVTT that says when each is shown.
    pub storyboard: (PathBuf, PathBuf),
}

/// Writes pictures into `out_dir`, which exists. `None`: the film has no key picture to begin with.
pub async fn look(
    ctx: &Context,
    film: &Arc<Film>,
    wanted: &Wanted,
    out_dir: &Path,
) -> Result<Option<Looked>, MediaError> {
    let Some((mut reel, mut made)) = once(ctx, film, wanted, Lead::Cheap, out_dir).await? else {
        return Ok(None);
    };
    let luma_crcs = std::mem::take(&mut made.luma_crcs);
    let errors = made.errors;
    if made.blank > 0 {
        // Shots that open in black or with one colour: what comes later in them is worth decoding.
        let farther = farther(ctx, film, wanted, out_dir).await?;
        if let Some(farther) = farther.filter(|(_, other)| other.is_better_than(&made)) {
            (reel, made) = farther;
        }
    }
    let cues = out_dir.join("storyboard.vtt");
    tokio::fs::write(&cues, storyboard::file(&reel.tiles, &made.sheet))
        .await
        .map_err(MediaError::io("writing the storyboard"))?;
    Ok(Some(Looked {
        luma_crcs,
        errors,
        pictures: Pictures {
            posters: made.posters,
            storyboard: (made.sheet.file, cues),
        },
    }))
}

/// The same without joins, later in the shots. Beside the first pictures, which may be the better ones.
async fn farther(
    ctx: &Context,
    film: &Arc<Film>,
    wanted: &Wanted,
    out_dir: &Path,
) -> Result<Option<(Reel, Made)>, MediaError> {
    let rest = Wanted {
        joins: Vec::new(),
        ..wanted.clone()
    };
    let dir = out_dir.join("farther");
    tokio::fs::create_dir_all(&dir)
        .await
        .map_err(MediaError::io("making a place for pictures"))?;
    once(&ctx.quiet(), film, &rest, Lead::Far, &dir).await
}

async fn once(
    ctx: &Context,
    film: &Arc<Film>,
    wanted: &Wanted,
    lead: Lead,
    out_dir: &Path,
) -> Result<Option<(Reel, Made)>, MediaError> {
    let file = ctx.scratch.join("look-reel.mp4");
    let (film, wanted) = (Arc::clone(film), wanted.clone());
    let reel = work::run(ctx, "taking pictures out of the film", move |work| {
        Reel::take(work, &film, &wanted, lead, &file)
    })
    .await?;
    let Some(reel) = reel else {
        return Ok(None);
    };
    let made = make::make(ctx, &reel, out_dir).await?;
    Ok(Some((reel, made)))
}
