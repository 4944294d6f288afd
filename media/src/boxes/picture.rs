//! The headers of PNG, JPEG and WebP files: size, orientation, transparency, and whether there is more than one picture in it. Only headers
//! are read, and a bounded number of them.

use std::io;

use super::{Source, be_u32, four};

/// Chunks or segments in front of the picture: profiles, metadata, thumbnails.
const MAX_PARTS: u32 = 1024;
/// Of a metadata block. The orientation stands among its first entries.
const EXIF_BYTES: usize = 64 << 10;
/// Entries of the first directory of a TIFF structure.
const MAX_ENTRIES: usize = 256;
const ORIENTATION: u16 = 0x0112;

/// What the header of a picture file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Picture {
    /// Stored pixels; 0 where the header does not say.
    pub width: u32,
    pub height: u32,
    /// Clockwise, to be applied for viewing: 0, 90, 180 or 270; mirrored left to right before that.
    pub rotation_degrees: u16,
    pub mirrored: bool,
    pub alpha: bool,
    pub animated: bool,
}

/// PNG, third edition: chunks of length, type, data, check sum. `acTL` in front of the data announces an animation.
pub fn png(source: &Source<'_>) -> io::Result<Picture> {
    let mut picture = Picture::default();
    let mut at = 8;
    for _ in 0..MAX_PARTS {
        let header = source.read(at, 8 + 13)?;
        let (Some(size), Some(kind)) = (be_u32(&header, 0), four(&header, 4)) else {
            break;
        };
        match &kind {
            b"IHDR" => {
                picture.width = be_u32(&header, 8).unwrap_or(0);
                picture.height = be_u32(&header, 12).unwrap_or(0);
                // Colour types 4 and 6 have an alpha channel.
                picture.alpha = header.get(17).is_some_and(|kind| kind & 4 != 0);
            }
            b"tRNS" => picture.alpha = true,
            b"acTL" => picture.animated = true,
            b"eXIf" => orient(&mut picture, &source.read(at + 8, bounded(size))?),
            b"IDAT" | b"IEND" => break,
            _ => {}
        }
        at = at.saturating_add(u64::from(size) + 12);
    }
    Ok(picture)
}

/// JPEG: segments of marker and length up to the start of a frame.
pub fn jpeg(source: &Source<'_>) -> io::Result<Picture> {
    let mut picture = Picture::default();
    let mut at = 2;
    for _ in 0..MAX_PARTS {
        let header = source.read(at, 9)?;
        let [0xff, marker, high, low, ..] = header.as_slice() else {
            break;
        };
        let (marker, size) = (*marker, u16::from_be_bytes([*high, *low]));
        match marker {
            // Fill bytes in front of a marker.
            0xff => {
                at += 1;
                continue;
            }
            // Start of frame, of every kind; c4, c8 and cc are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let side = |at: usize| match header.get(at..at + 2) {
                    Some([high, low]) => u32::from(u16::from_be_bytes([*high, *low])),
                    _ => 0,
                };
                (picture.height, picture.width) = (side(5), side(7));
                break;
            }
            0xe1 => {
                let body = source.read(at + 4, usize::from(size.saturating_sub(2)))?;
                if let Some(tiff) = body.strip_prefix(b"Exif\0\0") {
                    orient(&mut picture, tiff);
                }
            }
            // End of the picture, or its data: no frame came before.
            0xd9 | 0xda => break,
            _ => {}
        }
        at = at.saturating_add(2 + u64::from(size.max(2)));
    }
    Ok(picture)
}

/// WebP (RFC 9649): RIFF chunks; one `VP8 ` or `VP8L`, or `VP8X` with flags in front of them.
pub fn webp(source: &Source<'_>) -> io::Result<Picture> {
    let mut picture = Picture::default();
    let mut at = 12;
    for _ in 0..MAX_PARTS {
        let header = source.read(at, 8 + 10)?;
        let (Some(kind), Some(size)) = (four(&header, 0), four(&header, 4)) else {
            break;
        };
        let size = u32::from_le_bytes(size);
        let body = header.get(8..).unwrap_or_default();
        match &kind {
            b"VP8X" => {
                let flags = body.first().copied().unwrap_or(0);
                picture.animated = flags & 0x02 != 0;
                picture.alpha = flags & 0x10 != 0;
                let side = |at: usize| le(body.get(at..at + 3).unwrap_or_default()) + 1;
                (picture.width, picture.height) = (side(4), side(7));
            }
            b"VP8 " if picture.width == 0 => {
                let side = |at: usize| le(body.get(at..at + 2).unwrap_or_default()) & 0x3fff;
                (picture.width, picture.height) = (side(6), side(8));
            }
            b"VP8L" if picture.width == 0 => {
                let bits = le(body.get(1..5).unwrap_or_default());
                (picture.width, picture.height) = ((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1);
                picture.alpha = bits >> 28 & 1 == 1;
            }
            b"ANIM" | b"ANMF" => picture.animated = true,
            b"EXIF" => {
                let body = source.read(at + 8, bounded(size))?;
                // Some writers leave the prefix of JPEG in.
                orient(
                    &mut picture,
                    body.strip_prefix(b"Exif\0\0").unwrap_or(&body),
                );
            }
            _ => {}
        }
        at = at.saturating_add(8 + u64::from(size) + u64::from(size % 2));
    }
    Ok(picture)
}

/// GIF89a: more than one image, told by the loop extension that every animation writes.
pub fn gif_is_animated(head: &[u8]) -> bool {
    head.windows(11).any(|window| window == b"NETSCAPE2.0")
}

fn bounded(size: u32) -> usize {
    usize::try_from(size).unwrap_or(EXIF_BYTES).min(EXIF_BYTES)
}

fn le(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// Exif 2.3 §4.6.4: eight ways to hold a camera.
fn orient(picture: &mut Picture, tiff: &[u8]) {
    (picture.rotation_degrees, picture.mirrored) = match orientation(tiff) {
        Some(2) => (0, true),
        Some(3) => (180, false),
        Some(4) => (180, true),
        Some(5) => (270, true),
        Some(6) => (90, false),
        Some(7) => (90, true),
        Some(8) => (270, false),
        _ => (0, false),
    };
}

/// The value of the orientation tag in the first directory of a TIFF structure of either byte order.
fn orientation(tiff: &[u8]) -> Option<u16> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let pair = *tiff.get(at..)?.first_chunk()?;
        Some(if little {
            u16::from_le_bytes(pair)
        } else {
            u16::from_be_bytes(pair)
        })
    };
    let offset = four(tiff, 4)?;
    let directory = usize::try_from(if little {
        u32::from_le_bytes(offset)
    } else {
        u32::from_be_bytes(offset)
    })
    .ok()?;
    let entries = usize::from(short(directory)?).min(MAX_ENTRIES);
    (0..entries)
        .map(|entry| directory.saturating_add(2 + entry * 12))
        .find(|at| short(*at) == Some(ORIENTATION))
        .and_then(|at| short(at + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_orientation_is_read_in_both_byte_orders_and_damage_is_none() {
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0";
        assert_eq!((orientation(big), orientation(little)), (Some(6), Some(8)));
        assert!((0..big.len() - 2).all(|end| orientation(&big[..end]).is_none()));
        assert_eq!(orientation(b"MM\0*\xff\xff\xff\xff"), None);
    }
}
