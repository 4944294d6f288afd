//! Brings the mix to its loudness under its peak, and proves both on the encoded file: gain, limiter, encoder, meter, again where it must be.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use botflix_common::failure::WhoCanFix;
use botflix_common::film::Loudness;
use botflix_common::hash::Sha;
use botflix_common::task::{MixSpec, SoundFacts};

use super::level::{Goal, MAX_PASSES, Search, TOLERANCE_LU as NEAR_LU, Unlevelled};
use super::loudness::{Measured, Stretch};
use super::stage::{Level, Stage};
use super::trouble::Trouble;
use super::{encode, measure};
use crate::aac::PACKET_FRAMES;
use crate::assemble::digest;
use crate::mp4::{self, TrackKind};
use crate::{Context, MediaError};

/// Encodings tried before the nearest is delivered.
const MAX_ENCODINGS: u32 = 4;

/// Loudness that the encoded file may miss the target by before it is made again, LU. Less than the 0.3 from which `check` has a finding, for
/// other meters read up to 0.1 otherwise (EBU Tech 3341).
const TOLERANCE_LU: f64 = 0.2;

/// What the first encoding is kept under the limit, for what the encoder adds, dB.
const FIRST_MARGIN_DB: f64 = 0.4;

/// Added to the excess when the ceiling is lowered, dB.
const MORE_MARGIN_DB: f64 = 0.1;

/// Meters with other oversampling filters read up to this much higher, dB.
const METER_MARGIN_DB: f64 = 0.05;

/// Peaks turned down by no more than this hardly change the loudness: the sound is then encoded at once and only measured as encoded, dB.
const DIRECT_LIMITING_DB: f64 = 3.0;

/// The mix and what it is to become.
struct Master<'a> {
    ctx: &'a Context,
    spec: &'a MixSpec,
    stage: &'a Arc<Stage>,
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

/// A level, and what the mix measures at it before it is encoded, LUFS; `None`: not known, or no loudness.
struct Reached {
    level: Level,
    integrated: Option<f64>,
}

/// Writes the mix, levelled and encoded, to `out`.
pub(super) async fn master(
    ctx: &Context,
    spec: &MixSpec,
    stage: &Arc<Stage>,
    out: &Path,
) -> Result<SoundFacts, Trouble> {
    let best = Master { ctx, spec, stage }.levelled().await?;
    let packets = packets(ctx, &best.file).await?;
    tokio::fs::rename(&best.file, out)
        .await
        .map_err(MediaError::io("storing the sound"))?;
    ctx.progress.report(1.0, None);
    Ok(SoundFacts {
        integrated_lufs: best.measured.integrated,
        true_peak_dbtp: best.measured.true_peak,
        gain_db: best.gain_db,
        samples: spec.total_samples,
        packets,
    })
}

/// What later proves that this is the sound which was measured.
async fn packets(ctx: &Context, file: &Path) -> Result<Sha, MediaError> {
    let (path, progress) = (file.to_owned(), ctx.progress.clone());
    let hashed = tokio::task::spawn_blocking(move || {
        let movie = mp4::read(&path)?;
        let track = movie
            .as_ref()
            .and_then(|movie| movie.track(TrackKind::Sound));
        track
            .map(|track| digest::of_sound(&path, track, &progress))
            .transpose()
    })
    .await;
    let lost = |source| MediaError::io("hashing the sound")(source);
    hashed
        .map_err(|gone| lost(std::io::Error::other(gone)))??
        .ok_or_else(|| lost(std::io::ErrorKind::NotFound.into()))
}

impl Master<'_> {
    /// Encodes until peak and loudness hold in the encoded file.
    async fn levelled(&self) -> Result<Encoding, Trouble> {
        let wanted = self.spec.loudness;
        let mut goal = Goal {
            integrated: wanted.integrated,
            ceiling: wanted.true_peak - FIRST_MARGIN_DB,
        };
        let mut mix = self.known().await?;
        let mut best: Option<Encoding> = None;
        for round in 0..MAX_ENCODINGS {
            let reached = self.reach(goal, &mut mix).await?;
            let encoding = self.encode(round, reached.level).await?;
            let over = encoding.measured.peak_or_silence() + METER_MARGIN_DB - wanted.true_peak;
            let missing = encoding
                .measured
                .integrated
                .map_or(0.0, |i| wanted.integrated - i);
            tracing::debug!(round, level = ?reached.level, before = ?reached.integrated, encoded = ?encoding.measured, "sound encoded");
            if best
                .as_ref()
                .is_none_or(|best| encoding.fault(wanted) < best.fault(wanted))
            {
                best = Some(encoding);
            }
            // What is missing before encoding is the limiter's doing: another round would not find it either.
            let unreachable = reached
                .integrated
                .is_some_and(|i| (goal.integrated - i).abs() > TOLERANCE_LU);
            let off = missing.abs() > TOLERANCE_LU && !unreachable;
            if over <= 0.0 && !off {
                break;
            }
            if over > 0.0 {
                goal.ceiling -= over + MORE_MARGIN_DB;
            }
            if off && mix.is_predicted() {
                mix = self.record().await?;
            } else if off {
                goal.integrated += missing;
            }
        }
        Ok(best.ok_or(MediaError::Canceled)?)
    }

    /// What the facts predict; evened shots are not what was predicted.
    async fn known(&self) -> Result<Unlevelled, Trouble> {
        match self.spec.predicted {
            Some(predicted) if !self.spec.loudness.even_shots => {
                Ok(Unlevelled::Predicted(predicted))
            }
            _ => self.record().await,
        }
    }

    async fn record(&self) -> Result<Unlevelled, Trouble> {
        let path = self.ctx.scratch.join("mix-bed.f32");
        let recorded = self.blocking(move |stage| stage.record(path)).await?;
        self.ctx.progress.report(0.3, None);
        Ok(Unlevelled::Recorded(Arc::new(recorded)))
    }

    /// The level that meets `goal`, or comes as near as limiting allows. A gain that is to be searched for under the limiter needs a recording.
    async fn reach(&self, goal: Goal, mix: &mut Unlevelled) -> Result<Reached, Trouble> {
        if mix.is_predicted() && limiting(goal, mix) > DIRECT_LIMITING_DB {
            *mix = self.record().await?;
        }
        let limiting = limiting(goal, mix);
        let level = |gain_db| Level {
            gain_db,
            ceiling: (limiting > 0.0).then_some(goal.ceiling),
        };
        match mix {
            Unlevelled::Recorded(recorded) if limiting > 0.0 => {
                self.search(goal, &Arc::clone(recorded), mix, level).await
            }
            _ => {
                let gain_db = goal.gain_for(mix);
                Ok(Reached {
                    level: level(gain_db),
                    integrated: mix.integrated_at(gain_db).filter(|_| limiting <= 0.0),
                })
            }
        }
    }

    /// The gain at which the limited sound is as loud as wanted.
    async fn search(
        &self,
        goal: Goal,
        recorded: &Arc<Stretch>,
        mix: &Unlevelled,
        level: impl Fn(f64) -> Level,
    ) -> Result<Reached, Trouble> {
        let most = goal.most_gain_for(mix);
        let mut gain_db = goal.gain_for(mix).min(most);
        let mut search = Search::new(goal.integrated, most);
        for _ in 0..MAX_PASSES {
            let (now, before) = (level(gain_db), Arc::clone(recorded));
            let played = self.blocking(move |stage| stage.integrated(now, &before));
            let integrated = played.await?;
            match integrated.and_then(|integrated| search.next(gain_db, integrated)) {
                Some(next) => gain_db = next,
                None => {
                    return Ok(Reached {
                        level: now,
                        integrated,
                    });
                }
            }
        }
        let (gain_db, integrated) = search.nearest().unwrap_or((gain_db, goal.integrated));
        tracing::debug!(
            gain_db,
            integrated,
            within = NEAR_LU,
            "the limiter is in the way"
        );
        Ok(Reached {
            level: level(gain_db),
            integrated: Some(integrated),
        })
    }

    async fn encode(&self, round: u32, level: Level) -> Result<Encoding, Trouble> {
        let (from, to) = slice(round);
        let most = from + 0.8 * (to - from);
        let file = self.ctx.scratch.join(format!("mix-sound-{round}.m4a"));
        let samples = self.spec.total_samples;
        let quality = self.spec.quality;
        encode::encode(
            &self.ctx.part(from, most),
            self.stage,
            level,
            quality,
            &file,
        )
        .await?;
        let (measured, decoded) =
            measure::measure(&self.ctx.part(most, to), &file, samples).await?;
        expect_length(decoded, samples)?;
        Ok(Encoding {
            file,
            gain_db: level.gain_db,
            measured,
        })
    }

    /// Signal processing belongs on a thread that may block.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Stage) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Trouble> {
        let stage = Arc::clone(self.stage);
        let done = tokio::task::spawn_blocking(move || work(&stage)).await;
        done.map_err(|gone| MediaError::io("levelling the sound")(std::io::Error::other(gone)))?
    }
}

/// By how much the highest peak must be turned down when the mix is as loud as wanted, dB; 0 or less: not at all.
fn limiting(goal: Goal, mix: &Unlevelled) -> f64 {
    mix.peak_at(goal.gain_for(mix)) - goal.ceiling
}

/// The part of the task that one round of levelling and encoding takes: half of what is left, so that more rounds still move forward.
fn slice(round: u32) -> (f64, f64) {
    let left = 0.7 * 0.5f64.powi(round as i32);
    (1.0 - left, 1.0 - left / 2.0)
}

/// The whole film and no more than the padding of one packet came back.
fn expect_length(decoded: u64, samples: u64) -> Result<(), MediaError> {
    if (samples..samples + PACKET_FRAMES).contains(&decoded) {
        return Ok(());
    }
    Err(MediaError::Permanent {
        code: "sound_length_wrong",
        message: "the encoded sound is not as long as the film".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(format!("{decoded} samples decoded, {samples} encoded")),
    })
}
