//! Who makes films here: ours, what people do today, and the least that any honest program would have to do.
//!
//! Each gets the same files and writes one film; each of its steps is measured by [`meter`](super::meter).

mod concat;
mod floor;
mod moviepy;
mod ours;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::edit::Edit;
use super::meter::{Cost, measure};
use crate::process::{Binary, find};

pub(super) use self::ours::{Cache, warm};

/// Loudness that films are made to, LUFS and dBTP.
pub(super) const TARGET_LUFS: f64 = -14.0;
pub(super) const CEILING_DBTP: f64 = -1.0;
/// Of the film's sound, everybody's.
const SOUND_BIT_RATE: &str = "192k";
/// Of the pictures that baselines encode: like ours for a shot that must be encoded.
const CRF: &str = "18";

/// Where things are and lie.
#[derive(Clone, Debug)]
pub(super) struct Stage {
    pub botflix: Binary,
    pub python: PathBuf,
    pub clips: PathBuf,
    /// Emptied before each film.
    pub scratch: PathBuf,
}

impl Stage {
    pub fn log(&self) -> PathBuf {
        self.scratch.join("log")
    }
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Contestant {
    Ours {
        cache: Cache,
        /// One for each processor when absent.
        workers: Option<usize>,
        draft: bool,
    },
    /// ffmpeg's concat filter with x264, then two-pass loudnorm.
    ConcatFilter {
        preset: &'static str,
    },
    /// ffmpeg's concat demuxer without encoding, then ffmpeg-normalize.
    ConcatCopy,
    MoviePy,
    /// Read, decode the sound, limit, encode it once, write, decode and measure; and decode all pictures, if so.
    Floor {
        pictures: bool,
    },
}

impl Contestant {
    pub fn ours(cache: Cache) -> Self {
        Self::Ours {
            cache,
            workers: None,
            draft: false,
        }
    }

    pub fn label(&self) -> String {
        match self {
            Self::Ours {
                cache,
                workers,
                draft,
            } => {
                let mut label = format!("**ours**, {}", cache.label());
                if *draft {
                    label.push_str(", draft");
                }
                if let Some(workers) = workers {
                    label.push_str(&format!(", --workers {workers}"));
                }
                label
            }
            Self::ConcatFilter { preset } => {
                format!("concat filter, x264 {preset} crf {CRF}, two-pass loudnorm")
            }
            Self::ConcatCopy => "concat demuxer, copy; ffmpeg-normalize".to_owned(),
            Self::MoviePy => "MoviePy".to_owned(),
            Self::Floor { pictures: false } => "floor".to_owned(),
            Self::Floor { pictures: true } => "floor, all pictures decoded".to_owned(),
        }
    }

    /// What must be there before the clock runs.
    pub fn prepare(&self, stage: &Stage, edit: &Edit) -> Result<()> {
        if stage.scratch.exists() {
            std::fs::remove_dir_all(&stage.scratch)?;
        }
        std::fs::create_dir_all(&stage.scratch)?;
        match self {
            Self::Ours { cache, .. } => ours::prepare(stage, cache, edit),
            Self::ConcatCopy | Self::Floor { .. } => concat::write_list(stage, edit),
            Self::MoviePy | Self::ConcatFilter { .. } => Ok(()),
        }
    }

    pub fn make(&self, stage: &Stage, edit: &Edit, film: &Path) -> Result<Cost> {
        match self {
            Self::Ours { workers, draft, .. } => ours::render(stage, *workers, *draft, film),
            Self::ConcatFilter { preset } => concat::filtered(stage, edit, preset, film),
            Self::ConcatCopy => concat::copied(stage, film),
            Self::MoviePy => moviepy::make(stage, edit, film),
            Self::Floor { pictures } => floor::make(stage, *pictures, film),
        }
    }
}

fn ffmpeg() -> Result<Command> {
    let mut command = Command::new(find("ffmpeg")?);
    command.args(["-nostdin", "-hide_banner", "-v", "info", "-nostats", "-y"]);
    Ok(command)
}

/// Runs one command and gives what it printed too.
fn printed(command: &mut Command, log: &Path) -> Result<(Cost, String)> {
    let cost = measure(command, log)?;
    let bytes = std::fs::read(log)?;
    Ok((cost, String::from_utf8_lossy(&bytes).into_owned()))
}
