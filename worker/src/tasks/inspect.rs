//! `inspect`: the facts of a clip, and its proxy. A broken clip has facts, too; only trouble of the engine is a failure.

use botflix_common::failure::Failure;
use botflix_common::task::{InspectSpec, TaskOutput};
use botflix_media::{Context, MediaError};

use super::{Inputs, Made, MadeFile, role};

pub async fn run(ctx: &Context, spec: &InspectSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let clip = inputs.clip(&spec.clip)?;
    let path = ctx.scratch.join("proxy.mp4");
    let facts = if spec.proxy {
        botflix_media::inspect_with_proxy(ctx, clip, &path).await
    } else {
        botflix_media::inspect(ctx, clip).await
    };
    let facts = facts.map_err(|error| MediaError::failure(&error))?;
    let proxy = facts.video.as_ref().and_then(|video| video.proxy.as_ref());
    let files = proxy.map(|_| MadeFile {
        role: role::PROXY,
        path,
        media_type: "video/mp4",
    });
    let files = files.into_iter().collect();
    let facts = Box::new(facts);
    Ok(Made::of(TaskOutput::Inspect { facts }, files))
}
