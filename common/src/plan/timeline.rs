//! The timeline: each shot's frames in the film, shared with its neighbours in transitions; captions and chapters.
//!
//! Shot boundaries are rounded from the running sum of exact durations, never shot by shot, so that no rounding adds up.

use crate::facts::ClipFacts;
use crate::film::{Caption, Chapter, FilmFormat, LedgerRow, TransitionKind};
use crate::manifest::{Shot, ShotManifest, Source};
use crate::problem::FieldProblem;

use super::FactsByClip;

/// Longest film, seconds.
pub const MAX_FILM_SECONDS: f64 = 6.0 * 3600.0;

/// The film in frames.
pub struct Timeline {
    /// One for each shot, in film order.
    pub spans: Vec<Span>,
    pub ledger: Vec<LedgerRow>,
    pub total_frames: u64,
    pub captions: Vec<TimedCaption>,
    pub chapters: Vec<Chapter>,
}

/// A shot's frames, `first_frame .. end()`. The first `shared_before` are shared with the shot before, the last `shared_after` with the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub first_frame: u64,
    pub frames: u64,
    pub shared_before: u64,
    pub shared_after: u64,
    /// How the shot comes in over the frames shared before it (of the film's first shot: over a colour).
    pub transition: Option<TransitionKind>,
}

impl Span {
    pub fn end(&self) -> u64 {
        self.first_frame + self.frames
    }

    /// Film frames that are this shot's alone.
    pub fn alone(&self) -> std::ops::Range<u64> {
        self.first_frame + self.shared_before..self.end() - self.shared_after
    }
}

/// A caption, and the line that it comes from.
pub struct TimedCaption {
    pub caption: Caption,
    /// `shot:line`.
    pub id: String,
}

/// Seconds that the shot lasts. `None`: its clip is not known, or a still has no duration (refused elsewhere).
pub fn shot_seconds(shot: &Shot, facts: Option<&ClipFacts>) -> Option<f64> {
    match shot.source {
        Source::Still(_) | Source::Colour(_) => shot.duration,
        Source::Clip(_) => {
            let length = facts?.video.as_ref()?.duration_seconds;
            let end = shot
                .duration
                .map(|duration| shot.trim.start + duration)
                .or(shot.trim.end)
                .unwrap_or(length);
            Some((end.min(length) - shot.trim.start).max(0.0))
        }
    }
}

pub fn lay_out(
    manifest: &ShotManifest,
    facts: &FactsByClip,
    format: &FilmFormat,
) -> Result<Timeline, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut spans: Vec<Span> = Vec::with_capacity(manifest.shots.len());
    let mut end_seconds = 0.0;
    for (at, shot) in manifest.shots.iter().enumerate() {
        let facts = shot.source.clip().and_then(|clip| facts.get(&clip));
        let seconds = shot_seconds(shot, facts).unwrap_or(0.0);
        let wanted = shot
            .transition
            .kind()
            .map_or(0.0, |_| shot.transition.duration);
        let start_seconds: f64 = if at == 0 { 0.0 } else { end_seconds - wanted };
        let before = spans.last().copied();
        let first_frame = before.map_or(0, |before| {
            format
                .fps
                .frames_at(start_seconds.max(0.0))
                .min(before.end())
        });
        end_seconds = start_seconds + seconds;
        let frames = format
            .fps
            .frames_at(end_seconds.max(0.0))
            .saturating_sub(first_frame);
        let shared_before = match before {
            Some(before) => before.end() - first_frame,
            None => format.fps.frames_at(wanted),
        };
        let span = Span {
            first_frame,
            frames,
            shared_before,
            shared_after: 0,
            transition: shot.transition.kind(),
        };
        problems.extend(fits(at, shot, before, span, format));
        if let (Some(before), 1..) = (spans.last_mut(), at) {
            before.shared_after = shared_before;
        }
        spans.push(span);
    }
    if end_seconds > MAX_FILM_SECONDS {
        problems.push(FieldProblem::new(
            "/shots",
            "film_too_long",
            format!(
                "The film would last {end_seconds:.0} s; the limit is {MAX_FILM_SECONDS:.0} s."
            ),
        ));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let timeline = Timeline {
        ledger: ledger(manifest, &spans),
        total_frames: spans.last().map_or(0, Span::end),
        captions: Vec::new(),
        chapters: chapters(manifest, &spans, format),
        spans,
    };
    with_captions(timeline, manifest, format)
}

/// The shot has a frame, and its transitions leave each shot at least that.
fn fits(
    at: usize,
    shot: &Shot,
    before: Option<Span>,
    span: Span,
    format: &FilmFormat,
) -> Option<FieldProblem> {
    if span.frames == 0 {
        return Some(FieldProblem::new(
            format!("/shots/{at}"),
            "shot_too_short",
            "The shot is shorter than half a frame of the film.",
        ));
    }
    let room_before = before.map_or(u64::MAX, |before| {
        before.frames - before.shared_before.min(before.frames)
    });
    let room = room_before.min(span.frames);
    if span.shared_before < room || span.shared_before == 0 {
        return None;
    }
    let limit = format.fps.seconds_at(room.saturating_sub(1));
    Some(
        FieldProblem::new(
            format!("/shots/{at}/transition/duration"),
            "transition_too_long",
            format!(
                "The transition of {} s does not fit: it must be shorter than the shot, and than what the transition before left of the \
                 shot before it.",
                shot.transition.duration
            ),
        )
        .fix(format!("Use a duration of at most {limit:.3} s, or longer shots.")),
    )
}

fn ledger(manifest: &ShotManifest, spans: &[Span]) -> Vec<LedgerRow> {
    let row = |(shot, span): (&Shot, &Span)| LedgerRow {
        shot: shot.id.clone(),
        first_frame: span.first_frame,
        frames: span.frames,
    };
    manifest.shots.iter().zip(spans).map(row).collect()
}

/// A chapter starts where the beat changes.
fn chapters(manifest: &ShotManifest, spans: &[Span], format: &FilmFormat) -> Vec<Chapter> {
    let mut last: Option<&String> = None;
    let mut chapters = Vec::new();
    for (shot, span) in manifest.shots.iter().zip(spans) {
        if let Some(beat) = shot.beat.as_ref().filter(|beat| Some(*beat) != last)
            && let Some(name) = manifest.beats.iter().find(|known| known.id == *beat)
        {
            chapters.push(Chapter {
                start_seconds: format.fps.seconds_at(span.first_frame),
                title: name.name.clone(),
            });
        }
        last = shot.beat.as_ref();
    }
    chapters
}

/// Lines become captions, clipped to their shot; one that starts after its shot's end is a problem.
fn with_captions(
    mut timeline: Timeline,
    manifest: &ShotManifest,
    format: &FilmFormat,
) -> Result<Timeline, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    for (at, (shot, span)) in manifest.shots.iter().zip(&timeline.spans).enumerate() {
        let start = format.fps.seconds_at(span.first_frame);
        let end = format.fps.seconds_at(span.end());
        for (line_at, line) in shot.dialogue.iter().enumerate() {
            let from = start + line.start;
            if from >= end {
                problems.push(line_past_shot(at, line_at, line.start, end - start));
                continue;
            }
            timeline.captions.push(TimedCaption {
                id: format!("{}:{line_at}", shot.id),
                caption: Caption {
                    start_seconds: from,
                    end_seconds: line.end.map_or(end, |line_end| (start + line_end).min(end)),
                    speaker: line.speaker.clone(),
                    text: line.text.clone(),
                },
            });
        }
    }
    timeline
        .captions
        .sort_by(|a, b| a.caption.start_seconds.total_cmp(&b.caption.start_seconds));
    if problems.is_empty() {
        Ok(timeline)
    } else {
        Err(problems)
    }
}

fn line_past_shot(at: usize, line_at: usize, start: f64, length: f64) -> FieldProblem {
    FieldProblem::new(
        format!("/shots/{at}/dialogue/{line_at}/start"),
        "line_past_shot",
        format!("The line starts at {start} s, but the shot lasts {length:.3} s."),
    )
    .fix("Times of a line are seconds from the start of its shot.")
}
