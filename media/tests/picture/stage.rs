//! An engine, a place of its own, and short ways to say what a segment shows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::film::{FilmFormat, Fit, Quality, Rgb};
use botflix_common::hash::Sha;
use botflix_common::task::{ConformSpec, EngineClass, Picture, PictureSource, SourcePicture};
use botflix_media::conform::conform;
use botflix_media::{Context, Engine, EngineConfig, MediaError, Progress};
use tokio_util::sync::CancellationToken;

use crate::clips::colours;

pub struct Stage {
    dir: tempfile::TempDir,
    pub ctx: Context,
}

pub fn format(fps: &str) -> FilmFormat {
    FilmFormat {
        width: 320,
        height: 180,
        fps: fps.parse().unwrap(),
    }
}

/// Files are known by their paths here.
pub fn sha(file: &Path) -> Sha {
    Sha::of(file.as_os_str().as_encoded_bytes())
}

pub fn clip(file: &Path) -> Picture {
    clip_from(file, 0.0)
}

pub fn clip_from(file: &Path, start_seconds: f64) -> Picture {
    picture(PictureSource::Clip {
        clip: sha(file),
        start_seconds,
        first_picture_seconds: 0.0,
        look: SourcePicture::default(),
    })
}

pub fn still(file: &Path) -> Picture {
    picture(PictureSource::Still {
        clip: sha(file),
        look: SourcePicture::default(),
    })
}

pub fn colour(colour: Rgb) -> Picture {
    picture(PictureSource::Colour { colour })
}

pub fn look(picture: &mut Picture) -> &mut SourcePicture {
    match &mut picture.source {
        PictureSource::Clip { look, .. } | PictureSource::Still { look, .. } => look,
        PictureSource::Colour { .. } => panic!("a colour has no look"),
    }
}

fn picture(source: PictureSource) -> Picture {
    Picture {
        source,
        fit: Fit::Contain,
        background: Rgb::BLACK,
        motion: None,
    }
}

pub fn spec(picture: Picture, frames: u64) -> ConformSpec {
    ConformSpec {
        engine: EngineClass::X264Cpu1,
        quality: Quality::Standard,
        format: format("24"),
        frames,
        picture,
        then: Vec::new(),
        under: None,
        overlays: Vec::new(),
    }
}

impl Stage {
    pub async fn open() -> Self {
        Self::with(EngineConfig {
            proof_cache: Some(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("engine-proof.json")),
            ..EngineConfig::default()
        })
        .await
    }

    pub async fn with(config: EngineConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let scratch = dir.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let ctx = Context {
            engine: Engine::discover(config).await.unwrap(),
            scratch,
            progress: Progress::none(),
            cancel: CancellationToken::new(),
        };
        Self { dir, ctx }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub async fn conformed(
        &self,
        spec: &ConformSpec,
        files: &[&Path],
        out: &Path,
    ) -> Result<u64, MediaError> {
        let files: HashMap<Sha, PathBuf> = files
            .iter()
            .map(|file| (sha(file), file.to_path_buf()))
            .collect();
        conform(&self.ctx, spec, &files, out)
            .await
            .map(|made| made.frames)
    }

    /// The segment, which must have all its frames.
    pub async fn segment(&self, name: &str, spec: &ConformSpec, files: &[&Path]) -> PathBuf {
        let out = self.path(name);
        let frames = self.conformed(spec, files, &out).await.unwrap();
        assert_eq!(frames, spec.frames);
        out
    }

    /// The mean colour of each frame.
    pub async fn seen(&self, spec: &ConformSpec, files: &[&Path]) -> Vec<[u8; 3]> {
        let out = self.segment("seen.mp4", spec, files).await;
        let colours = colours(&out);
        assert_eq!(colours.len() as u64, spec.frames);
        colours
    }

    pub async fn lumas(&self, spec: &ConformSpec, files: &[&Path]) -> Vec<u8> {
        let seen = self.seen(spec, files).await;
        seen.iter().map(|[luma, ..]| *luma).collect()
    }
}
