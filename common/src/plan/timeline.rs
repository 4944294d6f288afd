//! The timeline: each shot's frames and samples in the film, captions and chapters.
//!
//! Shot boundaries are rounded from the running sum of exact durations, never shot by shot, so that no rounding adds up.

use crate::facts::VideoFacts;
use crate::film::{Caption, Chapter, FilmFormat, LedgerRow};
use crate::manifest::{Shot, ShotManifest};
use crate::problem::FieldProblem;

use super::FactsByClip;

/// Longest film, seconds.
pub const MAX_FILM_SECONDS: f64 = 6.0 * 3600.0;

/// A trim may end this much past the last picture, in frames of the clip: decimals of a container's duration are rounded.
const TRIM_TOLERANCE_FRAMES: f64 = 0.5;

pub struct Timeline {
    pub ledger: Vec<LedgerRow>,
    pub total_frames: u64,
    pub captions: Vec<Caption>,
    pub chapters: Vec<Chapter>,
}

/// Trims that the clip cannot fill.
pub fn trim_problems(at: usize, shot: &Shot, video: &VideoFacts) -> Vec<FieldProblem> {
    let length = video.duration_seconds;
    let limit = length + TRIM_TOLERANCE_FRAMES / video.frame_rate.fps();
    let mut problems = Vec::new();
    let past_end = |field: &str, value: f64| {
        FieldProblem::new(
            format!("/shots/{at}/trim/{field}"),
            "trim_past_end",
            format!(
                "The trim's {field} is at {value} s, but the clip's pictures last {length:.3} s."
            ),
        )
        .fix(format!("Use a value up to {length:.3}, or a longer clip."))
    };
    if shot.trim.start >= length {
        problems.push(past_end("start", shot.trim.start));
    }
    if let Some(end) = shot.trim.end
        && end > limit
    {
        problems.push(past_end("end", end));
    }
    problems
}

/// Seconds of the clip that the shot shows.
pub fn shot_seconds(shot: &Shot, video: &VideoFacts) -> f64 {
    let end = shot.trim.end.unwrap_or(video.duration_seconds);
    (end.min(video.duration_seconds) - shot.trim.start).max(0.0)
}

pub fn lay_out(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: &FilmFormat,
) -> Result<Timeline, Vec<FieldProblem>> {
    let mut timeline = Timeline {
        ledger: Vec::with_capacity(manifest.shots.len()),
        total_frames: 0,
        captions: Vec::new(),
        chapters: Vec::new(),
    };
    let mut problems = Vec::new();
    let mut seconds = 0.0;
    for (at, shot) in manifest.shots.iter().enumerate() {
        let Some(video) = facts
            .get(&shot.source.clip)
            .and_then(|facts| facts.video.as_ref())
        else {
            continue;
        };
        seconds += shot_seconds(shot, video);
        let first_frame = timeline.total_frames;
        let frames = format.fps.frames_at(seconds).saturating_sub(first_frame);
        if frames == 0 {
            problems.push(FieldProblem::new(
                format!("/shots/{at}"),
                "shot_too_short",
                "The shot is shorter than half a frame of the film.",
            ));
        }
        let start = format.fps.seconds_at(first_frame);
        let end = format.fps.seconds_at(first_frame + frames);
        timeline.chapters.extend(chapter(manifest, at, shot, start));
        problems.extend(captions(at, shot, start, end, &mut timeline.captions));
        timeline.ledger.push(LedgerRow {
            shot: shot.id.clone(),
            first_frame,
            frames,
        });
        timeline.total_frames += frames;
    }
    if seconds > MAX_FILM_SECONDS {
        problems.push(FieldProblem::new(
            "/shots",
            "film_too_long",
            format!("The film would last {seconds:.0} s; the limit is {MAX_FILM_SECONDS:.0} s."),
        ));
    }
    timeline
        .captions
        .sort_by(|a, b| a.start_seconds.total_cmp(&b.start_seconds));
    if problems.is_empty() {
        Ok(timeline)
    } else {
        Err(problems)
    }
}

/// A chapter starts where the beat changes.
fn chapter(manifest: &ShotManifest, at: usize, shot: &Shot, start_seconds: f64) -> Option<Chapter> {
    let before = at
        .checked_sub(1)
        .and_then(|before| manifest.shots.get(before))
        .and_then(|shot| shot.beat.as_ref());
    let beat = shot.beat.as_ref().filter(|beat| Some(*beat) != before)?;
    let name = manifest.beats.iter().find(|known| known.id == *beat)?;
    Some(Chapter {
        start_seconds,
        title: name.name.clone(),
    })
}

/// Lines become captions, clipped to their shot; one that starts after its shot's end is a problem.
fn captions(
    at: usize,
    shot: &Shot,
    start: f64,
    end: f64,
    captions: &mut Vec<Caption>,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    for (line_at, line) in shot.dialogue.iter().enumerate() {
        let from = start + line.start;
        if from >= end {
            problems.push(
                FieldProblem::new(
                    format!("/shots/{at}/dialogue/{line_at}/start"),
                    "line_past_shot",
                    format!(
                        "The line starts at {} s, but the shot lasts {:.3} s.",
                        line.start,
                        end - start
                    ),
                )
                .fix("Times of a line are seconds from the start of its shot."),
            );
            continue;
        }
        captions.push(Caption {
            start_seconds: from,
            end_seconds: line.end.map_or(end, |line_end| (start + line_end).min(end)),
            speaker: line.speaker.clone(),
            text: line.text.clone(),
        });
    }
    problems
}
