//! The whole sound of a film: decoded, placed on one timeline in samples, levelled, encoded **once**, and measured as encoded. Joining the
//! clips' own AAC packets would add priming at every join.
//!
//! Memory does not grow with the film; scratch space does, by 1.5 MB per second for the mix and its levelled copy.

mod encode;
mod level;
mod limiter;
pub(crate) mod loudness;
mod pcm;
mod timeline;
mod true_peak;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::film::Loudness;
use botflix_common::hash::Sha;
use botflix_common::task::{MixSpec, SoundFacts};

use self::level::{Goal, Levelled, Leveller};
use self::loudness::Measured;
use crate::{Context, MediaError, Progress};

pub(crate) use self::encode::measure;

/// Encodings tried before the nearest is delivered.
const MAX_ENCODINGS: u32 = 4;

/// Loudness that the encoded file may miss the target by before it is made again, LU.
const TOLERANCE_LU: f64 = 0.3;

/// What the first encoding is kept under the limit, for what the encoder adds, dB.
const FIRST_MARGIN_DB: f64 = 0.4;

/// Added to the excess when the ceiling is lowered, dB.
const MORE_MARGIN_DB: f64 = 0.1;

/// Meters with other oversampling filters read up to this much higher, dB.
const METER_MARGIN_DB: f64 = 0.05;

/// Makes the film's sound at `out` (`.m4a`). A film that is silent throughout stays so. Where the target cannot be met under the peak limit,
/// the nearest is delivered; `check` says so in a finding.
pub async fn mix(
    ctx: &Context,
    spec: &MixSpec,
    clips: &HashMap<Sha, PathBuf>,
    out: &Path,
) -> Result<SoundFacts, MediaError> {
    let bed = ctx.scratch.join("mix-bed.f32");
    timeline::lay(&ctx.part(0.0, 0.5), spec, clips, &bed).await?;
    let studio = Studio {
        ctx,
        spec,
        bed: &bed,
        levelled: ctx.scratch.join("mix-levelled.f32"),
    };
    let best = studio.levelled().await?;
    tokio::fs::copy(&best.file, out)
        .await
        .map_err(MediaError::io("storing the sound"))?;
    ctx.progress.report(1.0, None);
    Ok(SoundFacts {
        integrated_lufs: best.measured.integrated,
        true_peak_dbtp: best.measured.true_peak,
        gain_db: best.gain_db,
        samples: spec.total_samples,
    })
}

/// The mix and the places it is worked on.
struct Studio<'a> {
    ctx: &'a Context,
    spec: &'a MixSpec,
    bed: &'a Path,
    levelled: PathBuf,
}

/// One encoding and what it measures.
struct Encoding {
    file: PathBuf,
    gain_db: f64,
    measured: Measured,
}

impl Encoding {
    /// Smaller is better: over the peak limit is worse than any distance from the target.
    fn fault(&self, wanted: Loudness) -> (f64, f64) {
        let excess = (self.measured.peak_or_silence() - wanted.true_peak).max(0.0);
        let distance = self
            .measured
            .integrated
            .map_or(f64::MAX, |i| (i - wanted.integrated).abs());
        (excess, distance)
    }
}

impl Studio<'_> {
    /// Encodes until peak and loudness hold in the encoded file.
    async fn levelled(&self) -> Result<Encoding, MediaError> {
        let wanted = self.spec.loudness;
        let mut goal = Goal {
            integrated: wanted.integrated,
            ceiling: wanted.true_peak - FIRST_MARGIN_DB,
        };
        let bed = self
            .blocking(0.5, 0.55, |leveller| leveller.measure())
            .await?;
        let mut gain_db = goal.gain_for(bed);
        let mut best: Option<Encoding> = None;
        for round in 0..MAX_ENCODINGS {
            let Levelled {
                gain_db: reached,
                integrated: before,
            } = self.reach(round, goal, bed, gain_db).await?;
            gain_db = reached;
            let encoding = self.encode(&self.levelled, round, gain_db).await?;
            let over = encoding.measured.peak_or_silence() + METER_MARGIN_DB - wanted.true_peak;
            let missing = encoding
                .measured
                .integrated
                .map_or(0.0, |i| wanted.integrated - i);
            tracing::debug!(round, gain_db, ?before, encoded = ?encoding.measured, "sound encoded");
            if best
                .as_ref()
                .is_none_or(|best| encoding.fault(wanted) < best.fault(wanted))
            {
                best = Some(encoding);
            }
            // What is missing before encoding is the limiter's doing: another round would not find it either.
            let unreachable = before.is_some_and(|i| (goal.integrated - i).abs() > TOLERANCE_LU);
            if over <= 0.0 && (missing.abs() <= TOLERANCE_LU || unreachable) {
                break;
            }
            goal.ceiling -= if over > 0.0 {
                over + MORE_MARGIN_DB
            } else {
                0.0
            };
            goal.integrated += if unreachable { 0.0 } else { missing };
        }
        best.ok_or(MediaError::Canceled)
    }

    async fn reach(
        &self,
        round: u32,
        goal: Goal,
        bed: Option<f64>,
        gain_db: f64,
    ) -> Result<Levelled, MediaError> {
        let (from, to) = slice(round);
        self.blocking(from, (from + to) / 2.0, move |leveller| {
            leveller.reach(goal, bed, gain_db)
        })
        .await
    }

    async fn encode(&self, pcm: &Path, round: u32, gain_db: f64) -> Result<Encoding, MediaError> {
        let (from, to) = slice(round);
        let file = self.ctx.scratch.join(format!("mix-sound-{round}.m4a"));
        let samples = self.spec.total_samples;
        let half = (from + to) / 2.0;
        encode::encode(
            &self.ctx.part(half, half + (to - half) / 2.0),
            pcm,
            samples,
            &file,
        )
        .await?;
        let (measured, decoded) =
            measure(&self.ctx.part(half + (to - half) / 2.0, to), &file, samples).await?;
        encode::expect_length(decoded, samples)?;
        Ok(Encoding {
            file,
            gain_db,
            measured,
        })
    }

    /// Signal processing belongs on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        from: f64,
        to: f64,
        work: impl FnOnce(&Leveller<'_>) -> Result<T, MediaError> + Send + 'static,
    ) -> Result<T, MediaError> {
        let (bed, out) = (self.bed.to_owned(), self.levelled.clone());
        let total_samples = self.spec.total_samples;
        let progress: Progress = self.ctx.progress.part(from, to);
        // Ends the thread's work when this future is dropped, too.
        let cancel = self.ctx.cancel.child_token();
        let _ends_with_this_future = cancel.clone().drop_guard();
        let done = tokio::task::spawn_blocking(move || {
            work(&Leveller {
                bed: &bed,
                out: &out,
                total_samples,
                cancel,
                progress,
            })
        })
        .await;
        done.map_err(|gone| MediaError::io("levelling the sound")(std::io::Error::other(gone)))?
    }
}

/// The part of the task that one round of levelling and encoding takes: half of what is left, so that more rounds still move forward.
fn slice(round: u32) -> (f64, f64) {
    let left = 0.45 * 0.5f64.powi(round as i32);
    (1.0 - left, 1.0 - left / 2.0)
}
