//! The ffmpeg engine: paths in, files out.
//!
//! This crate knows media and nothing of the farm: no HTTP, no SQL, no Redis, no object storage, no ids of renders. Every process is spawned
//! in [`process`], behind the walls of [`sandbox`]; every file that a stranger sent is walked by [`boxes`] before ffmpeg sees it.

mod aac;
pub mod assemble;
pub mod boxes;
mod bs1770;
pub mod call;
pub mod check;
pub mod conform;
pub mod engine;
pub mod error;
pub mod film;
pub mod inspect;
pub mod look;
pub mod mix;
pub(crate) mod mp4;
pub mod package;
pub mod process;
pub mod progress;
pub mod sandbox;
mod text;
pub mod vtt;

use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

pub use engine::{Engine, EngineConfig};
pub use error::MediaError;
pub use inspect::{inspect, inspect_with_proxy};
pub use process::{Call, Output, Program};
pub use progress::Progress;
pub use sandbox::SandboxPolicy;
pub use text::fonts_of;

/// What one task works with: the engine, a place of its own, and how to tell and be told.
#[derive(Clone)]
pub struct Context {
    pub engine: Engine,
    /// A private directory of this task. Everything that a child process may write lies here or beside a declared output.
    pub scratch: PathBuf,
    pub progress: Progress,
    pub cancel: CancellationToken,
}

impl Context {
    /// The same for a step whose progress is the slice `from..to` of this one.
    #[must_use]
    pub fn part(&self, from: f64, to: f64) -> Self {
        Self {
            progress: self.progress.part(from, to),
            ..self.clone()
        }
    }

    /// The same for a step beside or after another that reports: it shows signs of life, and not how far it is.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self {
            progress: self.progress.quiet(),
            ..self.clone()
        }
    }
}
