//! `check`: proof that the film is what the ledger says.

use botflix_common::failure::Failure;
use botflix_common::task::{CheckSpec, TaskOutput};
use botflix_media::{Context, MediaError, check};

use super::{Inputs, Made, malformed, role};

pub async fn run(ctx: &Context, spec: &CheckSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let TaskOutput::Assemble {
        picture_digest,
        gain_db,
        ..
    } = &inputs.record(&spec.film)?.output
    else {
        return Err(malformed("the film was not made by assemble"));
    };
    let film = inputs.made_by(&spec.film, role::FILM)?;
    let checked = check::check(ctx, spec, film, picture_digest, *gain_db)
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
