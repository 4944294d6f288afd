//! Raw sound on disk: 48 kHz stereo, 32-bit float, little endian, interleaved, no header. Read and written in blocks, so that the memory of a
//! mix does not grow with the film. Knows nothing of ffmpeg or loudness.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::Frame;
use super::loudness::CHANNELS;
use crate::MediaError;

/// Frames handled at once: 85 ms, 32 KiB.
pub(super) const BLOCK_FRAMES: usize = 4096;

const BYTES_PER_SAMPLE: usize = size_of::<f32>();
pub(super) const BYTES_PER_FRAME: usize = BYTES_PER_SAMPLE * CHANNELS;

/// 36 dB over full scale. Beyond it lie only broken floating-point files.
const MAX_AMPLITUDE: f32 = 64.0;

/// Writes a file, or a stretch of one that others write the rest of.
pub(super) struct Writer {
    file: File,
    bytes: Vec<u8>,
    pub(super) frames: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, MediaError> {
        File::create(path).map_err(MediaError::io("creating a sound file"))?;
        Self::at(path, 0)
    }

    /// Into a file that exists, from frame `first` on; the rest of it stays.
    pub(super) fn at(path: &Path, first: u64) -> Result<Self, MediaError> {
        let mut file = File::options()
            .write(true)
            .open(path)
            .map_err(MediaError::io("opening a sound file"))?;
        file.seek(SeekFrom::Start(first * BYTES_PER_FRAME as u64))
            .map_err(MediaError::io("seeking in a sound file"))?;
        Ok(Self {
            file,
            bytes: Vec::new(),
            frames: 0,
        })
    }

    pub(super) fn write(&mut self, frames: &[Frame]) -> Result<(), MediaError> {
        to_bytes(frames, &mut self.bytes);
        self.frames += frames.len() as u64;
        self.file
            .write_all(&self.bytes)
            .map_err(MediaError::io("writing sound"))
    }
}

/// Reads on from any frame.
pub(super) struct Reader {
    file: File,
    bytes: Vec<u8>,
}

impl Reader {
    pub(super) fn open(path: &Path, first: u64) -> Result<Self, MediaError> {
        let mut file = File::open(path).map_err(MediaError::io("opening a sound file"))?;
        file.seek(SeekFrom::Start(first * BYTES_PER_FRAME as u64))
            .map_err(MediaError::io("seeking in a sound file"))?;
        Ok(Self {
            file,
            bytes: Vec::new(),
        })
    }

    /// Appends up to `wanted` frames, and no more than a block of them. 0: the file has ended.
    pub(super) fn read(
        &mut self,
        wanted: u64,
        frames: &mut Vec<Frame>,
    ) -> Result<usize, MediaError> {
        let wanted = usize::try_from(wanted)
            .unwrap_or(usize::MAX)
            .min(BLOCK_FRAMES);
        self.bytes.resize(wanted * BYTES_PER_FRAME, 0);
        let filled = fill(&mut self.file, &mut self.bytes)?;
        let (whole, _) = self
            .bytes
            .get(..filled)
            .unwrap_or_default()
            .as_chunks::<BYTES_PER_FRAME>();
        frames.extend(whole.iter().map(|[a, b, c, d, e, f, g, h]| {
            [
                f32::from_le_bytes([*a, *b, *c, *d]),
                f32::from_le_bytes([*e, *f, *g, *h]),
            ]
        }));
        Ok(whole.len())
    }
}

/// Reads until the buffer is full or the file ends.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> Result<usize, MediaError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(MediaError::io("reading sound"))? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

/// Replaces `bytes` by the frames as they lie in a file.
pub(super) fn to_bytes(frames: &[Frame], bytes: &mut Vec<u8>) {
    bytes.resize(frames.len() * BYTES_PER_FRAME, 0);
    let (places, _) = bytes.as_chunks_mut::<BYTES_PER_SAMPLE>();
    for (place, sample) in places.iter_mut().zip(frames.as_flattened()) {
        *place = sample.to_le_bytes();
    }
}

/// Values that are no numbers become silence, and absurd ones loud.
pub(super) fn make_sound(frames: &mut [Frame]) {
    for sample in frames.as_flattened_mut() {
        *sample = if sample.is_finite() {
            sample.clamp(-MAX_AMPLITUDE, MAX_AMPLITUDE)
        } else {
            0.0
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_written_in_two_stretches_reads_as_one_from_any_frame_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bed.f32");
        Writer::create(&path).unwrap();
        Writer::at(&path, 9_000)
            .unwrap()
            .write(&[[0.5, -0.5]; 100])
            .unwrap();
        Writer::at(&path, 0)
            .unwrap()
            .write(&vec![[0.25, -0.25]; 9_000])
            .unwrap();
        let mut reader = Reader::open(&path, 8_990).unwrap();
        let mut frames = Vec::new();
        while reader.read(u64::MAX, &mut frames).unwrap() > 0 {}
        assert_eq!(frames.len(), 110);
        assert_eq!((frames[9], frames[10]), ([0.25, -0.25], [0.5, -0.5]));
        let mut few = Vec::new();
        Reader::open(&path, 0).unwrap().read(3, &mut few).unwrap();
        assert_eq!(few.len(), 3);
    }

    #[test]
    fn what_is_no_number_becomes_silence() {
        let mut frames = [[f32::NAN, 0.5], [f32::INFINITY, 1e30]];
        make_sound(&mut frames);
        assert_eq!(frames, [[0.0, 0.5], [0.0, MAX_AMPLITUDE]]);
    }
}
