//! `assemble`: segments and sound become the film.

use std::path::PathBuf;

use botflix_common::failure::Failure;
use botflix_common::task::{AssembleSpec, SegmentSource, TaskOutput};
use botflix_media::{Context, MediaError, assemble};

use super::{Inputs, Made, MadeFile, malformed, role};

pub async fn run(ctx: &Context, spec: &AssembleSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let segments = spec
        .segments
        .iter()
        .map(|segment| match &segment.source {
            SegmentSource::Copy { clip, .. } => inputs.clip(clip),
            SegmentSource::Conform { task } => inputs.made_by(task, role::SEGMENT),
        })
        .map(|path| path.map(PathBuf::from))
        .collect::<Result<Vec<PathBuf>, Failure>>()?;
    let sound = inputs.made_by(&spec.mix, role::SOUND)?;
    let TaskOutput::Mix(sound_facts) = inputs.record(&spec.mix)?.output else {
        return Err(malformed("the sound was not made by mix"));
    };
    let path = ctx.scratch.join("film.mp4");
    let film = assemble::assemble(ctx, spec, &segments, sound, &path)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let output = TaskOutput::Assemble {
        frames: film.frames,
        duration_seconds: film.duration_seconds,
        picture_digest: film.picture_digest,
        sound: sound_facts,
        copied_frames: spec.copied_frames(),
    };
    let film = MadeFile {
        role: role::FILM,
        path,
        media_type: "video/mp4",
    };
    Ok(Made::of(output, vec![film]))
}
