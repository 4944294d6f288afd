//! What the facts of the clips say against the manifest: clips that nobody has sent or that are not usable, trims that they cannot fill.

use crate::facts::{AudioFacts, VideoFacts};
use crate::manifest::{Shot, ShotManifest, Track};
use crate::problem::FieldProblem;
use crate::verdict::{self, Role, Verdict};

use super::{FactsByClip, unknown_clip};

/// A trim may end this much past the last picture, in frames of the clip: decimals of a container's duration are rounded.
const TRIM_TOLERANCE_FRAMES: f64 = 0.5;

/// The same for sound, which has no frames.
const SOUND_TOLERANCE_SECONDS: f64 = 0.02;

/// A loop of less would be a tone.
const LEAST_LOOP_SECONDS: f64 = 0.1;

pub fn problems(manifest: &ShotManifest, facts: &FactsByClip) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for clip_use in manifest.clips() {
        let Some(known) = facts.get(&clip_use.clip) else {
            problems.push(unknown_clip(&clip_use.pointer, &clip_use.clip));
            continue;
        };
        let judgement = verdict::judge(known, clip_use.role);
        if judgement.verdict == Verdict::Refuse {
            let needed = match clip_use.role {
                Role::Shot => "as the clip of a shot",
                Role::Still => "as a still",
                Role::Track => "in a track",
            };
            problems.extend(judgement.reasons.into_iter().map(|reason| {
                FieldProblem::new(
                    &clip_use.pointer,
                    &reason.code,
                    format!("It cannot be used {needed}: {}", reason.message),
                )
            }));
        }
    }
    for (at, shot) in manifest.shots.iter().enumerate() {
        let clip = match shot.source {
            crate::manifest::Source::Clip(clip) => facts.get(&clip),
            _ => None,
        };
        if let Some(video) = clip.and_then(|facts| facts.video.as_ref()) {
            problems.extend(shot_trim(at, shot, video));
        }
    }
    for (at, track) in manifest.tracks.iter().enumerate() {
        let clip = facts.get(&track.source.clip);
        if let Some(audio) = clip.and_then(|facts| facts.audio.as_ref()) {
            problems.extend(track_trim(at, track, audio));
        }
    }
    problems
}

fn past_end(pointer: String, value: f64, length: f64, what: &str) -> FieldProblem {
    FieldProblem::new(
        pointer,
        "trim_past_end",
        format!("{value} s is past the end: the clip's {what} {length:.3} s."),
    )
    .fix(format!("Use a value up to {length:.3}, or a longer clip."))
}

fn shot_trim(at: usize, shot: &Shot, video: &VideoFacts) -> Vec<FieldProblem> {
    let length = video.duration_seconds;
    let limit = length + TRIM_TOLERANCE_FRAMES / video.frame_rate.fps();
    let mut problems = Vec::new();
    let what = "pictures last";
    if shot.trim.start >= length {
        let pointer = format!("/shots/{at}/trim/start");
        problems.push(past_end(pointer, shot.trim.start, length, what));
    }
    if let Some(end) = shot.trim.end.filter(|end| *end > limit) {
        let pointer = format!("/shots/{at}/trim/end");
        problems.push(past_end(pointer, end, length, what));
    }
    if let Some(duration) = shot.duration
        && shot.trim.start + duration > limit
    {
        let left = (length - shot.trim.start).max(0.0);
        problems.push(past_end(
            format!("/shots/{at}/duration"),
            duration,
            left,
            "pictures from there on last",
        ));
    }
    problems
}

fn track_trim(at: usize, track: &Track, audio: &AudioFacts) -> Vec<FieldProblem> {
    let length = audio.duration_seconds();
    let mut problems = Vec::new();
    let what = "sound lasts";
    if track.trim.start >= length {
        let pointer = format!("/tracks/{at}/trim/start");
        problems.push(past_end(pointer, track.trim.start, length, what));
    }
    let limit = length + SOUND_TOLERANCE_SECONDS;
    if let Some(end) = track.trim.end.filter(|end| *end > limit) {
        let pointer = format!("/tracks/{at}/trim/end");
        problems.push(past_end(pointer, end, length, what));
    }
    let part = track.trim.end.unwrap_or(length).min(length) - track.trim.start;
    if track.repeat && part < LEAST_LOOP_SECONDS {
        problems.push(
            FieldProblem::new(
                format!("/tracks/{at}/loop"),
                "loop_too_short",
                format!("Only {:.3} s of sound would be repeated.", part.max(0.0)),
            )
            .fix(format!(
                "Loop at least {LEAST_LOOP_SECONDS} s, or leave the loop out."
            )),
        );
    }
    problems
}
