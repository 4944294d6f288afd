//! A number drawn into every picture that a program can read: which clip, which of its frames. Sixteen fields along the upper edge, white
//! for a one. Fields are large, so they survive encoding and scaling.
//!
//! Knows nothing about files.

use std::fmt::Write as _;

/// Fields along the upper edge.
pub(super) const FIELDS: usize = 16;
const FRAME_BITS: u32 = 9;
const CLIP_BITS: u32 = 6;
/// The last field is always white: a strip without it is none.
const PRESENT_BIT: u32 = FRAME_BITS + CLIP_BITS;
/// A frame that is looked for this far ahead was not lost but never there.
const LOOK_AHEAD: usize = 64;

/// What one picture says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub clip: u32,
    pub frame: u32,
}

/// ffmpeg filters that draw the strip of clip number `clip`, behind whatever was drawn before.
pub(super) fn drawn(clip: u32) -> String {
    let mut filters = "drawbox=x=0:y=0:w=iw:h=ih/18:color=black:t=fill".to_owned();
    let mut field = |at: u32, when: &str| {
        // Writing to a String cannot fail.
        write!(
            filters,
            ",drawbox=x=iw*{at}/{FIELDS}:y=0:w=iw/{FIELDS}:h=ih/18:color=white:t=fill{when}"
        )
        .ok();
    };
    for bit in 0..FRAME_BITS {
        field(bit, &format!(":enable='bitand(n,{})'", 1 << bit));
    }
    for bit in (0..CLIP_BITS).filter(|bit| clip >> bit & 1 == 1) {
        field(FRAME_BITS + bit, "");
    }
    field(PRESENT_BIT, "");
    filters
}

/// ffmpeg filters that shrink a picture to one grey byte for each field.
pub(super) fn reading() -> String {
    format!("crop=iw:ih/18:0:0,scale={FIELDS}:1:flags=area,format=gray")
}

/// The marks of pictures that went through [`reading`]; `None` where there is no strip.
pub(super) fn marks(bytes: &[u8]) -> Vec<Option<Mark>> {
    bytes.chunks_exact(FIELDS).map(mark).collect()
}

fn mark(fields: &[u8]) -> Option<Mark> {
    let bits = fields
        .iter()
        .enumerate()
        .fold(0u32, |bits, (at, grey)| bits | u32::from(*grey > 127) << at);
    (bits >> PRESENT_BIT & 1 == 1).then_some(Mark {
        clip: bits >> FRAME_BITS & ((1 << CLIP_BITS) - 1),
        frame: bits & ((1 << FRAME_BITS) - 1),
    })
}

/// How pictures differ from those that should be there, in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    pub missing: u64,
    pub repeated: u64,
    /// Unreadable, or of another place.
    pub strange: u64,
}

pub(super) fn difference(expected: &[Mark], seen: &[Option<Mark>]) -> Difference {
    let mut difference = Difference::default();
    let mut at = 0;
    for mark in seen {
        let ahead = expected
            .iter()
            .skip(at)
            .take(LOOK_AHEAD)
            .position(|one| Some(*one) == *mark);
        let before = at.checked_sub(1).and_then(|at| expected.get(at)).copied();
        match ahead {
            Some(0) => at += 1,
            _ if mark.is_some() && *mark == before => difference.repeated += 1,
            Some(lost) => {
                difference.missing += lost as u64;
                at += lost + 1;
            }
            None => difference.strange += 1,
        }
    }
    difference.missing += expected.len().saturating_sub(at) as u64;
    difference
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(clip: u32, range: std::ops::Range<u32>) -> Vec<Mark> {
        range.map(|frame| Mark { clip, frame }).collect()
    }

    #[test]
    fn a_lost_a_repeated_and_a_foreign_picture_are_told_apart() {
        let mut expected = frames(1, 0..10);
        expected.extend(frames(2, 0..10));
        let mut seen: Vec<_> = expected.iter().copied().map(Some).collect();
        assert_eq!(difference(&expected, &seen), Difference::default());
        seen[15] = None;
        seen.remove(12);
        seen.insert(3, seen[2]);
        let told = Difference {
            missing: 2,
            repeated: 1,
            strange: 1,
        };
        assert_eq!(difference(&expected, &seen), told);
        assert_eq!(difference(&expected, &seen[..5]).missing, 16);
    }

    #[test]
    fn a_strip_reads_as_it_was_drawn() {
        let mut fields = [16u8; FIELDS];
        for at in [0, 2, 9, 10, 15] {
            fields[at] = 235;
        }
        assert_eq!(mark(&fields), Some(Mark { clip: 3, frame: 5 }));
        fields[15] = 16;
        assert_eq!(mark(&fields), None);
    }
}
