//! `conform`: one shot's picture in the film's format, or several shots' of a draft, exactly as long as the ledger says.

use botflix_common::failure::Failure;
use botflix_common::task::{ConformSpec, TaskOutput};
use botflix_media::{Context, MediaError, conform, fonts_of};

use super::{Inputs, Made, MadeFile, role};

pub async fn run(ctx: &Context, spec: &ConformSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let path = ctx.scratch.join("segment.mp4");
    let made = conform::conform(ctx, spec, &inputs.files, &path)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let fonts = fonts_of(ctx, spec)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let output = TaskOutput::Conform {
        frames: made.frames,
        fonts,
    };
    let segment = MadeFile {
        role: role::SEGMENT,
        path,
        media_type: "video/mp4",
    };
    Ok(Made::of(output, vec![segment]))
}
