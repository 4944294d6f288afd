//! Sample descriptions: what a decoder must know before the first sample.

use super::bytes::{be_u16, child};

/// Header, reserved bytes and fixed fields of a visual sample entry; child boxes follow.
const VISUAL_ENTRY_BYTES: usize = 86;
/// The same of a sound entry of version 0.
const SOUND_ENTRY_BYTES: usize = 36;

/// A sample entry as it stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// `avc1`, `hvc1`, `mp4a`, …
    pub(crate) kind: [u8; 4],
    /// Header included.
    pub(crate) bytes: Vec<u8>,
}

impl Entry {
    pub(super) fn new(kind: [u8; 4], bytes: &[u8]) -> Self {
        Self {
            kind,
            bytes: bytes.to_owned(),
        }
    }

    pub(crate) fn is_avc(&self) -> bool {
        matches!(&self.kind, b"avc1" | b"avc3")
    }

    /// Width and height of pictures.
    pub(crate) fn size(&self) -> Option<(u16, u16)> {
        Some((be_u16(&self.bytes, 32)?, be_u16(&self.bytes, 34)?))
    }

    /// The body of `avcC`, `hvcC` or `av1C`.
    pub(crate) fn decoder_config(&self) -> Option<&[u8]> {
        let kind = match &self.kind {
            b"avc1" | b"avc3" => b"avcC",
            b"hvc1" | b"hev1" => b"hvcC",
            b"av01" => b"av1C",
            _ => return None,
        };
        child(self.bytes.get(VISUAL_ENTRY_BYTES..)?, kind)
    }

    /// The `AudioSpecificConfig` (ISO/IEC 14496-3) of an AAC track.
    pub(crate) fn audio_specific_config(&self) -> Option<&[u8]> {
        if &self.kind != b"mp4a" {
            return None;
        }
        // QuickTime's versions 1 and 2 have more fields before the child boxes.
        let more = match be_u16(&self.bytes, 16)? {
            1 => 16,
            2 => 36,
            _ => 0,
        };
        let children = |more| self.bytes.get(SOUND_ENTRY_BYTES + more..);
        let esds = |boxes| child(boxes, b"esds").or_else(|| child(child(boxes, b"wave")?, b"esds"));
        // In an MP4 the version may be stated and the fields left out.
        let esds = children(more)
            .and_then(esds)
            .or_else(|| children(0).and_then(esds))?;
        decoder_specific(esds.get(4..)?)
    }
}

/// What lies in the descriptor of tag 5 within those of tags 3 and 4 (ISO/IEC 14496-1 §7.2.6).
fn decoder_specific(descriptors: &[u8]) -> Option<&[u8]> {
    let stream = descriptor(descriptors, 3)?;
    let flags = *stream.get(2)?;
    let mut skip = 3;
    if flags & 0x80 != 0 {
        skip += 2;
    }
    if flags & 0x40 != 0 {
        skip += 1 + usize::from(*stream.get(skip)?);
    }
    if flags & 0x20 != 0 {
        skip += 2;
    }
    let decoder = descriptor(stream.get(skip..)?, 4)?;
    // 0x40 is MPEG-4 audio, 0x66 to 0x68 MPEG-2 AAC.
    if !matches!(decoder.first()?, 0x40 | 0x66..=0x68) {
        return None;
    }
    descriptor(decoder.get(13..)?, 5)
}

/// The body of the descriptor that `bytes` begins with, if it has this tag.
fn descriptor(bytes: &[u8], tag: u8) -> Option<&[u8]> {
    let (first, mut rest) = bytes.split_first()?;
    if *first != tag {
        return None;
    }
    let mut length = 0usize;
    for _ in 0..4 {
        let (byte, after) = rest.split_first()?;
        length = length << 7 | usize::from(byte & 0x7f);
        rest = after;
        if byte & 0x80 == 0 {
            break;
        }
    }
    rest.get(..length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sound_configuration_is_found_behind_optional_fields_and_not_past_the_end() {
        let config = [0x12, 0x10];
        let mut decoder = vec![4, 17, 0x40];
        decoder.extend([0; 12]);
        decoder.extend([5, 2]);
        decoder.extend(config);
        let mut stream = vec![3, 0x80, 0x80, 0x80, 26, 0, 1, 0xc0, 0, 9, 2, b'u', b'u'];
        stream.extend(&decoder);
        assert_eq!(
            decoder_specific(&stream).map(<[u8]>::to_vec),
            None,
            "a length one too small cuts it off"
        );
        stream[4] = 8 + decoder.len() as u8;
        assert_eq!(decoder_specific(&stream), Some(config.as_slice()));
        for end in 0..stream.len() {
            assert_eq!(decoder_specific(&stream[..end]), None);
        }
    }
}
