//! How much of which picture a transition shows at each frame, and the pictures themselves where both were made here.

use botflix_common::film::{Rgb, TransitionKind};
use botflix_common::task::Blend;

use super::colour::{self, Yuv};

/// The edge of the little pictures that say a weight to ffmpeg; it enlarges them.
pub(super) const MASK_EDGE: u32 = 16;

/// Of one frame: the incoming picture over the outgoing one, then a flat colour over both. 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Weights {
    pub(super) incoming: f64,
    pub(super) colour: f64,
}

pub(super) fn weights(blend: &Blend, frame: u64) -> Weights {
    let total = blend.total_frames.max(1) as f64;
    let way = ((blend.first_frame + frame) as f64 + 0.5) / total;
    let way = way.clamp(0.0, 1.0);
    match blend.kind {
        TransitionKind::Dissolve => Weights {
            incoming: way,
            colour: 0.0,
        },
        TransitionKind::FadeBlack | TransitionKind::FadeWhite => Weights {
            incoming: if way < 0.5 { 0.0 } else { 1.0 },
            colour: 1.0 - (2.0 * way - 1.0).abs(),
        },
    }
}

/// What a fade goes through; a dissolve goes through nothing.
pub(super) fn through(kind: TransitionKind) -> Option<Yuv> {
    match kind {
        TransitionKind::Dissolve => None,
        TransitionKind::FadeBlack => Some(colour::yuv(Rgb::BLACK)),
        TransitionKind::FadeWhite => Some(colour::yuv(Rgb::WHITE)),
    }
}

/// `of` each frame as little pictures whose every sample is the weight.
pub(super) fn masks(blend: &Blend, frames: u64, of: impl Fn(Weights) -> f64) -> Vec<u8> {
    (0..frames)
        .flat_map(|frame| {
            let weight = (of(weights(blend, frame)) * 255.0).round() as u8;
            colour::flat([weight; 3], MASK_EDGE, MASK_EDGE)
        })
        .collect()
}

/// Both pictures are 4:2:0 of the same size.
pub(super) fn blended(over: &[u8], under: &[u8], blend: &Blend, frame: u64) -> Vec<u8> {
    let weights = weights(blend, frame);
    let mut picture = mixed(over.iter().zip(under), weights.incoming);
    if let Some([luma, blue, red]) = through(blend.kind) {
        let pixels = picture.len() * 2 / 3;
        let flat = std::iter::repeat_n(luma, pixels)
            .chain(std::iter::repeat_n(blue, pixels / 4))
            .chain(std::iter::repeat_n(red, pixels / 4));
        let flat: Vec<u8> = flat.collect();
        picture = mixed(flat.iter().zip(&picture), weights.colour);
    }
    picture
}

fn mixed<'a>(pairs: impl Iterator<Item = (&'a u8, &'a u8)>, weight: f64) -> Vec<u8> {
    let over = (weight * 65_536.0).round() as u32;
    let under = 65_536 - over;
    pairs
        .map(|(new, old)| ((u32::from(*new) * over + u32::from(*old) * under + 32_768) >> 16) as u8)
        .collect()
}
