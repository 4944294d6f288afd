//! The kind of a file by its first bytes. Names and extensions do not matter: FLV named `.mp4` is FLV.

use botflix_common::facts::Container;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Media(Container),
    Playlist,
    /// In a word or two, to complete "its bytes are …".
    Foreign(&'static str),
}

/// Signatures at the very start of kinds we do not open.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"FLV\x01", "FLV"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "ASF (Windows Media)"),
    (b".RMF", "RealMedia"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"\x00\x00\x00\x0cJXL ", "a JPEG XL image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "gzip data"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"FORM", "AIFF"),
    (b"caff", "a Core Audio file"),
    (b"MThd", "MIDI"),
    (b"#!AMR", "AMR"),
];

/// First boxes that an ISO base media or QuickTime file can start with.
const FIRST_BOXES: [&[u8; 4]; 10] = [
    b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"moof", b"styp", b"sidx",
];

/// Brands of pictures in the same box format.
const IMAGE_BRANDS: [&[u8; 4]; 7] = [
    b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"crx ",
];

pub fn sniff(head: &[u8]) -> Kind {
    if let Some(kind) = boxed(head).or_else(|| ebml(head)).or_else(|| riff(head)) {
        return kind;
    }
    if let Some((_, what)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Kind::Foreign(what);
    }
    if head.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Kind::Media(Container::Png);
    }
    if head.starts_with(b"\xff\xd8\xff") {
        return Kind::Media(Container::Jpeg);
    }
    if head.starts_with(b"fLaC") {
        return Kind::Media(Container::Flac);
    }
    if head.starts_with(b"OggS") {
        return Kind::Media(Container::Ogg);
    }
    if is_transport_stream(head) {
        return Kind::Foreign("an MPEG transport stream");
    }
    mpeg_audio(head)
        .or_else(|| text(head))
        .unwrap_or(Kind::Foreign("an unknown format"))
}

fn boxed(head: &[u8]) -> Option<Kind> {
    let kind = super::four(head, 4)?;
    if !FIRST_BOXES.contains(&&kind) {
        return None;
    }
    if &kind != b"ftyp" {
        // QuickTime files may lack a brand; segments of fragmented files are MP4's.
        let segment = matches!(&kind, b"styp" | b"moof" | b"sidx");
        return Some(Kind::Media(if segment {
            Container::Mp4
        } else {
            Container::Mov
        }));
    }
    let brand = super::four(head, 8).unwrap_or_default();
    Some(if IMAGE_BRANDS.contains(&&brand) {
        Kind::Foreign("a HEIF image")
    } else if &brand == b"qt  " {
        Kind::Media(Container::Mov)
    } else {
        Kind::Media(Container::Mp4)
    })
}

fn ebml(head: &[u8]) -> Option<Kind> {
    if !head.starts_with(b"\x1a\x45\xdf\xa3") {
        return None;
    }
    Some(match super::matroska::doc_type(head) {
        Some(name) if name == b"webm" => Kind::Media(Container::Webm),
        Some(name) if name == b"matroska" => Kind::Media(Container::Matroska),
        _ => Kind::Foreign("EBML, but neither Matroska nor WebM"),
    })
}

fn riff(head: &[u8]) -> Option<Kind> {
    if ![&b"RIFF"[..], b"RF64", b"BW64"]
        .iter()
        .any(|magic| head.starts_with(magic))
    {
        return None;
    }
    Some(match &super::four(head, 8)? {
        b"WAVE" => Kind::Media(Container::Wav),
        b"AVI " => Kind::Foreign("AVI"),
        b"WEBP" => Kind::Media(Container::Webp),
        _ => Kind::Foreign("an unknown RIFF file"),
    })
}

/// Sync bytes at the packet distance of 188.
fn is_transport_stream(head: &[u8]) -> bool {
    const PACKET_BYTES: usize = 188;
    (0..3).all(|packet| head.get(packet * PACKET_BYTES) == Some(&0x47))
}

fn mpeg_audio(head: &[u8]) -> Option<Kind> {
    if head.starts_with(b"ID3") {
        return Some(Kind::Media(Container::Mp3));
    }
    let [first, second, third] = head.first_chunk().copied()?;
    if first != 0xff || second & 0xe0 != 0xe0 {
        return None;
    }
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    let (bit_rate, sample_rate) = (third >> 4, (third >> 2) & 3);
    match (version, layer) {
        (2 | 3, 0) if second & 0xf0 == 0xf0 => Some(Kind::Media(Container::Aac)),
        (0 | 2 | 3, 1) if bit_rate != 15 && sample_rate != 3 => Some(Kind::Media(Container::Mp3)),
        _ => None,
    }
}

fn text(head: &[u8]) -> Option<Kind> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let readable = text
        .iter()
        .all(|byte| !byte.is_ascii_control() || byte.is_ascii_whitespace());
    if !readable {
        return None;
    }
    let text = String::from_utf8_lossy(text).to_lowercase();
    let text = text.trim_start();
    let starts = |marks: &[&str]| marks.iter().any(|mark| text.starts_with(mark));
    let list = starts(&[
        "#extm3u",
        "ffconcat",
        "[playlist]",
        "[reference]",
        "file '",
        "file ",
        "v=0",
    ]) || ["<mpd", "<smoothstreamingmedia", "<asx"]
        .iter()
        .any(|mark| text.contains(mark));
    Some(if list {
        Kind::Playlist
    } else if text.contains("<svg") {
        Kind::Foreign("an SVG image")
    } else if starts(&["<!doctype html", "<html"]) {
        Kind::Foreign("HTML")
    } else {
        Kind::Foreign("plain text")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_decide_and_not_the_name() {
        let cases: [(&[u8], Kind); 17] = [
            (b"\x89PNG\r\n\x1a\n\0", Kind::Media(Container::Png)),
            (b"\xff\xd8\xff\xe0", Kind::Media(Container::Jpeg)),
            (b"RIFF\0\0\0\0WEBPVP8 ", Kind::Media(Container::Webp)),
            (b"\0\0\0\x20ftypisom", Kind::Media(Container::Mp4)),
            (b"\0\0\0\x14ftypqt  ", Kind::Media(Container::Mov)),
            (b"\0\0\0\x1cftypheic", Kind::Foreign("a HEIF image")),
            (b"FLV\x01\x05", Kind::Foreign("FLV")),
            (
                b"\x00\x00\x01\xba\x44",
                Kind::Foreign("an MPEG program stream"),
            ),
            (b"RIFF\0\0\0\0WAVEfmt ", Kind::Media(Container::Wav)),
            (b"ID3\x04", Kind::Media(Container::Mp3)),
            (b"\xff\xfb\x90\x00", Kind::Media(Container::Mp3)),
            (b"\xff\xf1\x50\x80", Kind::Media(Container::Aac)),
            (b"\xef\xbb\xbf#EXTM3U\n", Kind::Playlist),
            (b"ffconcat version 1.0\nfile x", Kind::Playlist),
            (
                b"<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash'>",
                Kind::Playlist,
            ),
            (
                b"<?xml version='1.0'?>\n<svg xmlns='x'/>",
                Kind::Foreign("an SVG image"),
            ),
            (b"hello there\n", Kind::Foreign("plain text")),
        ];
        for (head, kind) in cases {
            assert_eq!(sniff(head), kind, "{}", String::from_utf8_lossy(head));
        }
    }
}
