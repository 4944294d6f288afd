//! The texts in the picture, in frames of the film: titles, and captions where they are burned in.

use std::ops::Range;

use crate::film::{FilmFormat, TitlePosition, TitleStyle};
use crate::manifest::{ShotManifest, Title};
use crate::problem::FieldProblem;
use crate::task::Overlay;

use super::timeline::{TimedCaption, Timeline};

/// An overlay whose frames are the film's.
pub struct Text {
    pub frames: Range<u64>,
    pub overlay: Overlay,
}

impl Text {
    /// The overlay as the segment of `frames` sees it. How long before or after a segment its fades are over must not change the segment's
    /// key, so that is not said.
    pub fn seen_in(&self, frames: &Range<u64>) -> Overlay {
        let fade = i64::from(self.overlay.fade_frames);
        let relative = |frame: u64| frame.cast_signed() - frames.start.cast_signed();
        Overlay {
            from_frame: relative(self.frames.start).max(-fade),
            to_frame: relative(self.frames.end).min(relative(frames.end) + fade),
            ..self.overlay.clone()
        }
    }

    pub fn touches(&self, frames: &Range<u64>) -> bool {
        self.frames.start < frames.end && frames.start < self.frames.end
    }
}

/// Captions below, titles above them.
pub fn texts(
    manifest: &ShotManifest,
    timeline: &Timeline,
    format: &FilmFormat,
) -> Result<Vec<Text>, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let mut texts: Vec<Text> = Vec::new();
    if manifest.captions.are_burned_in() {
        texts.extend(timeline.captions.iter().map(|timed| caption(timed, format)));
    }
    let captions = texts.len();
    for (at, title) in manifest.titles.iter().enumerate() {
        match place(at, title, manifest, timeline, format) {
            Ok(text) => {
                let titles = texts.get(captions..).unwrap_or_default();
                problems.extend(overlap(at, &text, titles));
                texts.push(text);
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(texts)
    } else {
        Err(problems)
    }
}

fn caption(timed: &TimedCaption, format: &FilmFormat) -> Text {
    let from = format.fps.frames_at(timed.caption.start_seconds);
    let to = format
        .fps
        .frames_at(timed.caption.end_seconds)
        .max(from + 1);
    let text = match &timed.caption.speaker {
        Some(speaker) => format!("{speaker}: {}", timed.caption.text),
        None => timed.caption.text.clone(),
    };
    Text {
        frames: from..to,
        overlay: Overlay {
            id: timed.id.clone(),
            text,
            position: TitlePosition::Bottom,
            style: TitleStyle::Caption,
            colour: None,
            background: None,
            size: None,
            from_frame: 0,
            to_frame: 0,
            fade_frames: 0,
        },
    }
}

fn place(
    at: usize,
    title: &Title,
    manifest: &ShotManifest,
    timeline: &Timeline,
    format: &FilmFormat,
) -> Result<Text, FieldProblem> {
    let whole = match &title.shot {
        None => 0..timeline.total_frames,
        Some(shot) => {
            let found = manifest.shots.iter().position(|known| known.id == *shot);
            let span = found.and_then(|found| timeline.spans.get(found));
            // An unknown shot is refused before.
            span.map_or(0..0, |span| span.first_frame..span.end())
        }
    };
    let from = whole.start + format.fps.frames_at(title.start);
    let to = match title.seconds() {
        Some(seconds) => whole.start + format.fps.frames_at(title.start + seconds),
        None => whole.end,
    };
    if from >= whole.end {
        let what = if title.shot.is_some() { "shot" } else { "film" };
        let length = format.fps.seconds_at(whole.end - whole.start);
        return Err(FieldProblem::new(
            format!("/titles/{at}/start"),
            "title_past_end",
            format!(
                "The title starts at {} s, but the {what} lasts {length:.3} s.",
                title.start
            ),
        ));
    }
    let frames = from..to.clamp(from + 1, whole.end);
    let half = (frames.end - frames.start) / 2;
    Ok(Text {
        overlay: Overlay {
            id: title.id.clone().unwrap_or_else(|| format!("titles/{at}")),
            text: title.text.clone(),
            position: title.position,
            style: title.style,
            colour: title.colour,
            background: title.background,
            size: title.size,
            from_frame: 0,
            to_frame: 0,
            fade_frames: u32::try_from(format.fps.frames_at(title.fade).min(half)).unwrap_or(0),
        },
        frames,
    })
}

/// Two titles at one place at one time cannot be read.
fn overlap(at: usize, text: &Text, before: &[Text]) -> Option<FieldProblem> {
    let (other, _) = before.iter().enumerate().find(|(_, other)| {
        other.overlay.position == text.overlay.position && other.touches(&text.frames)
    })?;
    Some(
        FieldProblem::new(
            format!("/titles/{at}"),
            "titles_overlap",
            format!("At the same time /titles/{other} stands at the same position."),
        )
        .fix("Give one of them another position, or times that do not overlap."),
    )
}
