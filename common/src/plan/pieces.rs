//! The film cut into segments: packets that are copied, and pictures that are made. Only frames that a transition, a text or a trim touches
//! are encoded again; the rest of a clip that already is what the film wants is copied from one IDR to another.

use std::ops::Range;

use crate::facts::{Proxy, VideoFacts};
use crate::film::{FilmFormat, Quality, Rgb, TransitionKind};
use crate::hash::Sha;
use crate::manifest::{Shot, ShotManifest, Source};
use crate::task::{
    Blend, ConformSpec, EngineClass, MotionSpan, Overlay, Picture, PictureSource, SourcePicture,
};

use super::texts::Text;
use super::timeline::{Span, Timeline};
use super::{FactsByClip, strips};

/// Longer runs are conformed in parts, side by side, seconds.
const MOST_CONFORM_SECONDS: f64 = 60.0;

/// A run of the film's frames with one source.
pub struct Piece<'a> {
    pub shot: &'a Shot,
    pub frames: u64,
    pub made: Made,
}

pub enum Made {
    Copy { clip: Sha, first_frame: u64 },
    Conform(Box<ConformSpec>),
}

/// What all pieces share.
pub struct Cutter<'a> {
    pub manifest: &'a ShotManifest,
    pub facts: &'a FactsByClip,
    pub format: FilmFormat,
    pub engine: EngineClass,
    pub texts: &'a [Text],
}

impl<'a> Cutter<'a> {
    /// In film order; they tile the film.
    pub fn cut(&self, timeline: &Timeline) -> Vec<Piece<'a>> {
        let mut pieces = Vec::new();
        let mut before: Option<(&Shot, Span)> = None;
        for (shot, span) in self.manifest.shots.iter().zip(&timeline.spans) {
            if let Some(kind) = span.transition.filter(|_| span.shared_before > 0) {
                pieces.push(self.transition(before, (shot, *span), kind));
            }
            self.body(shot, span, &mut pieces);
            before = Some((shot, *span));
        }
        if self.manifest.delivery.preset == Quality::Draft {
            return strips::wound(self, pieces);
        }
        pieces
    }

    fn transition(
        &self,
        before: Option<(&Shot, Span)>,
        (shot, span): (&'a Shot, Span),
        kind: TransitionKind,
    ) -> Piece<'a> {
        let frames = span.first_frame..span.first_frame + span.shared_before;
        let under = match before {
            Some((shot, span)) => self.picture(shot, &span, frames.start),
            // The film's first shot comes in over a colour.
            None => Picture {
                source: PictureSource::Colour {
                    colour: match kind {
                        TransitionKind::FadeWhite => Rgb::WHITE,
                        TransitionKind::Dissolve | TransitionKind::FadeBlack => Rgb::BLACK,
                    },
                },
                fit: shot.fit,
                background: Rgb::BLACK,
                motion: None,
            },
        };
        let kind = if before.is_none() {
            // From a colour: all of the time, not only its second half.
            TransitionKind::Dissolve
        } else {
            kind
        };
        let blend = Blend {
            picture: under,
            kind,
            first_frame: 0,
            total_frames: span.shared_before,
        };
        Piece {
            shot,
            frames: span.shared_before,
            made: Made::Conform(Box::new(self.conform(shot, &span, frames, Some(blend)))),
        }
    }

    /// The frames that are the shot's alone: copies where they are right, and what lies between them.
    fn body(&self, shot: &'a Shot, span: &Span, pieces: &mut Vec<Piece<'a>>) {
        let alone = span.alone();
        let mut at = alone.start;
        for copy in self.copies(shot, span) {
            self.conformed(shot, span, at..copy.film.start, pieces);
            pieces.push(Piece {
                shot,
                frames: copy.film.end - copy.film.start,
                made: Made::Copy {
                    clip: copy.clip,
                    first_frame: copy.first_frame,
                },
            });
            at = copy.film.end;
        }
        self.conformed(shot, span, at..alone.end, pieces);
    }

    fn conformed(
        &self,
        shot: &'a Shot,
        span: &Span,
        frames: Range<u64>,
        pieces: &mut Vec<Piece<'a>>,
    ) {
        let most = self.format.fps.frames_at(MOST_CONFORM_SECONDS).max(1);
        let parts = (frames.end - frames.start).div_ceil(most);
        for part in 0..parts {
            let share = |part: u64| frames.start + (frames.end - frames.start) * part / parts;
            let frames = share(part)..share(part + 1);
            pieces.push(Piece {
                shot,
                frames: frames.end - frames.start,
                made: Made::Conform(Box::new(self.conform(shot, span, frames, None))),
            });
        }
    }

    fn conform(
        &self,
        shot: &Shot,
        span: &Span,
        frames: Range<u64>,
        under: Option<Blend>,
    ) -> ConformSpec {
        ConformSpec {
            engine: self.engine,
            quality: self.manifest.delivery.preset,
            format: self.format,
            frames: frames.end - frames.start,
            picture: self.picture(shot, span, frames.start),
            under,
            overlays: self.overlays(&frames),
            then: Vec::new(),
        }
    }

    /// The texts of these frames of the film.
    pub fn overlays(&self, frames: &Range<u64>) -> Vec<Overlay> {
        let seen = self.texts.iter().filter(|text| text.touches(frames));
        seen.map(|text| text.seen_in(frames)).collect()
    }

    /// The shot's picture as it is from film frame `first` on.
    fn picture(&self, shot: &Shot, span: &Span, first: u64) -> Picture {
        let frames_in = first - span.first_frame;
        let facts = shot.source.clip().and_then(|clip| self.facts.get(&clip));
        let video = facts.and_then(|facts| facts.video.as_ref());
        let look = video.map(look).unwrap_or_default();
        let proxy = video.and_then(|video| self.proxy(video));
        let start_seconds = shot.trim.start + self.format.fps.seconds_at(frames_in);
        let source = match (&shot.source, proxy) {
            (Source::Colour(colour), _) => PictureSource::Colour { colour: *colour },
            (Source::Still(clip), _) => PictureSource::Still { clip: *clip, look },
            (Source::Clip(_), Some(proxy)) => PictureSource::Clip {
                clip: proxy.sha256,
                start_seconds,
                first_picture_seconds: 0.0,
                look: SourcePicture {
                    full_range: false,
                    ..look
                },
            },
            (Source::Clip(clip), None) => PictureSource::Clip {
                clip: *clip,
                start_seconds,
                first_picture_seconds: video.map_or(0.0, |video| video.start_seconds),
                look,
            },
        };
        Picture {
            source,
            fit: shot.fit,
            background: shot.background,
            motion: shot.motion.map(|motion| MotionSpan {
                from: motion.from,
                to: motion.to,
                easing: motion.easing,
                first_frame: frames_in,
                total_frames: span.frames,
            }),
        }
    }

    /// What stands for the clip in a draft.
    fn proxy(&self, video: &'a VideoFacts) -> Option<&'a Proxy> {
        let draft = self.manifest.delivery.preset == Quality::Draft;
        video.proxy.as_ref().filter(|_| draft)
    }
}

fn look(video: &VideoFacts) -> SourcePicture {
    SourcePicture {
        interlaced: video.interlaced,
        hdr: video.colour.is_hdr(),
        alpha: video.alpha,
        full_range: video.colour.full_range,
        matrix: video.colour.matrix.clone(),
        primaries: video.colour.primaries.clone(),
    }
}
