//! Which of a shot's frames are copies of its clip's own packets: from one IDR picture to another, where nothing changes them.

use std::ops::Range;

use crate::facts::{ClipFacts, Defect, VideoFacts};
use crate::film::{Quality, VideoCodec};
use crate::hash::Sha;
use crate::manifest::{Shot, Source};
use crate::verdict::{self, Role, Verdict};

use super::pieces::Cutter;
use super::timeline::Span;

/// A shorter run is not worth a join of its own, seconds.
const LEAST_COPY_SECONDS: f64 = 0.5;

/// Frames of the film and where they begin in the clip.
pub struct Copy {
    pub clip: Sha,
    pub first_frame: u64,
    pub film: Range<u64>,
}

impl<'a> Cutter<'a> {
    pub fn copies(&self, shot: &Shot, span: &Span) -> Vec<Copy> {
        let Some((clip, video)) = self.copyable(shot) else {
            return Vec::new();
        };
        // Frame k of the shot is the picture nearest to its time: at one and the same rate, this one.
        let first = video.frame_rate.frames_at(shot.trim.start);
        let in_clip = |film: u64| first + (film - span.first_frame);
        let in_film = |clip: u64| span.first_frame + (clip - first);
        let least = self.format.fps.frames_at(LEAST_COPY_SECONDS).max(1);
        let damaged = damaged(video)
            .map(|frames| in_film(frames.start.max(first))..in_film(frames.end.max(first)));
        self.untouched(span, damaged)
            .into_iter()
            .filter_map(|run| {
                let (from, to) = (in_clip(run.start), in_clip(run.end).min(video.frames));
                let from = video.idr_frames.iter().copied().find(|idr| *idr >= from)?;
                let to = if to == video.frames {
                    to
                } else {
                    let idrs = video.idr_frames.iter().copied();
                    idrs.rev().find(|idr| *idr <= to)?
                };
                (to >= from + least).then(|| Copy {
                    clip,
                    first_frame: from,
                    film: in_film(from)..in_film(to),
                })
            })
            .collect()
    }

    /// The runs of the shot's own frames that no text covers and that are not damaged.
    fn untouched(&self, span: &Span, damaged: impl Iterator<Item = Range<u64>>) -> Vec<Range<u64>> {
        let alone = span.alone();
        let texts = self.texts.iter().filter(|text| text.touches(&alone));
        let texts = texts.map(|text| text.frames.clone());
        let damaged = damaged.filter(|d| d.start < alone.end && d.end > alone.start);
        let mut covered: Vec<Range<u64>> = texts.chain(damaged).collect();
        covered.sort_by_key(|frames| frames.start);
        let mut runs = Vec::new();
        let mut at = alone.start;
        for text in covered {
            if text.start > at {
                runs.push(at..text.start);
            }
            at = at.max(text.end);
        }
        if at < alone.end {
            runs.push(at..alone.end);
        }
        runs
    }

    /// The shot's clip, if copies of its packets are exactly what the film wants.
    fn copyable(&self, shot: &Shot) -> Option<(Sha, &'a VideoFacts)> {
        let Source::Clip(clip) = shot.source else {
            return None;
        };
        let facts: &ClipFacts = self.facts.get(&clip)?;
        let video = facts.video.as_ref()?;
        let fits = (video.width, video.height) == (self.format.width, self.format.height)
            && video.frame_rate == self.format.fps
            && video.codec == "h264"
            && self.engine.codec() == VideoCodec::H264;
        let untouched = shot.motion.is_none() && self.manifest.delivery.preset != Quality::Draft;
        let whole = !facts
            .defects
            .iter()
            .any(|defect| matches!(defect, Defect::Fragmented));
        let accepted = verdict::judge(facts, Role::Shot).verdict == Verdict::Accept;
        (fits && untouched && whole && accepted && video.starts_on_idr).then_some((clip, video))
    }
}

/// Frames of the clip that are made anew, so that players are spared what the clip's decoder had to patch up.
fn damaged(video: &VideoFacts) -> impl Iterator<Item = Range<u64>> + '_ {
    let seen = video.observed.iter().flat_map(|seen| &seen.damaged);
    let frame = |seconds: f64| video.frame_rate.frames_at(seconds);
    seen.map(move |span| frame(span.start_seconds)..frame(span.end_seconds))
}
