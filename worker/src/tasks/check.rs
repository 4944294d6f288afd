//! `check`: proof that the film is what the ledger says, and pictures of it.

use botflix_common::failure::Failure;
use botflix_common::task::{CheckSpec, TaskOutput};
use botflix_media::check::{self, Ingredients};
use botflix_media::look::Pictures;
use botflix_media::{Context, MediaError};

use super::{Inputs, JPEG, Made, MadeFile, WEBVTT, malformed, role};

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
    let poster_frames = checked.pictures.posters.iter().map(|(_, frame)| *frame);
    let output = TaskOutput::Check {
        film: checked.film,
        findings: checked.findings,
        poster_frames: poster_frames.collect(),
    };
    Ok(Made::of(output, files(checked.pictures)))
}

fn files(pictures: Pictures) -> Vec<MadeFile> {
    let jpeg = |role, path| MadeFile {
        role,
        path,
        media_type: JPEG,
    };
    let (sheet, vtt) = pictures.storyboard;
    let posters = role::POSTERS.into_iter().zip(pictures.posters);
    let mut files: Vec<MadeFile> = posters.map(|(role, (path, _))| jpeg(role, path)).collect();
    files.push(jpeg(role::STORYBOARD, sheet));
    files.push(MadeFile {
        role: role::STORYBOARD_VTT,
        path: vtt,
        media_type: WEBVTT,
    });
    files
}
