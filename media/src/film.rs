//! A finished film: where it lies, and its index, read once for all who look into it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::mp4::{self, Movie, Track, TrackKind, work};
use crate::{Context, MediaError};

pub struct Film {
    pub(crate) path: PathBuf,
    /// `None`: not a plain MP4. No track is found in it then, which fails the film.
    pub(crate) movie: Option<Movie>,
}

impl Film {
    pub async fn open(ctx: &Context, path: &Path) -> Result<Arc<Self>, MediaError> {
        let path = path.to_owned();
        work::run(ctx, "reading the film", move |_| {
            let movie = mp4::read(&path)?;
            Ok(Arc::new(Self { path, movie }))
        })
        .await
    }

    pub(crate) fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.movie.as_ref()?.track(kind)
    }
}
