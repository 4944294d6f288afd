//! Proves that a finished film is what the ledger says, by reading it as a stranger would: every packet hashed and placed, the pictures at joins
//! or all pictures decoded and compared with their clips'. Knows the film, its specification and what it was made from, not how.

mod container;
mod examine;
mod listing;
mod noticed;
mod pictures;
mod sound;
mod verdict;

use std::path::Path;
use std::sync::Arc;

use botflix_common::failure::WhoCanFix;
use botflix_common::finding::Finding;
use botflix_common::task::{CheckSpec, FilmFacts, SoundFacts, Verify};

pub use self::examine::{Examined, examine};
use self::pictures::Decoded;
use self::verdict::Evidence;
use crate::film::Film;
use crate::look::{self, Looked, Pictures, Wanted};
use crate::{Call, Context, MediaError, Program};

/// A film that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub film: FilmFacts,
    pub findings: Vec<Finding>,
    /// Made of the pictures that were decoded anyway; in the scratch place of the task.
    pub pictures: Pictures,
}

/// What a film was assembled from, as those say who made it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ingredients<'a> {
    /// What `assemble` computed from the segments.
    pub picture_digest: &'a str,
    /// What `mix` measured in the encoded sound.
    pub sound: SoundFacts,
}

/// A film that is not as planned is an error with code `film_failed_check` that lists every point; what a viewer may merely notice is a finding.
pub async fn check(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
    from: Ingredients<'_>,
) -> Result<Checked, MediaError> {
    // The longest tells how far it is.
    let quiet = ctx.quiet();
    let opened = Film::open(&quiet, film).await?;
    let (listed, (decoded, looked), container, heard) = tokio::try_join!(
        listing::list(&quiet, spec, &opened),
        pictures(ctx, &quiet, spec, &opened),
        container::read(&quiet, film, Call::new(Program::Ffprobe).own_input(film)),
        sound::hear(&quiet, spec, &opened, from.sound),
    )?;
    let evidence = Evidence {
        spec,
        from,
        container: &container,
        listed: &listed,
        decoded: &decoded,
        heard: &heard,
    };
    let violations = evidence.violations();
    let failed = |code, message| MediaError::Permanent {
        code,
        message,
        who_can_fix: WhoCanFix::Platform,
        internal: None,
    };
    if !violations.is_empty() {
        let points = violations.join("; ");
        let message = format!("the film is not what was planned: {points}");
        return Err(failed("film_failed_check", message));
    }
    let pictures = looked.map(|looked| looked.pictures);
    let Some(pictures) = pictures.filter(|pictures| !pictures.posters.is_empty()) else {
        let message = "pictures of the film could not be made".to_owned();
        return Err(failed("posters_missing", message));
    };
    ctx.progress.report(1.0, None);
    Ok(Checked {
        film: evidence.facts(),
        findings: evidence.findings(),
        pictures,
    })
}

/// Decodes what is to be decoded, and looks at the pictures at joins and those that posters and storyboard are made of.
async fn pictures(
    ctx: &Context,
    quiet: &Context,
    spec: &CheckSpec,
    film: &Arc<Film>,
) -> Result<(Decoded, Option<Looked>), MediaError> {
    let mut wanted = Wanted {
        joins: spec.joins.iter().map(|join| join.first_frame).collect(),
        posters: spec.poster_frames.clone(),
        fps: spec.format.fps.fps(),
        total_seconds: spec.format.fps.seconds_at(spec.total_frames),
    };
    match spec.verify {
        Verify::Joins => {
            let looked = look::look(ctx, film, &wanted, &ctx.scratch).await?;
            let mut decoded = pictures::at_joins(spec, looked.as_ref());
            if decoded.errors > 0 {
                // Pictures inside of copies were decoded, too: damage that a clip brought along is told of the clip.
                decoded.errors = look::errors_at(quiet, film, wanted.joins).await?;
            }
            Ok((decoded, looked))
        }
        Verify::Full => {
            wanted.joins.clear();
            let looked = look::look(quiet, film, &wanted, &ctx.scratch).await?;
            let decoded = pictures::decode_all(ctx, spec, &film.path).await?;
            Ok((decoded, looked))
        }
    }
}
