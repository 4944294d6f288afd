//! The stream of packets that our encoder writes: where each lies, and which window it is coded with. Ours, so anything odd in it is an error.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::AacError;

const HEADER_BYTES: usize = 7;

/// One packet without its header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) offset: u64,
    pub(crate) size: u32,
    /// `None`: the channels have windows of their own, or the packet begins with something else.
    pub(crate) window: Option<Window>,
}

/// How a packet that serves both channels overlaps with its neighbours (ISO/IEC 14496-3, `ics_info`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    sequence: u8,
    shape: u8,
}

impl Window {
    /// One long window: it follows and precedes others of its shape.
    pub(crate) fn is_long(self) -> bool {
        self.sequence == 0
    }
}

/// All packets of a file, in order.
pub(crate) fn packets(path: &Path) -> Result<Vec<Packet>, AacError> {
    let file = File::open(path).map_err(AacError::Io)?;
    let mut file = BufReader::new(file);
    let mut packets = Vec::new();
    let mut offset = 0u64;
    loop {
        let mut header = [0u8; HEADER_BYTES];
        match file.read_exact(&mut header) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(packets),
            Err(error) => return Err(AacError::Io(error)),
        }
        let size = body_bytes(header).ok_or_else(|| AacError::Stumbled("not ADTS".to_owned()))?;
        let mut body = vec![0; size as usize];
        file.read_exact(&mut body).map_err(AacError::Io)?;
        packets.push(Packet {
            offset: offset + HEADER_BYTES as u64,
            size,
            window: window(&body),
        });
        offset += HEADER_BYTES as u64 + u64::from(size);
    }
}

/// Of a frame without checksum that holds one packet.
fn body_bytes([a, b, _, d, e, f, g]: [u8; HEADER_BYTES]) -> Option<u32> {
    let frame = u32::from(d & 3) << 11 | u32::from(e) << 3 | u32::from(f) >> 5;
    let plain = a == 0xff && b & 0xf7 == 0xf1 && g & 3 == 0;
    frame
        .checked_sub(HEADER_BYTES as u32)
        .filter(|bytes| plain && *bytes > 0)
}

/// A channel pair begins: 3 bits element (1), 4 bits tag, 1 bit common window, 1 bit reserved, 2 bits sequence, 1 bit shape.
fn window(packet: &[u8]) -> Option<Window> {
    let (first, second) = (*packet.first()?, *packet.get(1)?);
    let pair_with_common_window = first >> 5 == 1 && first & 1 == 1;
    pair_with_common_window.then_some(Window {
        sequence: second >> 5 & 3,
        shape: second >> 4 & 1,
    })
}
