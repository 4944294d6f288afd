//! Proves that a finished film is what the ledger says, by reading it as a stranger would: every packet hashed and placed, key pictures or all
//! pictures decoded, all sound decoded and measured. Knows the film and its specification, not how it was made.

mod container;
mod examine;
mod pictures;
mod verdict;

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use botflix_common::finding::Finding;
use botflix_common::task::{CheckSpec, FilmFacts, Verify};

pub use self::examine::{Examined, examine};
use self::verdict::Evidence;
use crate::mix::loudness::Measured;
use crate::{Call, Context, MediaError, Program, Progress, mix};

/// A film that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub film: FilmFacts,
    pub findings: Vec<Finding>,
}

/// `picture_digest` is what `assemble` computed from the segments, `gain_db` what the mix was raised by. A film that is not as planned is an error
/// with code `film_failed_check` that lists every point; what a viewer may merely notice is a finding.
pub async fn check(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
    picture_digest: &str,
    gain_db: f64,
) -> Result<Checked, MediaError> {
    let (quiet, first, rest) = (quiet(ctx), ctx.part(0.0, 0.3), ctx.part(0.3, 1.0));
    let (container, listed) = tokio::try_join!(
        container::read(&quiet, film, Call::new(Program::Ffprobe).own_input(film)),
        pictures::list(&first, spec, film),
    )?;
    // The longer of the two tells how far it is.
    let (for_pictures, for_sound) = match spec.verify {
        Verify::Full => (&rest, &quiet),
        Verify::Joins => (&quiet, &rest),
    };
    let (decoded, sound) = tokio::try_join!(
        pictures::decode(for_pictures, spec, film),
        measure(for_sound, spec, film, container.sound().is_some()),
    )?;
    let (sound, decoded_samples) = sound;
    let evidence = Evidence {
        spec,
        picture_digest,
        gain_db,
        container: &container,
        listed: &listed,
        decoded: &decoded,
        sound,
        decoded_samples,
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

/// `None`: there is no sound track.
async fn measure(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
    has_sound: bool,
) -> Result<(Option<Measured>, u64), MediaError> {
    if !has_sound {
        return Ok((None, 0));
    }
    let (measured, decoded) = mix::measure(ctx, film, spec.total_samples).await?;
    Ok((Some(measured), decoded))
}

/// For a step beside another that reports: progress only grows.
fn quiet(ctx: &Context) -> Context {
    Context {
        progress: Progress::none(),
        ..ctx.clone()
    }
}
