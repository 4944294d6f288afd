//! `check`: proof that the film is what the ledger says.

use botflix_common::failure::Failure;
use botflix_common::task::{CheckSpec, TaskOutput};
use botflix_media::check::{self, Ingredients};
use botflix_media::{Context, MediaError};

use super::{Inputs, Made, malformed, role};

pub async fn run(ctx: &Context, spec: &CheckSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let TaskOutput::Assemble {
        picture_digest,
        sound,
        ..
    } = &inputs.record(&spec.film)?.output
    else {
        return Err(malformed("the film was not made by assemble"));
    };
    let film = inputs.made_by(&spec.film, role::FILM)?;
    let from = Ingredients {
        picture_digest,
        sound: *sound,
    };
    let checked = check::check(ctx, spec, film, from)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    Ok(Made {
        output: TaskOutput::Check {
            film: checked.film,
            findings: checked.findings,
        },
        files: Vec::new(),
    })
}
