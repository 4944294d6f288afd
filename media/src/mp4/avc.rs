//! H.264 as it lies in MP4 (ISO/IEC 14496-15): units behind their lengths, the decoder configuration, and where decoding can really start.

use std::path::Path;

use super::bytes::be_u16;
use super::{Damage, Media, Movie, Mp4Error, Order, Sample, TrackKind};

/// Unit types, ITU-T H.264 table 7-1.
pub(crate) const IDR_SLICE: u8 = 5;
const DELIMITER: u8 = 9;
const SEQUENCE_SET: u8 = 7;
const PICTURE_SET: u8 = 8;

/// Units looked at in front of a picture's first slice: delimiter, parameter sets, messages.
const MAX_UNITS_AHEAD: u32 = 64;
/// Read at once from the head of a sample; units that begin behind it are read one by one.
const HEAD_BYTES: usize = 1024;
/// `avcC` has 16 bits for the length of a set.
const MAX_SET_BYTES: usize = u16::MAX as usize;

/// What `avcC` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) profile: u8,
    /// Constraint flags.
    pub(crate) compatibility: u8,
    pub(crate) level: u8,
    /// Bytes of the length in front of each unit: 1, 2 or 4.
    pub(crate) length_bytes: usize,
    pub(crate) sequence_sets: Vec<Vec<u8>>,
    pub(crate) picture_sets: Vec<Vec<u8>>,
    /// What profiles from High on add: chroma format, bit depths, extensions.
    pub(crate) extension: Vec<u8>,
}

impl Config {
    /// The body of an `avcC` box.
    pub(crate) fn parse(body: &[u8]) -> Option<Self> {
        let [version, profile, compatibility, level, lengths] = *body.first_chunk::<5>()?;
        if version != 1 {
            return None;
        }
        let mut rest = body.get(5..)?;
        let sequence_sets = sets(&mut rest, 0x1f)?;
        let picture_sets = sets(&mut rest, 0xff)?;
        Some(Self {
            profile,
            compatibility,
            level,
            length_bytes: usize::from(lengths & 3) + 1,
            sequence_sets,
            picture_sets,
            extension: rest.to_owned(),
        })
    }

    pub(crate) fn same_sets(&self, other: &Self) -> bool {
        self.sequence_sets == other.sequence_sets && self.picture_sets == other.picture_sets
    }

    pub(crate) fn has_set(&self, unit: &[u8]) -> bool {
        let mut sets = self.sequence_sets.iter().chain(&self.picture_sets);
        sets.any(|set| set == unit)
    }

    /// All sets behind their lengths, as they stand before a picture.
    pub(crate) fn in_band(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for set in self.sequence_sets.iter().chain(&self.picture_sets) {
            let length = (set.len() as u32).to_be_bytes();
            bytes.extend_from_slice(
                length
                    .get(4usize.saturating_sub(self.length_bytes)..)
                    .unwrap_or_default(),
            );
            bytes.extend_from_slice(set);
        }
        bytes
    }

    /// The body of an `avcC` box.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![
            1,
            self.profile,
            self.compatibility,
            self.level,
            0xfc | (self.length_bytes.saturating_sub(1) & 3) as u8,
            0xe0 | self.sequence_sets.len().min(0x1f) as u8,
        ];
        let push = |bytes: &mut Vec<u8>, set: &[u8]| {
            bytes.extend_from_slice(&u16::try_from(set.len()).unwrap_or(u16::MAX).to_be_bytes());
            bytes.extend_from_slice(set);
        };
        for set in self.sequence_sets.iter().take(0x1f) {
            push(&mut bytes, set);
        }
        bytes.push(self.picture_sets.len().min(0xff) as u8);
        for set in self.picture_sets.iter().take(0xff) {
            push(&mut bytes, set);
        }
        bytes.extend_from_slice(&self.extension);
        bytes
    }
}

fn sets(rest: &mut &[u8], count_mask: u8) -> Option<Vec<Vec<u8>>> {
    let (count, mut after) = rest.split_first()?;
    let mut sets = Vec::new();
    for _ in 0..count & count_mask {
        let length = usize::from(be_u16(after, 0)?);
        sets.push(after.get(2..2 + length)?.to_owned());
        after = after.get(2 + length..)?;
    }
    *rest = after;
    Some(sets)
}

pub(crate) fn unit_type(unit: &[u8]) -> u8 {
    unit.first().map_or(0, |head| head & 0x1f)
}

pub(crate) fn is_parameter_set(unit: &[u8]) -> bool {
    matches!(unit_type(unit), SEQUENCE_SET | PICTURE_SET)
}

/// The units of a sample. An error ends it: a length that runs past the sample.
pub(crate) fn units(
    sample: &[u8],
    length_bytes: usize,
) -> impl Iterator<Item = Result<&[u8], Damage>> {
    let mut rest = sample;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let unit = unit_length(rest, length_bytes)
            .and_then(|length| rest.get(length_bytes..)?.split_at_checked(length));
        Some(match unit {
            Some((unit, after)) => {
                rest = after;
                Ok(unit)
            }
            None => {
                rest = &[];
                Err(Damage("a picture is not made of whole units"))
            }
        })
    })
}

fn unit_length(bytes: &[u8], length_bytes: usize) -> Option<usize> {
    let length = bytes.get(..length_bytes)?;
    Some(
        length
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    )
}

/// What stands in front of a picture's first slice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) is_idr: bool,
    /// Bytes of a leading delimiter with its length: nothing may stand before it.
    pub(crate) delimiter_bytes: u32,
    /// Parameter sets in band.
    pub(crate) sets: Vec<Vec<u8>>,
}

/// Reads only as far as the first slice. A sample without one is no picture.
pub(crate) fn head(media: &Media, sample: &Sample, length_bytes: usize) -> Result<Head, Mp4Error> {
    let whole = sample.size as usize;
    let known = media.at(sample.offset, HEAD_BYTES.min(whole))?;
    let mut head = Head::default();
    let mut at = 0usize;
    for _ in 0..MAX_UNITS_AHEAD {
        let bare = length_bytes + 1;
        if at.saturating_add(bare) > whole {
            break;
        }
        let start = match known.get(at..at + bare) {
            Some(start) => start.to_owned(),
            None => media.at(sample.offset + at as u64, bare)?,
        };
        let (Some(length), Some(first)) =
            (unit_length(&start, length_bytes), start.get(length_bytes))
        else {
            break;
        };
        match first & 0x1f {
            kind @ 1..=IDR_SLICE => {
                head.is_idr = kind == IDR_SLICE;
                return Ok(head);
            }
            DELIMITER if at == 0 => {
                head.delimiter_bytes = u32::try_from(length_bytes + length).unwrap_or(u32::MAX);
            }
            SEQUENCE_SET | PICTURE_SET => {
                let room = (whole - at - length_bytes).min(MAX_SET_BYTES);
                let from = sample.offset + (at + length_bytes) as u64;
                head.sets.push(media.at(from, length.min(room))?);
            }
            _ => {}
        }
        at = at.saturating_add(length_bytes).saturating_add(length);
    }
    Err(Damage("a sample holds no picture").into())
}

/// Bytes of a unit's length in films, and in nearly all clips. The units of others would have to be written anew.
const FILM_LENGTH_BYTES: usize = 4;

impl Config {
    /// Whether samples of such a stream can stand in a film as they are.
    fn fits_a_film(&self) -> bool {
        self.length_bytes == FILM_LENGTH_BYTES
    }
}

/// The places, in the order of showing and before any edit, of all IDR pictures of the first picture track from which a film may copy. Empty
/// for other codecs. A container's key flag alone may also mark recovery points, from which a copy would start with broken pictures.
pub(crate) fn idr_frames(path: &Path, movie: &Movie) -> Result<Vec<u64>, Mp4Error> {
    let Some(track) = movie.track(TrackKind::Video) else {
        return Ok(Vec::new());
    };
    let Some(config) = track.avc().filter(Config::fits_a_film) else {
        return Ok(Vec::new());
    };
    let media = Media::open(path)?;
    let Order { shown } = track.order()?;
    let mut frames = Vec::new();
    for (sample, shown) in track.samples()?.iter().zip(shown) {
        if sample.sync && head(&media, sample, config.length_bytes)?.is_idr {
            frames.push(u64::from(shown));
        }
    }
    frames.sort_unstable();
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_survives_a_round_trip_and_a_cut_one_is_refused() {
        let config = Config {
            profile: 100,
            compatibility: 0,
            level: 31,
            length_bytes: 4,
            sequence_sets: vec![vec![0x67, 100, 0, 31]],
            picture_sets: vec![vec![0x68, 1], vec![0x68, 2]],
            extension: vec![0xfd, 0xf8, 0xf8, 0],
        };
        let bytes = config.to_bytes();
        assert_eq!(Config::parse(&bytes), Some(config.clone()));
        for end in 0..bytes.len() - config.extension.len() {
            assert_eq!(Config::parse(&bytes[..end]), None);
        }
        assert_eq!(config.in_band().len(), 8 + 6 + 6);
        let short = Config {
            length_bytes: 2,
            ..config.clone()
        };
        assert!(config.fits_a_film() && !short.fits_a_film());
    }

    #[test]
    fn units_that_run_past_their_sample_are_damage() {
        let sample = [0, 0, 0, 2, 9, 16, 0, 0, 0, 9, 5];
        let units: Vec<_> = units(&sample, 4).collect();
        assert_eq!(units[0], Ok([9, 16].as_slice()));
        assert!(units[1].is_err() && units.len() == 2);
    }
}
