//! The texts that a player needs beside the film: captions and chapters as WebVTT. Its pictures come from [`crate::look`].

use std::path::{Path, PathBuf};

use botflix_common::task::PackageSpec;

use crate::{MediaError, vtt};

/// Where everything was put; `None` when the film has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Texts {
    pub captions: Option<PathBuf>,
    pub chapters: Option<PathBuf>,
}

/// Writes into `out_dir`, which exists.
pub async fn texts(spec: &PackageSpec, out_dir: &Path) -> Result<Texts, MediaError> {
    let captions = vtt::caption_cues(&spec.captions, spec.total_seconds);
    let chapters = vtt::chapter_cues(&spec.chapters, spec.total_seconds);
    Ok(Texts {
        captions: written(&captions, out_dir.join("captions.vtt")).await?,
        chapters: written(&chapters, out_dir.join("chapters.vtt")).await?,
    })
}

async fn written(cues: &[vtt::Cue], path: PathBuf) -> Result<Option<PathBuf>, MediaError> {
    if cues.is_empty() {
        return Ok(None);
    }
    tokio::fs::write(&path, vtt::file(cues))
        .await
        .map_err(MediaError::io("writing a text beside the film"))?;
    Ok(Some(path))
}
