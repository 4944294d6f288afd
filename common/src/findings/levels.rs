//! How loud shots and tracks are beside each other, from their measured levels.

use serde_json::{Value, json};

use super::{Film, Placed, fixes, rules};
use crate::facts::AudioFacts;
use crate::facts::levels::LEVELS_PER_SECOND;
use crate::finding::{Finding, Fix, PatchOp};
use crate::loudness;
use crate::manifest::{ShotAudio, Track, TrackKind};
use crate::task::Duck;

/// Shorter parts have no loudness to compare, seconds.
const MIN_SECONDS: f64 = 0.8;
/// What a gain may be, dB.
const GAINS: std::ops::RangeInclusive<f64> = -60.0..=24.0;
/// Speech is made to stand this much further out than the limit asks, LU.
const CLEAR_LU: f64 = 3.0;
const MAX_DUCK_DB: f64 = 40.0;

pub(super) fn findings(film: &Film<'_>) -> Vec<Finding> {
    let mut found = steps(film);
    found.extend(missing(film));
    found.extend(
        film.manifest
            .tracks
            .iter()
            .enumerate()
            .filter_map(|(at, track)| buried(film, at, track)),
    );
    found
}

/// LUFS of the part of a shot's own sound that is heard, without its gain.
fn loudness_of(placed: &Placed<'_>) -> Option<f64> {
    let audio = placed.facts.filter(|_| placed.sounds())?.audio.as_ref()?;
    part_loudness(
        audio,
        placed.shot.trim.start - audio.start_offset_seconds,
        placed.seconds,
    )
}

fn part_loudness(audio: &AudioFacts, start_seconds: f64, seconds: f64) -> Option<f64> {
    if audio.levels.is_empty() || seconds < MIN_SECONDS {
        return None;
    }
    let first = (start_seconds.max(0.0) * LEVELS_PER_SECOND).floor() as usize;
    let count = (seconds * LEVELS_PER_SECOND).floor() as usize;
    let energies: Vec<f64> = audio.levels.energies().skip(first).take(count).collect();
    loudness::gated(&energies)
}

fn steps(film: &Film<'_>) -> Vec<Finding> {
    if film.manifest.loudness.even_shots {
        return Vec::new();
    }
    let pairs = film
        .neighbours()
        .filter(|(one, next)| one.shot.beat.is_some() && one.shot.beat == next.shot.beat);
    pairs
        .filter_map(|(one, next)| {
            let before = loudness_of(one)? + one.shot.audio.gain;
            let own = loudness_of(next)?;
            let after = own + next.shot.audio.gain;
            let step = after - before;
            (step.abs() > rules::LOUDNESS_STEP.limit()).then(|| {
                let message = format!(
                    "{:.0} LU {} than shot {}",
                    step.abs(),
                    if step > 0.0 { "louder" } else { "quieter" },
                    one.shot.id
                );
                let gain = ((next.shot.audio.gain - step) * 10.0).round() / 10.0;
                let audio = ShotAudio {
                    gain,
                    ..next.shot.audio
                };
                let own_gain = GAINS.contains(&gain).then(|| {
                    fixes::of_shot(
                        next,
                        format!("Bring the shot to the loudness of {}", one.shot.id),
                        &[("audio", json!(audio))],
                    )
                });
                next.here(Finding {
                    fixes: [even_all(film)].into_iter().chain(own_gain).collect(),
                    ..rules::LOUDNESS_STEP.measured(step, message)
                })
            })
        })
        .collect()
}

fn even_all(film: &Film<'_>) -> Fix {
    let mut loudness = json!(film.manifest.loudness);
    if let Value::Object(members) = &mut loudness {
        members.insert("even_shots".to_owned(), json!(true));
    }
    Fix {
        title: "Bring all shots to the same loudness".to_owned(),
        patch: vec![PatchOp::Add {
            path: "/loudness".to_owned(),
            value: loudness,
        }],
        advice: None,
    }
}

/// Shots without any sound, where the others have some and no track helps out.
fn missing(film: &Film<'_>) -> Vec<Finding> {
    let has_sound = |placed: &&Placed<'_>| {
        placed.sounds()
            && placed
                .facts
                .and_then(|f| f.audio.as_ref())
                .is_some_and(|a| a.integrated_lufs.is_some())
    };
    if !film.shots.iter().any(|placed| has_sound(&placed)) {
        return Vec::new();
    }
    film.shots
        .iter()
        .filter(|placed| placed.shows_clip() && !placed.shot.audio.mute && !has_sound(placed))
        .filter(|placed| !is_under(film, placed, |_| true))
        .map(|placed| {
            let speaks = !placed.shot.dialogue.is_empty();
            let rule = if speaks {
                rules::NO_SPEECH
            } else {
                rules::MISSING_SOUND
            };
            let message = if speaks {
                "the shot has dialogue, and nothing is heard in it"
            } else {
                "nothing is heard in the shot"
            };
            let by_hand = fixes::advice(
                "Lay a track under it",
                "Add an effects or narration track over this shot.",
            );
            placed.here(Finding {
                until_seconds: Some(placed.at + placed.seconds),
                fixes: vec![fixes::mute(placed), by_hand],
                ..rule.finding(message)
            })
        })
        .collect()
}

/// A track of a kind sounds during the shot.
fn is_under(film: &Film<'_>, placed: &Placed<'_>, kind: impl Fn(TrackKind) -> bool) -> bool {
    let (start, end) = (placed.at, placed.at + placed.seconds);
    film.manifest
        .tracks
        .iter()
        .filter(|track| kind(track.kind))
        .any(|track| track.start < end && track_end(film, track) > start)
}

/// When the track is over, seconds in the film.
fn track_end(film: &Film<'_>, track: &Track) -> f64 {
    let latest = track
        .end
        .unwrap_or(f64::INFINITY)
        .min(film.plan.duration_seconds);
    let length = film
        .facts
        .get(&track.source.clip)
        .and_then(|facts| facts.audio.as_ref())
        .map_or(f64::INFINITY, |audio| {
            track
                .trim
                .end
                .unwrap_or(audio.duration_seconds())
                .min(audio.duration_seconds())
                - track.trim.start
        });
    if track.repeat {
        latest
    } else {
        latest.min(track.start + length)
    }
}

/// Music that leaves speech less than the limit. Speech: the shots with dialogue, and narration.
fn buried(film: &Film<'_>, at: usize, track: &Track) -> Option<Finding> {
    if track.kind == TrackKind::Narration {
        return None;
    }
    let audio = film.facts.get(&track.source.clip)?.audio.as_ref()?;
    let music = audio.integrated_lufs? + track.gain - track.duck.map_or(0.0, |duck| duck.amount);
    let (from, to) = (track.start, track_end(film, track));
    let shots = film
        .shots
        .iter()
        .filter(|placed| !placed.shot.dialogue.is_empty())
        .filter(|placed| placed.at < to && placed.at + placed.seconds > from)
        .filter_map(|placed| Some((placed.at, loudness_of(placed)? + placed.shot.audio.gain)));
    let narration = film
        .manifest
        .tracks
        .iter()
        .filter(|other| other.kind == TrackKind::Narration)
        .filter(|other| other.start < to && track_end(film, other) > from)
        .filter_map(|other| {
            let heard = film
                .facts
                .get(&other.source.clip)?
                .audio
                .as_ref()?
                .integrated_lufs?;
            Some((other.start, heard + other.gain))
        });
    let (when, speech) = shots.chain(narration).min_by(|a, b| a.1.total_cmp(&b.1))?;
    let above = speech - music;
    (above < rules::BURIED.limit()).then(|| {
        let message = format!("speech is {above:.1} LU above track {}", track.id);
        let more = rules::BURIED.limit() + CLEAR_LU - above;
        Finding {
            clip: Some(track.source.clip),
            at_seconds: Some(when.max(from)),
            fixes: quieter(at, track, more),
            ..rules::BURIED.measured(above, message)
        }
    })
}

fn quieter(at: usize, track: &Track, more: f64) -> Vec<Fix> {
    let path = |member: &str| format!("/tracks/{at}/{member}");
    let guard = PatchOp::Test {
        path: path("id"),
        value: json!(track.id),
    };
    let known = track.duck.unwrap_or(Duck {
        amount: 0.0,
        ..Duck::default()
    });
    let amount = (known.amount + more).ceil();
    let duck = (amount <= MAX_DUCK_DB).then(|| Fix {
        title: format!(
            "Turn {} down by {amount} dB while somebody speaks",
            track.id
        ),
        patch: vec![
            guard.clone(),
            PatchOp::Add {
                path: path("duck"),
                value: json!(Duck { amount, ..known }),
            },
        ],
        advice: None,
    });
    let gain = (track.gain - more).floor();
    let lower = GAINS.contains(&gain).then(|| Fix {
        title: format!("Turn {} down to {gain} dB all the time", track.id),
        patch: vec![
            guard,
            PatchOp::Add {
                path: path("gain"),
                value: json!(gain),
            },
        ],
        advice: None,
    });
    duck.into_iter().chain(lower).collect()
}
