//! AAC-LC in process: the sound of plain MP4 and MOV files decoded exactly as ffmpeg decodes it, and the packets that our encoder writes.
//!
//! Starting ffmpeg costs as much as decoding a minute. What is here serves the common case (48 kHz, mono or stereo, Low Complexity, one edit);
//! for everything else [`Track::open`] says `None`, and a decoder that stumbles says so, and ffmpeg does it. Memory-safe code: the packets of
//! strangers are decoded outside the sandbox of ffmpeg, but nothing they say is taken on trust. Blocking. Knows nothing of films.

pub(crate) mod adts;
mod file;
mod reader;
mod track;

pub(crate) use self::file::{Piece, write};
pub(crate) use self::reader::Reader;
pub(crate) use self::track::Track;

/// Samples per channel in a packet.
pub(crate) const PACKET_FRAMES: u64 = 1024;

/// Larger packets do not exist: 6144 bits per channel (ISO/IEC 14496-3), and room for what is carried beside.
const MAX_PACKET_BYTES: u32 = 8191;

/// Why a sound is not decoded here after all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AacError {
    #[error("reading the sound of a clip")]
    Io(#[source] std::io::Error),
    /// ffmpeg may make something of it.
    #[error("the sound cannot be decoded in process: {0}")]
    Stumbled(String),
}

#[cfg(test)]
mod tests;
