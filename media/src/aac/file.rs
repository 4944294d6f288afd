//! Packets of our encoder to an MP4 sound file whose edit list hides priming and padding, to the sample.

use std::fs::File;
use std::io::{self, BufWriter};
use std::os::unix::fs::FileExt;
use std::path::Path;

use botflix_common::units::SAMPLE_RATE_HZ;

use super::PACKET_FRAMES;
use super::adts::Packet;
use crate::mp4::Mp4Error;
use crate::mp4::write::{Brand, Layout, NewMedia, NewMovie, NewSample, NewTrack};

/// AAC-LC (object type 2), 48 kHz (index 3), two channels, packets of 1024; then, for decoders that would look for it, that there is no spectral
/// band replication.
const CONFIG: [u8; 5] = [0x11, 0x90, 0x56, 0xe5, 0x00];

const CHANNELS: u16 = 2;
const BITS_PER_SAMPLE: u16 = 16;

/// Packets, and the file they lie in.
pub(crate) struct Piece<'a> {
    pub(crate) path: &'a Path,
    pub(crate) packets: &'a [Packet],
}

/// Writes the packets of all pieces as one sound, of which `frames` after the first packet's worth of priming are presented.
pub(crate) fn write(pieces: &[Piece<'_>], frames: u64, out: &Path) -> Result<(), Mp4Error> {
    let files = pieces
        .iter()
        .map(|piece| File::open(piece.path))
        .collect::<io::Result<Vec<_>>>()?;
    let packets: Vec<(&File, Packet)> = files
        .iter()
        .zip(pieces)
        .flat_map(|(file, piece)| piece.packets.iter().map(move |packet| (file, *packet)))
        .collect();
    let layout = Layout::new(NewMovie {
        timescale: SAMPLE_RATE_HZ,
        brand: Brand::Sound,
        title: String::new(),
        chapters: Vec::new(),
        tracks: vec![NewTrack {
            media: NewMedia::Sound,
            timescale: SAMPLE_RATE_HZ,
            language: *b"und",
            entry: entry(bits_per_second(&packets)),
            samples: packets.iter().map(|(_, packet)| sample(packet)).collect(),
            media_time: PACKET_FRAMES,
            starts_at: 0,
            shown: frames,
        }],
    });
    let mut out = BufWriter::new(File::create(out)?);
    layout.write(&mut out, |_, index, buffer| {
        let missing = || Mp4Error::Io(io::ErrorKind::UnexpectedEof.into());
        let (file, packet) = packets.get(index).ok_or_else(missing)?;
        buffer.resize(packet.size as usize, 0);
        file.read_exact_at(buffer, packet.offset)?;
        Ok(())
    })
}

fn sample(packet: &Packet) -> NewSample {
    NewSample {
        size: packet.size,
        duration: PACKET_FRAMES as u32,
        composition_offset: 0,
        sync: true,
    }
}

fn bits_per_second(packets: &[(&File, Packet)]) -> u32 {
    let bits: u64 = packets
        .iter()
        .map(|(_, packet)| u64::from(packet.size) * 8)
        .sum();
    let frames = packets.len() as u64 * PACKET_FRAMES;
    u32::try_from(bits * u64::from(SAMPLE_RATE_HZ) / frames.max(1)).unwrap_or(u32::MAX)
}

/// The sample description `mp4a` (ISO/IEC 14496-14) with the decoder's configuration.
fn entry(bits_per_second: u32) -> Vec<u8> {
    let mut decoder = vec![0x40, 0x15, 0, 0, 0];
    decoder.extend(bits_per_second.to_be_bytes());
    decoder.extend(bits_per_second.to_be_bytes());
    decoder.extend(descriptor(5, &CONFIG));
    let mut stream = vec![0; 3];
    stream.extend(descriptor(4, &decoder));
    stream.extend(descriptor(6, &[2]));
    let mut esds = vec![0; 4];
    esds.extend(descriptor(3, &stream));

    let mut body = vec![0; 6];
    body.extend(1u16.to_be_bytes());
    body.extend([0; 8]);
    body.extend(CHANNELS.to_be_bytes());
    body.extend(BITS_PER_SAMPLE.to_be_bytes());
    body.extend([0; 4]);
    body.extend((SAMPLE_RATE_HZ << 16).to_be_bytes());
    body.extend(boxed(*b"esds", &esds));
    boxed(*b"mp4a", &body)
}

/// Of fewer than 128 bytes.
fn descriptor(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag, body.len() as u8];
    bytes.extend(body);
    bytes
}

fn boxed(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32 + 8).to_be_bytes().to_vec();
    bytes.extend(kind);
    bytes.extend(body);
    bytes
}
