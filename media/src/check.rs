//! Proves that a finished film is what the ledger says, by reading it as a stranger would: every packet listed, every picture decoded, all sound
//! decoded and measured. Knows the film and its specification, not how it was made.

mod container;
mod pictures;
mod verdict;

use std::path::Path;

use botflix_common::failure::WhoCanFix;
use botflix_common::finding::Finding;
use botflix_common::task::{CheckSpec, FilmFacts};

use self::verdict::Evidence;
use crate::{Context, MediaError, mix};

/// A film that passed.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    pub film: FilmFacts,
    pub findings: Vec<Finding>,
}

/// `picture_digest` is what `assemble` computed from the segments. A film that is not as planned is an error with code `film_failed_check` that
/// lists every point; what a viewer may merely notice is a finding.
pub async fn check(
    ctx: &Context,
    spec: &CheckSpec,
    film: &Path,
    picture_digest: &str,
) -> Result<Checked, MediaError> {
    let container = container::read(ctx, film).await?;
    let pictures = pictures::read(&ctx.part(0.05, 0.75), spec, film).await?;
    let (sound, decoded_samples) = if container.sound().is_some() {
        let (measured, decoded) =
            mix::measure(&ctx.part(0.75, 1.0), film, spec.total_samples).await?;
        (Some(measured), decoded)
    } else {
        (None, 0)
    };
    let evidence = Evidence {
        spec,
        picture_digest,
        container: &container,
        pictures: &pictures,
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
