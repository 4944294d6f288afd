//! What is wrong with the sound of a clip, whatever it is used for.

use super::rules;
use crate::facts::{AudioFacts, ClipFacts, SoundObservations};
use crate::finding::Finding;

/// A side quieter than this is judged by nothing else, dBFS.
const HEARD_DBFS: f64 = -50.0;
/// A hum must stand out by this much, dB.
const HUM_ABOVE_DB: f64 = 15.0;

pub(super) fn findings(facts: &ClipFacts) -> Vec<Finding> {
    let Some(audio) = &facts.audio else {
        return Vec::new();
    };
    let mut found = Vec::new();
    if let Some(heard) = &audio.observed {
        found.extend(channels(heard));
        found.extend(flaws(heard));
        found.extend(silence(heard, audio));
    }
    if let Some(video) = &facts.video {
        found.extend(placed(audio, video.duration_seconds));
    }
    found
}

fn channels(heard: &SoundObservations) -> Vec<Finding> {
    let mut found = Vec::new();
    if let [left, right] = heard.channel_rms_dbfs.as_slice() {
        let apart = (left - right).abs();
        if apart > rules::ONE_SIDE.limit() && left.max(*right) > HEARD_DBFS {
            let side = if left > right { "left" } else { "right" };
            let message = format!("only the {side} side is heard");
            found.push(rules::ONE_SIDE.measured(apart, message));
        }
    }
    if let Some(correlation) = heard.correlation.filter(|c| *c < rules::INVERTED.limit()) {
        let message = "left and right cancel each other out";
        found.push(rules::INVERTED.measured(correlation, message));
    }
    found
}

fn flaws(heard: &SoundObservations) -> Vec<Finding> {
    let mut found = Vec::new();
    let clipping = &heard.clipping;
    if clipping.runs_per_second > rules::CLIPPING.limit() {
        found.push(Finding {
            at_seconds: clipping.first_seconds,
            ..rules::CLIPPING.measured(
                clipping.runs_per_second,
                format!("the sound is cut off at full scale {} times", clipping.runs),
            )
        });
    }
    if heard.dc_offset > rules::DC.limit() {
        let message = format!("the sound is offset by {:.1} %", heard.dc_offset * 100.0);
        found.push(rules::DC.measured(heard.dc_offset, message));
    }
    if let Some(hum) = heard
        .hum
        .filter(|hum| hum.dbfs > rules::HUM.limit() && hum.above_neighbours_db > HUM_ABOVE_DB)
    {
        let message = format!("a hum of {} Hz at {:.0} dBFS", hum.hz, hum.dbfs);
        found.push(rules::HUM.measured(hum.dbfs, message));
    }
    found
}

/// All of it silent is told as such by the film; here it is silence between sounds.
fn silence(heard: &SoundObservations, audio: &AudioFacts) -> Vec<Finding> {
    if audio.integrated_lufs.is_none() {
        return Vec::new();
    }
    heard
        .silent
        .iter()
        .filter(|span| span.seconds() >= rules::SILENCE.limit())
        .map(|span| Finding {
            at_seconds: Some(span.start_seconds),
            until_seconds: Some(span.end_seconds),
            ..rules::SILENCE.measured(
                span.seconds(),
                format!("nothing is heard for {:.1} s", span.seconds()),
            )
        })
        .collect()
}

fn placed(audio: &AudioFacts, picture_seconds: f64) -> Vec<Finding> {
    let mut found = Vec::new();
    let start = audio.start_offset_seconds;
    let end = start + audio.duration_seconds();
    if start > rules::SOUND_LATE.limit() {
        found.push(Finding {
            at_seconds: Some(0.0),
            until_seconds: Some(start),
            ..rules::SOUND_LATE.measured(
                start,
                format!("the sound starts {start:.2} s after the picture"),
            )
        });
    }
    let missing = picture_seconds - end;
    if missing > rules::SOUND_SHORT.limit() {
        found.push(Finding {
            at_seconds: Some(end),
            until_seconds: Some(picture_seconds),
            ..rules::SOUND_SHORT.measured(
                missing,
                format!("the sound ends {missing:.2} s before the picture"),
            )
        });
    }
    found
}
