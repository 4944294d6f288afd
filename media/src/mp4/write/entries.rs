//! Sample descriptions of films: pictures are BT.709 in limited range with square pixels, whatever else they are.

use super::super::avc;
use super::boxes::Out;

/// Code points of ITU-T H.273 for BT.709.
const BT709: u16 = 1;

pub(crate) fn avc(width: u32, height: u32, config: &avc::Config) -> Vec<u8> {
    pictures(b"avc1", width, height, b"avcC", &config.to_bytes())
}

/// `config` is the body of `hvcC`. The name `hvc1` says that all parameter sets are in it, so its arrays are marked complete.
pub(crate) fn hevc(width: u32, height: u32, config: &[u8]) -> Option<Vec<u8>> {
    const ARRAYS_AT: usize = 22;
    const COMPLETE: u8 = 0x80;
    let mut config = config.to_owned();
    let arrays = *config.get(ARRAYS_AT)?;
    let mut at = ARRAYS_AT + 1;
    for _ in 0..arrays {
        *config.get_mut(at)? |= COMPLETE;
        let units = super::super::bytes::be_u16(&config, at + 1)?;
        at += 3;
        for _ in 0..units {
            at += 2 + usize::from(super::super::bytes::be_u16(&config, at)?);
        }
    }
    (at == config.len()).then(|| pictures(b"hvc1", width, height, b"hvcC", &config))
}

/// `config` is the body of `av1C`.
pub(crate) fn av1(width: u32, height: u32, config: &[u8]) -> Vec<u8> {
    pictures(b"av01", width, height, b"av1C", config)
}

fn pictures(
    kind: &[u8; 4],
    width: u32,
    height: u32,
    config_kind: &[u8; 4],
    config: &[u8],
) -> Vec<u8> {
    const DOTS_PER_INCH_72: u32 = 72 << 16;
    let mut out = Out::default();
    out.boxed(kind, |out| {
        entry_head(out);
        out.zeros(16);
        out.u16(u16::try_from(width).unwrap_or(u16::MAX));
        out.u16(u16::try_from(height).unwrap_or(u16::MAX));
        out.u32(DOTS_PER_INCH_72);
        out.u32(DOTS_PER_INCH_72);
        out.zeros(4);
        // Frames per sample; no compressor's name; 24 bits; no colour table.
        out.u16(1);
        out.zeros(32);
        out.u16(24);
        out.u16(0xffff);
        out.boxed(config_kind, |out| out.bytes(config));
        out.boxed(b"colr", |out| {
            out.bytes(b"nclx");
            out.u16(BT709);
            out.u16(BT709);
            out.u16(BT709);
            // Limited range.
            out.u8(0);
        });
        out.boxed(b"pasp", |out| {
            out.u32(1);
            out.u32(1);
        });
    });
    out.0
}

/// 3GPP timed text (3GPP TS 26.245): white, at the bottom, centred; players style it as they like.
pub(crate) fn captions() -> Vec<u8> {
    let mut out = Out::default();
    out.boxed(b"tx3g", |out| {
        entry_head(out);
        // Display flags; centred, bottom (−1); no background; no box.
        out.u32(0);
        out.bytes(&[1, 0xff, 0, 0, 0, 0]);
        out.zeros(8);
        // Style of all characters: font 1, plain, 18 px, white.
        out.bytes(&[0, 0, 0, 0, 0, 1, 0, 18, 0xff, 0xff, 0xff, 0xff]);
        out.boxed(b"ftab", |out| {
            out.u16(1);
            out.u16(1);
            out.u8(10);
            out.bytes(b"Sans-Serif");
        });
    });
    out.0
}

/// QuickTime text, as players expect the titles of chapters.
pub(crate) fn chapters() -> Vec<u8> {
    let mut out = Out::default();
    out.boxed(b"text", |out| {
        entry_head(out);
        // Flags, centred, background, box, reserved, font, face, reserved, colour, and an empty name.
        out.u32(0);
        out.u32(1);
        out.zeros(6 + 8 + 8 + 2 + 2 + 1 + 2 + 6 + 1);
    });
    out.0
}

/// Reserved bytes, and the first data reference.
fn entry_head(out: &mut Out) {
    out.zeros(6);
    out.u16(1);
}
