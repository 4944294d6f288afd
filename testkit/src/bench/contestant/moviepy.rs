//! MoviePy, as its documentation joins clips, with the same ffmpeg as everybody. It levels no sound.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{CRF, Edit, SOUND_BIT_RATE, Stage};
use crate::bench::meter::{Cost, measure};
use crate::process::find;

const PROGRAM: &str = include_str!("join.py");

pub(super) fn make(stage: &Stage, edit: &Edit, film: &Path) -> Result<Cost> {
    let mut join = Command::new(&stage.python);
    // MoviePy would otherwise take the static ffmpeg of imageio-ffmpeg.
    join.env("FFMPEG_BINARY", find("ffmpeg")?);
    join.env("IMAGEIO_FFMPEG_EXE", find("ffmpeg")?);
    join.args(["-c", PROGRAM, CRF, SOUND_BIT_RATE]).arg(film);
    // It writes its temporary files where it stands.
    join.current_dir(&stage.scratch);
    for shot in &edit.shots {
        join.arg(stage.clips.join(shot.clip.name()));
    }
    measure(&mut join, &stage.log())
}
