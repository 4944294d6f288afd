//! `package`: poster, captions and chapters of the film.

use botflix_common::failure::Failure;
use botflix_common::task::{PackageSpec, TaskOutput};
use botflix_media::{Context, MediaError, package};

use super::{Inputs, Made, MadeFile, role};

const WEBVTT: &str = "text/vtt; charset=utf-8";

pub async fn run(ctx: &Context, spec: &PackageSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let film = inputs.made_by(&spec.film, role::FILM)?;
    let packaged = package::package(ctx, spec, film, &ctx.scratch)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let poster = MadeFile {
        role: role::POSTER,
        path: packaged.poster,
        media_type: "image/jpeg",
    };
    let captions = packaged.captions.map(|path| MadeFile {
        role: role::CAPTIONS,
        path,
        media_type: WEBVTT,
    });
    let chapters = packaged.chapters.map(|path| MadeFile {
        role: role::CHAPTERS,
        path,
        media_type: WEBVTT,
    });
    Ok(Made {
        output: TaskOutput::Package {
            poster_frame: packaged.poster_frame,
        },
        files: [Some(poster), captions, chapters]
            .into_iter()
            .flatten()
            .collect(),
    })
}
