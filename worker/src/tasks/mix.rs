//! `mix`: the film's whole sound, encoded once.

use botflix_common::failure::Failure;
use botflix_common::task::{MixSpec, TaskOutput};
use botflix_media::{Context, MediaError, mix};

use super::{Inputs, Made, MadeFile, role};

pub async fn run(ctx: &Context, spec: &MixSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let path = ctx.scratch.join("sound.m4a");
    let facts = mix::mix(ctx, spec, &inputs.files, &path)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let sound = MadeFile {
        role: role::SOUND,
        path,
        media_type: "audio/mp4",
    };
    Ok(Made::of(TaskOutput::Mix(facts), vec![sound]))
}
