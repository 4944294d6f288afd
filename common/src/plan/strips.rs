//! A draft's shots, wound on strips: several are made by one task, because starting ffmpeg costs as much as a second of a draft.
//!
//! Only shots that are made of proxies, which are our own files: no clip of a director can spoil another's shot.

use crate::hash::Sha;
use crate::manifest::Source;
use crate::task::{ConformSpec, PictureSource, Take};

use super::pieces::{Cutter, Made, Piece};

/// A longer strip would keep workers waiting that have nothing else to do.
const MOST_SECONDS: f64 = 40.0;
/// Each is a decoder in memory.
const MOST_TAKES: usize = 16;
/// One in so many takes ends its strip by what it is, wherever it comes, so that a shot put in early does not wind all strips behind it anew.
const ENDS_ONE_IN: u8 = 8;

/// The same film in fewer pieces.
pub fn wound<'a>(cutter: &Cutter<'_>, pieces: Vec<Piece<'a>>) -> Vec<Piece<'a>> {
    let most_frames = cutter.format.fps.frames_at(MOST_SECONDS);
    let mut strips: Vec<Piece<'a>> = Vec::new();
    // Whether the last strip takes more, and where in the film it begins.
    let (mut open, mut start) = (false, 0);
    for piece in pieces {
        let take = take(cutter, &piece);
        let ends = take.as_ref().is_none_or(ends_its_strip);
        let strip = strips.last_mut().filter(|_| open);
        let strip = strip.filter(|strip| strip.frames + piece.frames <= most_frames);
        match (strip.and_then(Strip::of), take) {
            (Some(strip), Some(take)) => {
                let frames = start..start + *strip.frames + take.frames;
                *strip.frames += take.frames;
                strip.spec.frames += take.frames;
                strip.spec.then.push(take);
                strip.spec.overlays = cutter.overlays(&frames);
                open = !ends && strip.spec.then.len() + 1 < MOST_TAKES;
            }
            _ => {
                start += strips.last().map_or(0, |last| last.frames);
                strips.push(piece);
                open = !ends;
            }
        }
    }
    strips
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

fn ends_its_strip(take: &Take) -> bool {
    // A take is always JSON; if it were not, strips would end by length alone.
    let written = serde_json::to_vec(take).unwrap_or_default();
    let hash = Sha::of(&written);
    let [first, ..] = hash.as_bytes();
    first % ENDS_ONE_IN == 0
}
