//! `inspect`: the facts of a clip. A broken clip has facts, too; only trouble of the engine is a failure.

use botflix_common::failure::Failure;
use botflix_common::task::{InspectSpec, TaskOutput};
use botflix_media::{Context, MediaError};

use super::{Inputs, Made};

pub async fn run(ctx: &Context, spec: &InspectSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let facts = botflix_media::inspect(ctx, inputs.clip(&spec.clip)?)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    Ok(Made {
        output: TaskOutput::Inspect {
            facts: Box::new(facts),
        },
        files: Vec::new(),
    })
}
