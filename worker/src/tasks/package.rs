//! `package`: posters, storyboard, captions and chapters of the film.

use botflix_common::failure::Failure;
use botflix_common::task::{PackageSpec, TaskOutput};
use botflix_media::{Context, MediaError, package};

use super::{Inputs, Made, MadeFile, role};

const JPEG: &str = "image/jpeg";
const WEBVTT: &str = "text/vtt; charset=utf-8";

pub async fn run(ctx: &Context, spec: &PackageSpec, inputs: &Inputs<'_>) -> Result<Made, Failure> {
    let film = inputs.made_by(&spec.film, role::FILM)?;
    let packaged = package::package(ctx, spec, film, &ctx.scratch)
        .await
        .map_err(|error| MediaError::failure(&error))?;
    let file = |role, path, media_type| MadeFile {
        role,
        path,
        media_type,
    };
    let poster_frames = packaged.posters.iter().map(|(_, frame)| *frame).collect();
    let posters = role::POSTERS
        .into_iter()
        .zip(packaged.posters)
        .map(|(role, (path, _))| file(role, path, JPEG));
    let storyboard = packaged.storyboard.into_iter().flat_map(|(sheet, vtt)| {
        [
            file(role::STORYBOARD, sheet, JPEG),
            file(role::STORYBOARD_VTT, vtt, WEBVTT),
        ]
    });
    let texts = [
        (role::CAPTIONS, packaged.captions),
        (role::CHAPTERS, packaged.chapters),
    ]
    .into_iter()
    .filter_map(|(role, path)| Some(file(role, path?, WEBVTT)));
    Ok(Made {
        output: TaskOutput::Package { poster_frames },
        files: posters.chain(storyboard).chain(texts).collect(),
    })
}
