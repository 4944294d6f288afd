//! Ways out: patches of the manifest for one shot, guarded by its id so that they never hit another.

use serde_json::{Value, json};

use super::Placed;
use crate::finding::{Fix, PatchOp};
use crate::manifest::ShotAudio;

/// What is left of a shot after a cut must be worth showing.
const LEAST_SECONDS: f64 = 0.5;

pub(super) fn advice(title: &str, text: impl Into<String>) -> Fix {
    Fix {
        title: title.to_owned(),
        advice: Some(text.into()),
        ..Fix::default()
    }
}

/// Generate the clip again; `hint` completes its prompt.
pub(super) fn regenerate(hint: &str) -> Fix {
    advice(
        "Generate the clip again",
        format!("Add to the prompt: \"{hint}\"."),
    )
}

/// Sets members of one shot. A member that is absent is added, one that is there is replaced.
pub(super) fn of_shot(placed: &Placed<'_>, title: String, members: &[(&str, Value)]) -> Fix {
    let at = placed.index;
    let guard = PatchOp::Test {
        path: format!("/shots/{at}/id"),
        value: json!(placed.shot.id),
    };
    let sets = members.iter().map(|(name, value)| PatchOp::Add {
        path: format!("/shots/{at}/{name}"),
        value: value.clone(),
    });
    Fix {
        title,
        patch: std::iter::once(guard).chain(sets).collect(),
        advice: None,
    }
}

/// Shows only `start..end` of the clip (seconds of the clip), where enough is left for all that happens in the shot.
pub(super) fn trim(placed: &Placed<'_>, start: f64, end: f64, why: &str) -> Option<Fix> {
    let shot = placed.shot;
    let (from, to) = placed.used();
    let (start, end) = (thousandth_up(start.max(from)), thousandth_down(end.min(to)));
    let moved = start - from;
    let left = end - start;
    // Lines count from the shot's start: they would move with it.
    let speaks = !shot.dialogue.is_empty();
    let last_line = shot
        .dialogue
        .iter()
        .map(|line| line.start)
        .fold(0.0, f64::max);
    let needed = LEAST_SECONDS
        .max(4.0 * shot.transition.duration + shot.audio.fade_in + shot.audio.fade_out);
    if left < needed || (speaks && (moved > 0.0 || last_line >= left)) {
        return None;
    }
    let title = format!("Show only {start:.2} to {end:.2} s of the clip, {why}");
    Some(if shot.duration.is_some() {
        let members = [
            ("trim", json!({ "start": start })),
            ("duration", json!(thousandth_down(left))),
        ];
        of_shot(placed, title, &members)
    } else {
        of_shot(
            placed,
            title,
            &[("trim", json!({ "start": start, "end": end }))],
        )
    })
}

/// Cuts a span of the clip off, at the side where more is left.
pub(super) fn cut_off(placed: &Placed<'_>, start: f64, end: f64, why: &str) -> Option<Fix> {
    let (from, to) = placed.used();
    if start - from >= to - end {
        trim(placed, from, start, why)
    } else {
        trim(placed, end, to, why)
    }
}

pub(super) fn mute(placed: &Placed<'_>) -> Fix {
    let audio = ShotAudio {
        mute: true,
        ..placed.shot.audio
    };
    of_shot(
        placed,
        "Mute the shot".to_owned(),
        &[("audio", json!(audio))],
    )
}

fn thousandth_down(seconds: f64) -> f64 {
    (seconds * 1000.0).floor() / 1000.0
}

fn thousandth_up(seconds: f64) -> f64 {
    (seconds * 1000.0).ceil() / 1000.0
}
