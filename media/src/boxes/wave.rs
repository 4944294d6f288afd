//! The chunks of a WAV file (RIFF, RF64): whether its sound is all there. ffmpeg reports what is left of a cut file as if it were whole.

use std::io;

use super::{Source, four};

/// Chunks before the sound: format, metadata, padding.
const MAX_CHUNKS: u32 = 64;
/// Written by programs that could not seek back when they were done.
const UNKNOWN_SIZES: [u32; 2] = [0, u32::MAX];

/// By how many bytes the sound is shorter than its chunk says.
pub fn missing_bytes(source: &Source<'_>) -> io::Result<u64> {
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        let header = source.read(at, 8)?;
        let (Some(kind), Some(size)) = (four(&header, 0), four(&header, 4).map(u32::from_le_bytes))
        else {
            return Ok(0);
        };
        let end = at + 8 + u64::from(size);
        if &kind == b"data" {
            let known = !UNKNOWN_SIZES.contains(&size);
            return Ok(if known {
                end.saturating_sub(source.bytes)
            } else {
                0
            });
        }
        // Chunks begin at even offsets.
        at = end + end % 2;
    }
    Ok(0)
}
