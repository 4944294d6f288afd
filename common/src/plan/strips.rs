//! A draft's shots, wound on strips: several are made by one task, because starting ffmpeg costs as much as a second of a draft.
//!
//! Only shots that are made of proxies, which are our own files: no clip of a director can spoil another's shot.

use crate::hash::Sha;
use crate::manifest::Source;
use crate::task::{ConformSpec, Overlay, PictureSource, Take};

use super::pieces::{Cutter, Made, Piece};

/// A longer strip would keep workers waiting that have nothing else to do.
const MOST_SECONDS: f64 = 60.0;
/// Each is a decoder in memory.
const MOST_TAKES: usize = 24;
/// Each is one more input of ffmpeg.
const MOST_TEXTS: usize = 16;
/// How long strips are on average. A take ends its strip by what it is, the longer the likelier, and seldom by a limit: so a shot that is put in
/// or changed winds its own strip anew, and not all that follow.
const USUAL_SECONDS: f64 = 24.0;

/// The same film in fewer pieces.
pub fn wound<'a>(cutter: &Cutter<'_>, pieces: Vec<Piece<'a>>) -> Vec<Piece<'a>> {
    let mut strips: Vec<Piece<'a>> = Vec::new();
    // Whether the last strip takes more, and where in the film it begins.
    let (mut open, mut start) = (false, 0);
    for piece in pieces {
        let take = take(cutter, &piece);
        let ends = take
            .as_ref()
            .is_none_or(|take| ends_its_strip(cutter, take));
        let strip = strips.last_mut().filter(|_| open);
        let longer = strip.and_then(|strip| longer(cutter, strip, start, take.as_ref()?));
        match (longer, take) {
            (Some((strip, overlays)), Some(take)) => {
                *strip.frames += take.frames;
                strip.spec.frames += take.frames;
                strip.spec.overlays = overlays;
                strip.spec.then.push(take);
            }
            _ => {
                start += strips.last().map_or(0, |last| last.frames);
                strips.push(piece);
            }
        }
        open = !ends;
    }
    strips
}

/// The strip and its texts with one take more; `None`: it would be too much.
fn longer<'s>(
    cutter: &Cutter<'_>,
    piece: &'s mut Piece<'_>,
    start: u64,
    take: &Take,
) -> Option<(Strip<'s>, Vec<Overlay>)> {
    let strip = Strip::of(piece)?;
    let frames = *strip.frames + take.frames;
    let overlays = cutter.overlays(&(start..start + frames));
    let fits = cutter.format.fps.seconds_at(frames) <= MOST_SECONDS
        && strip.spec.then.len() + 2 <= MOST_TAKES
        && overlays.len() <= MOST_TEXTS;
    fits.then_some((strip, overlays))
}

/// A piece that is made.
struct Strip<'s> {
    frames: &'s mut u64,
    spec: &'s mut ConformSpec,
}

impl<'s> Strip<'s> {
    fn of(piece: &'s mut Piece<'_>) -> Option<Self> {
        match &mut piece.made {
            Made::Conform(spec) => Some(Self {
                frames: &mut piece.frames,
                spec,
            }),
            Made::Copy { .. } => None,
        }
    }
}

/// What a strip takes: frames of a shot's proxy, without a transition.
fn take(cutter: &Cutter<'_>, piece: &Piece<'_>) -> Option<Take> {
    let Made::Conform(spec) = &piece.made else {
        return None;
    };
    let PictureSource::Clip { clip, .. } = spec.picture.source else {
        return None;
    };
    let Source::Clip(of) = piece.shot.source else {
        return None;
    };
    let proxy = cutter.facts.get(&of)?.video.as_ref()?.proxy.as_ref()?;
    (spec.under.is_none() && clip == proxy.sha256).then(|| Take {
        frames: spec.frames,
        picture: spec.picture.clone(),
    })
}

fn ends_its_strip(cutter: &Cutter<'_>, take: &Take) -> bool {
    // A take is always JSON; if it were not, strips would end by the limits alone.
    let written = serde_json::to_vec(take).unwrap_or_default();
    let hash = Sha::of(&written);
    let [high, low, ..] = *hash.as_bytes();
    let chance = f64::from(u16::from_be_bytes([high, low])) / f64::from(u16::MAX);
    chance < cutter.format.fps.seconds_at(take.frames) / USUAL_SECONDS
}

#[cfg(test)]
mod tests;
