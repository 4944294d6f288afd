//! `package`: all that is published beside the film: the pictures that its check made, captions and chapters.

use botflix_common::failure::Failure;
use botflix_common::task::{PackageSpec, TaskOutput};
use botflix_media::{Context, MediaError, package};

use super::{Inputs, Made, MadeFile, WEBVTT, role};

pub async fn run(ctx: &Context, spec: &PackageSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let pictures = inputs.record(&spec.check)?.artifacts.clone();
    let texts = package::texts(spec, &ctx.scratch)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let files = [
        (role::CAPTIONS, texts.captions),
        (role::CHAPTERS, texts.chapters),
    ];
    let file = |(role, path): (&'static str, Option<_>)| {
        Some(MadeFile {
            role,
            path: path?,
            media_type: WEBVTT,
        })
    };
    Ok(Made {
        output: TaskOutput::Package,
        files: files.into_iter().filter_map(file).collect(),
        passed_on: pictures,
    })
}
