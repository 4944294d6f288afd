//! What is wrong with the edit: the same pictures twice, shots far off the pace, sudden steps inside of a beat.

use serde_json::json;

use super::{Film, Placed, fixes, rules};
use crate::facts::pictures::Tone;
use crate::facts::{PictureObservations, Span};
use crate::finding::{Finding, Fix, PatchOp};
use crate::manifest::{Source, TransitionWord};

/// Fewer shots have no pace.
const MIN_SHOTS_FOR_PACE: usize = 5;
/// Shorter shots are never too long, seconds.
const LONG_SECONDS: f64 = 10.0;
/// Two uses of one clip that share this much of the shorter one show the same.
const SHARED_PART: f64 = 0.5;
/// A picture with less than this between its darkest and brightest codes has no hash worth comparing.
const MIN_CONTRAST_CODES: f64 = 40.0;
/// Means of clips that are the same differ by less, codes.
const SAME_TONE_CODES: f64 = 6.0;
/// A step of colour counts as much as one of luma this many times as large.
const CHROMA_WEIGHT: f64 = 3.0;
/// Long enough to hide a step.
const DISSOLVE_SECONDS: f64 = 0.4;

pub(super) fn findings(film: &Film<'_>) -> Vec<Finding> {
    let mut found = twice(film);
    found.extend(pace(film));
    found.extend(film.neighbours().filter_map(|(one, next)| step(one, next)));
    found
}

fn twice(film: &Film<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, later) in film
        .shots
        .iter()
        .enumerate()
        .filter(|(_, placed)| placed.shows_clip())
    {
        let earlier = film
            .shots
            .iter()
            .take(at)
            .filter(|placed| placed.shows_clip());
        let Some((first, bits)) = earlier
            .filter_map(|first| Some((first, alike(first, later)?)))
            .next()
        else {
            continue;
        };
        let message = format!("shows the same pictures as shot {}", first.shot.id);
        let removal = removal(film, later);
        let again = fixes::regenerate("another angle on the scene");
        found.push(later.here(Finding {
            until_seconds: Some(later.at + later.seconds),
            fixes: removal.into_iter().chain([again]).collect(),
            ..rules::TWICE.measured(bits, message)
        }));
    }
    found
}

/// How many bits the pictures of two shots differ by, if they are the same.
fn alike(one: &Placed<'_>, other: &Placed<'_>) -> Option<f64> {
    let span = |placed: &Placed<'_>| {
        let (start_seconds, end_seconds) = placed.used();
        Span {
            start_seconds,
            end_seconds,
        }
    };
    if let (Source::Clip(a), Source::Clip(b)) = (one.shot.source, other.shot.source)
        && a == b
    {
        let shared = span(one).overlap(&span(other));
        let shorter = one.seconds.min(other.seconds);
        return (shared >= SHARED_PART * shorter).then_some(0.0);
    }
    let (one, other) = (observed(one)?, observed(other)?);
    let contrast = |seen: &PictureObservations| seen.luma_high - seen.luma_low;
    let tones = tone_distance(&one.first, &other.first).max(tone_distance(&one.last, &other.last));
    if contrast(one).min(contrast(other)) < MIN_CONTRAST_CODES
        || tones > SAME_TONE_CODES
        || one.hashes.len() < 3
        || other.hashes.len() < 3
    {
        return None;
    }
    let bits = one
        .hashes
        .iter()
        .zip(&other.hashes)
        .map(|(a, b)| f64::from(a.distance(b)))
        .fold(0.0, f64::max);
    (bits <= rules::TWICE.limit()).then_some(bits)
}

fn observed<'a>(placed: &Placed<'a>) -> Option<&'a PictureObservations> {
    placed.facts?.video.as_ref()?.observed.as_deref()
}

fn removal(film: &Film<'_>, placed: &Placed<'_>) -> Option<Fix> {
    let id = &placed.shot.id;
    let is_titled = film
        .manifest
        .titles
        .iter()
        .any(|title| title.shot.as_ref() == Some(id));
    let next_overlaps = film
        .shots
        .get(placed.index + 1)
        .is_some_and(|next| next.shot.transition.kind != TransitionWord::Cut);
    (!is_titled && !next_overlaps && placed.shot.dialogue.is_empty()).then(|| {
        let path = format!("/shots/{}", placed.index);
        let guard = PatchOp::Test {
            path: format!("{path}/id"),
            value: json!(id),
        };
        Fix {
            title: format!("Take shot {id} out"),
            patch: vec![guard, PatchOp::Remove { path }],
            advice: None,
        }
    })
}

fn pace(film: &Film<'_>) -> Vec<Finding> {
    let mut lengths: Vec<f64> = film.shots.iter().map(|placed| placed.seconds).collect();
    lengths.sort_by(f64::total_cmp);
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or(0.0);
    let has_pace = lengths.len() >= MIN_SHOTS_FOR_PACE && median > 0.0;
    film.shots
        .iter()
        .filter_map(|placed| {
            if placed.seconds < rules::TOO_SHORT.limit() {
                let message = format!("the shot lasts {:.2} s", placed.seconds);
                return Some(placed.here(Finding {
                    fixes: longer(placed).into_iter().collect(),
                    ..rules::TOO_SHORT.measured(placed.seconds, message)
                }));
            }
            let times = placed.seconds / median.max(f64::MIN_POSITIVE);
            let is_long = has_pace && times > rules::PACE.limit() && placed.seconds > LONG_SECONDS;
            is_long.then(|| {
                let message = format!(
                    "the shot lasts {:.1} s, the others {median:.1} s",
                    placed.seconds
                );
                let (from, _) = placed.used();
                let wanted = LONG_SECONDS.max(median * (rules::PACE.limit() - 1.0)) - 0.1;
                let edit = fixes::trim(
                    placed,
                    from,
                    from + wanted,
                    "nearer to the pace of the film",
                );
                placed.here(Finding {
                    until_seconds: Some(placed.at + placed.seconds),
                    fixes: edit.into_iter().collect(),
                    ..rules::PACE.measured(times, message)
                })
            })
        })
        .collect()
}

/// A still or a colour can last; a clip may have more to show.
fn longer(placed: &Placed<'_>) -> Option<Fix> {
    let wanted = rules::TOO_SHORT.limit() * 2.0;
    if placed.shows_clip() {
        let there = placed.facts?.video.as_ref()?.duration_seconds - placed.shot.trim.start;
        if there < wanted {
            return None;
        }
    }
    let title = format!("Show it for {wanted} s");
    Some(if placed.shot.duration.is_some() {
        fixes::of_shot(placed, title, &[("duration", json!(wanted))])
    } else {
        let start = placed.shot.trim.start;
        fixes::of_shot(
            placed,
            title,
            &[("trim", json!({ "start": start, "end": start + wanted }))],
        )
    })
}

fn step(one: &Placed<'_>, next: &Placed<'_>) -> Option<Finding> {
    let same_beat = one.shot.beat.is_some() && one.shot.beat == next.shot.beat;
    if !same_beat || next.shot.transition.kind != TransitionWord::Cut {
        return None;
    }
    let (before, after) = (tone_at_end(one)?, tone_at_start(next)?);
    let step = tone_distance(&before, &after);
    (step > rules::STEP.limit()).then(|| {
        let message = format!(
            "exposure or colour jumps by {step:.0} codes from shot {}",
            one.shot.id
        );
        let room = one.seconds.min(next.seconds) >= 4.0 * DISSOLVE_SECONDS;
        let edit = room.then(|| {
            let transition = json!({ "kind": "dissolve", "duration": DISSOLVE_SECONDS });
            fixes::of_shot(
                next,
                format!("Dissolve over {DISSOLVE_SECONDS} s"),
                &[("transition", transition)],
            )
        });
        let hint = if before.luma > after.luma {
            "bright"
        } else {
            "dim"
        };
        let again = fixes::regenerate(&format!("the same {hint} light as in the shot before"));
        next.here(Finding {
            fixes: edit.into_iter().chain([again]).collect(),
            ..rules::STEP.measured(step, message)
        })
    })
}

/// Known where the shot ends where its clip does, give or take the second that was measured.
fn tone_at_end(placed: &Placed<'_>) -> Option<Tone> {
    let (_, to) = placed.used();
    let video = placed.facts?.video.as_ref()?;
    let seen = observed(placed)?;
    (placed.shows_clip() && to >= video.duration_seconds - 1.0).then_some(seen.last)
}

fn tone_at_start(placed: &Placed<'_>) -> Option<Tone> {
    let seen = observed(placed)?;
    (placed.shows_clip() && placed.shot.trim.start <= 1.0).then_some(seen.first)
}

fn tone_distance(one: &Tone, other: &Tone) -> f64 {
    let chroma = (one.blue - other.blue).hypot(one.red - other.red);
    (one.luma - other.luma).abs().max(chroma * CHROMA_WEIGHT)
}
