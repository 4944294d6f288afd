//! What the mix will measure before it is levelled, from the facts of its clips: then one pass over the sound is enough.

use crate::facts::AudioFacts;
use crate::loudness::{self, Part};
use crate::task::{MixShot, MixSpec, Prediction};
use crate::units::SAMPLE_RATE_HZ;

use super::FactsByClip;

/// More channels are mixed down first, which changes their loudness.
const MAX_CHANNELS: u16 = 2;

/// `None` where sounds overlap, fade, are evened, or come from clips without measured levels: then the mix itself must be measured.
pub fn prediction(spec: &MixSpec, facts: &FactsByClip) -> Option<Prediction> {
    if !spec.tracks.is_empty() || spec.loudness.even_shots {
        return None;
    }
    let mut parts = Vec::with_capacity(spec.shots.len());
    let mut peak: Option<f64> = None;
    let mut at = 0;
    for shot in &spec.shots {
        let tiled = shot.first_sample == at && shot.fade_in.is_none() && shot.fade_out.is_none();
        if !tiled {
            return None;
        }
        at += shot.samples;
        let audio = match shot.clip {
            None => None,
            Some(clip) => Some(facts.get(&clip)?.audio.as_ref()?),
        };
        parts.push(part(shot, audio)?);
        let of_shot = audio.and_then(|audio| audio.true_peak_dbtp);
        peak = [peak, of_shot.map(|peak| peak + shot.gain_db)]
            .into_iter()
            .flatten()
            .reduce(f64::max);
    }
    Some(Prediction {
        integrated_lufs: loudness::integrated(parts),
        true_peak_dbtp: peak,
    })
}

fn part<'a>(shot: &MixShot, audio: Option<&'a AudioFacts>) -> Option<Part<'a>> {
    if audio.is_some_and(|audio| audio.levels.is_empty() || audio.channels > MAX_CHANNELS) {
        return None;
    }
    Some(Part {
        levels: audio.map(|audio| &audio.levels),
        start_seconds: shot.clip_start_seconds - shot.clip_sound_offset_seconds,
        seconds: shot.samples as f64 / f64::from(SAMPLE_RATE_HZ),
        gain_db: shot.gain_db,
    })
}
