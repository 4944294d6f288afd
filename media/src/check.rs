//! Proves that a finished film is what the ledger says, by reading it as a stranger would: every packet hashed and placed, the pictures at joins
//! or all pictures decoded and compared with their clips'. Knows the film, its specification and what it was made from, not how.

mod container;
mod examine;
mod film;
mod listing;
mod noticed;
mod pictures;
mod sound;
mod verdict;

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use botflix_common::finding::Finding;
use botflix_common::task::{CheckSpec, FilmFacts, SoundFacts, Verify};

pub use self::examine::{Examined, examine};
use self::film::Film;
use self::verdict::Evidence;
use crate::{Call, Context, MediaError, Program, Progress};

/// A film that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub film: FilmFacts,
    pub findings: Vec<Finding>,
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
    let quiet = quiet(ctx);
    let opened = Film::open(&quiet, film).await?;
    let decode = async {
        match spec.verify {
            Verify::Full => pictures::decode_all(ctx, spec, film).await,
            Verify::Joins => pictures::decode_joins(ctx, spec, &opened).await,
        }
    };
    let (listed, decoded, container, heard) = tokio::try_join!(
        listing::list(&quiet, spec, &opened),
        decode,
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
    if !violations.is_empty() {
        return Err(MediaError::Permanent {
            code: "film_failed_check",
            message: format!(
                "the film is not what was planned: {}",
                violations.join("; ")
            ),
            who_can_fix: WhoCanFix::Platform,
            internal: None,
        });
    }
    ctx.progress.report(1.0, None);
    Ok(Checked {
        film: evidence.facts(),
        findings: evidence.findings(),
    })
}

/// For a step beside another that reports: progress only grows.
fn quiet(ctx: &Context) -> Context {
    Context {
        progress: Progress::none(),
        ..ctx.clone()
    }
}
