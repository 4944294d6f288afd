//! One look at one small picture: a few numbers of it, and how far it is from the one before.

use super::{HEIGHT, WIDTH};

/// Codes up to this are black to the eye: 4 % of the range over 16.
const BLACK_CODE: u8 = 25;
/// Share of the samples that may be something else in a black or blank picture: a logo, noise.
const STRAY_SHARE: f64 = 0.02;
/// Codes between the darkest and the brightest of the rest that are still one colour.
const ONE_COLOUR_CODES: u8 = 4;
/// Change of no sample above this, and of all together not above the next, is the same picture encoded again.
const SAME_MOST_CODES: u8 = 8;
const SAME_MEAN_CODES: f32 = 0.3;

#[derive(Clone, Copy, Debug, Default)]
pub struct Glance {
    pub luma: f32,
    pub blue: f32,
    pub red: f32,
    pub kind: Kind,
    /// Mean change of luma since the picture before, codes.
    pub change: f32,
    /// It repeats the picture before.
    pub same: bool,
    /// Signs of the differences between neighbours in a picture of 9 × 8.
    pub hash: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    Black,
    /// One colour, but not black.
    Blank,
    #[default]
    Picture,
}

impl Glance {
    /// `before`: luma of the picture before; `new`: of the last one that was no repeat, so that slow motion adds up. Empty for the first.
    pub fn of(luma: &[u8], chroma: &[u8], before: &[u8], new: &[u8]) -> Self {
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        let (change, _) = difference(luma, before);
        let (since, most) = difference(luma, new);
        Self {
            luma: mean(luma),
            blue: mean(blue),
            red: mean(red),
            kind: kind(luma, blue, red),
            change,
            same: !new.is_empty() && most <= SAME_MOST_CODES && since <= SAME_MEAN_CODES,
            hash: hash(luma),
        }
    }
}

/// Mean and largest difference, codes.
fn difference(one: &[u8], other: &[u8]) -> (f32, u8) {
    let (sum, most) = one
        .iter()
        .zip(other)
        .map(|(a, b)| a.abs_diff(*b))
        .fold((0u64, 0u8), |(sum, most), difference| {
            (sum + u64::from(difference), most.max(difference))
        });
    (sum as f32 / one.len().max(1) as f32, most)
}

fn mean(plane: &[u8]) -> f32 {
    let sum: u64 = plane.iter().map(|code| u64::from(*code)).sum();
    sum as f32 / plane.len().max(1) as f32
}

fn kind(luma: &[u8], blue: &[u8], red: &[u8]) -> Kind {
    let (low, high) = bulk(luma);
    if high <= BLACK_CODE {
        return Kind::Black;
    }
    let flat = |(low, high): (u8, u8)| high - low <= ONE_COLOUR_CODES;
    if flat((low, high)) && flat(bulk(blue)) && flat(bulk(red)) {
        Kind::Blank
    } else {
        Kind::Picture
    }
}

/// The codes between which all but a stray share lie (half of it on each side).
fn bulk(plane: &[u8]) -> (u8, u8) {
    let mut histogram = [0u32; 256];
    for code in plane {
        if let Some(count) = histogram.get_mut(usize::from(*code)) {
            *count += 1;
        }
    }
    let stray = (plane.len() as f64 * STRAY_SHARE / 2.0) as u32;
    let low = reach(histogram.iter().enumerate(), stray);
    let high = reach(histogram.iter().enumerate().rev(), stray);
    (low, high.max(low))
}

/// The code at which more than `stray` samples are passed.
fn reach<'a>(mut counts: impl Iterator<Item = (usize, &'a u32)>, stray: u32) -> u8 {
    let mut passed = 0;
    counts
        .find(|(_, count)| {
            passed += **count;
            passed > stray
        })
        .map_or(0, |(code, _)| u8::try_from(code).unwrap_or(u8::MAX))
}

/// Difference hash: whether each of 8 × 8 fields is brighter than its right neighbour.
fn hash(luma: &[u8]) -> u64 {
    const COLUMNS: usize = 9;
    const ROWS: usize = 8;
    let mut fields = [[0u32; COLUMNS]; ROWS];
    for (y, line) in luma.chunks_exact(WIDTH).enumerate() {
        let Some(row) = fields.get_mut(y * ROWS / HEIGHT) else {
            continue;
        };
        // Columns of the small picture that fill no whole field are left out.
        for (field, codes) in row.iter_mut().zip(line.chunks_exact(WIDTH / COLUMNS)) {
            *field += codes.iter().map(|code| u32::from(*code)).sum::<u32>();
        }
    }
    fields
        .iter()
        .flat_map(|row| row.windows(2))
        .fold(0, |bits, pair| match pair {
            [left, right] => bits << 1 | u64::from(left > right),
            _ => bits,
        })
}

#[cfg(test)]
mod tests {
    use super::super::LUMA_BYTES;
    use super::*;

    fn glance(luma: u8, blue: u8, before: &[u8]) -> Glance {
        let chroma = [vec![blue; LUMA_BYTES / 4], vec![128; LUMA_BYTES / 4]].concat();
        Glance::of(&vec![luma; LUMA_BYTES], &chroma, before, before)
    }

    #[test]
    fn black_is_told_from_other_colours_and_from_pictures() {
        assert_eq!(glance(17, 128, &[]).kind, Kind::Black);
        assert_eq!(glance(60, 200, &[]).kind, Kind::Blank);
        let ramp: Vec<u8> = (0..LUMA_BYTES).map(|at| (at % WIDTH) as u8).collect();
        let chroma = vec![128; LUMA_BYTES / 2];
        let picture = Glance::of(&ramp, &chroma, &ramp, &ramp);
        assert_eq!(picture.kind, Kind::Picture);
        assert!(picture.same && picture.change == 0.0);
        assert_eq!(picture.hash, 0);
        let mirrored: Vec<u8> = ramp.iter().rev().copied().collect();
        assert_eq!(Glance::of(&mirrored, &chroma, &ramp, &ramp).hash, u64::MAX);
    }

    #[test]
    fn a_little_spot_that_moves_is_no_repeated_picture() {
        let mut moved = vec![80; LUMA_BYTES];
        let before = moved.clone();
        moved[500] = 120;
        let chroma = vec![128; LUMA_BYTES / 2];
        assert!(!Glance::of(&moved, &chroma, &before, &before).same);
        assert!(!Glance::of(&before, &chroma, &[], &[]).same);
    }
}
