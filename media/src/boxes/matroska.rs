//! The little of EBML that is needed: the document type, and whether a track is encrypted. Only headers before the first cluster are read.

use std::io;

use super::Source;

/// Headers of a Matroska file lie in the first part of it; fonts and covers may be attached behind.
const HEADER_BYTES: usize = 1 << 20;
const MAX_ELEMENTS: u32 = 20_000;

const DOC_TYPE: u32 = 0x4282;
const CLUSTER: u32 = 0x1f43_b675;
const CONTENT_ENCRYPTION: u32 = 0x5035;
/// EBML header, Segment, Tracks, TrackEntry, ContentEncodings, ContentEncoding.
const MASTERS: [u32; 6] = [0x1a45_dfa3, 0x1853_8067, 0x1654_ae6b, 0xae, 0x6d80, 0x6240];

pub fn doc_type(head: &[u8]) -> Option<&[u8]> {
    let mut found = None;
    visit(head, |id, body| {
        if id == DOC_TYPE {
            found = Some(body);
        }
    });
    // Strings may be padded with zeros.
    found.map(|name| name.split(|byte| *byte == 0).next().unwrap_or(name))
}

pub fn is_encrypted(source: &Source<'_>) -> io::Result<bool> {
    let head = source.read(0, HEADER_BYTES)?;
    let mut encrypted = false;
    visit(&head, |id, _| encrypted |= id == CONTENT_ENCRYPTION);
    Ok(encrypted)
}

/// Every element before the first cluster, in order. Master elements are entered by going on behind their header, so nothing recurses.
fn visit<'a>(bytes: &'a [u8], mut on_element: impl FnMut(u32, &'a [u8])) {
    let mut at = 0;
    for _ in 0..MAX_ELEMENTS {
        let Some((id, id_bytes)) = number(bytes, at, Marker::Kept) else {
            return;
        };
        let Some((size, size_bytes)) = number(bytes, at + id_bytes, Marker::Removed) else {
            return;
        };
        let Ok(id) = u32::try_from(id) else { return };
        let body = at + id_bytes + size_bytes;
        if id == CLUSTER {
            return;
        }
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| body.checked_add(size))
            .unwrap_or(usize::MAX);
        on_element(
            id,
            bytes.get(body..end.min(bytes.len())).unwrap_or_default(),
        );
        at = if MASTERS.contains(&id) { body } else { end };
    }
}

#[derive(PartialEq)]
enum Marker {
    Kept,
    Removed,
}

/// A variable-length number: leading zero bits of the first byte tell its length.
fn number(bytes: &[u8], at: usize, marker: Marker) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let length = first.leading_zeros() as usize + 1;
    if length > 8 {
        return None;
    }
    let mut value = u64::from(first);
    if marker == Marker::Removed {
        value &= (1 << (8 - length)) - 1;
    }
    for byte in bytes.get(at + 1..at + length)? {
        value = value << 8 | u64::from(*byte);
    }
    Some((value, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_type_is_found_and_damage_ends_the_walk() {
        let head =
            b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff";
        assert_eq!(doc_type(head), Some(&b"webm"[..]));
        assert_eq!(doc_type(&head[..6]), None);
        assert_eq!(doc_type(&[0; 64]), None);
    }
}
