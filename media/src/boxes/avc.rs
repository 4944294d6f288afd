//! Whether an H.264 track starts with an IDR picture, seen in the bytes of its first sample. A container's key flag may also mark recovery
//! points, from which a copy would start with broken pictures.

use std::io;

use super::mp4::Track;
use super::{Source, be_u32, four};

/// Coded slices, ITU-T H.264 table 7-1: types 1 to 4 are of other pictures, 5 is of an IDR picture.
const IDR_SLICE: u8 = 5;
/// Units in front of the first slice: delimiter, parameter sets, messages.
const MAX_UNITS: u32 = 64;
/// A visual sample entry has 78 bytes of fixed fields behind its own header; child boxes follow.
const VISUAL_ENTRY_BYTES: usize = 8 + 78;

/// Bytes of each unit's length, from the `avcC` of the first sample entry in an `stsd` body.
pub fn unit_length_bytes(stsd: &[u8]) -> Option<usize> {
    let entry = stsd.get(8..)?;
    if !matches!(&four(entry, 4)?, b"avc1" | b"avc3") {
        return None;
    }
    let mut at = VISUAL_ENTRY_BYTES;
    loop {
        let size = usize::try_from(be_u32(entry, at)?).ok()?;
        if &four(entry, at + 4)? == b"avcC" {
            return Some(usize::from(entry.get(at + 8 + 4)? & 3) + 1);
        }
        at = at.checked_add(size.max(8))?;
    }
}

/// `None` where that cannot be told: another codec, fragments, damage.
pub fn starts_on_idr(source: &Source<'_>, track: &Track) -> io::Result<Option<bool>> {
    let (Some(mut at), Some(length_bytes)) = (track.first_sample, track.unit_length_bytes) else {
        return Ok(None);
    };
    for _ in 0..MAX_UNITS {
        let head = source.read(at, length_bytes + 1)?;
        let Some((kind, length)) = head
            .split_last()
            .filter(|(_, length)| length.len() == length_bytes)
        else {
            return Ok(None);
        };
        let kind = kind & 0x1f;
        if (1..=IDR_SLICE).contains(&kind) {
            return Ok(Some(kind == IDR_SLICE));
        }
        let length = length
            .iter()
            .fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        at = at
            .saturating_add(length_bytes as u64)
            .saturating_add(length);
    }
    Ok(None)
}
