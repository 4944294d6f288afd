//! Raw sound on disk: 48 kHz stereo, 32-bit float, little endian, interleaved, no header. Read and written in blocks, so that the memory of a
//! mix does not grow with the film. Knows nothing of ffmpeg or loudness.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::loudness::CHANNELS;
use super::true_peak::Frame;
use crate::MediaError;

/// Frames handled at once: 85 ms, 32 KiB.
const BLOCK_FRAMES: usize = 4096;

const BYTES_PER_SAMPLE: usize = size_of::<f32>();
const BYTES_PER_FRAME: usize = BYTES_PER_SAMPLE * CHANNELS;

/// 36 dB over full scale. Beyond it lie only broken floating-point files.
const MAX_AMPLITUDE: f32 = 64.0;

/// Writes a file from its beginning.
pub(super) struct Writer {
    file: BufWriter<File>,
    pub(super) frames: u64,
}

impl Writer {
    pub(super) fn create(path: &Path) -> Result<Self, MediaError> {
        let file = File::create(path).map_err(MediaError::io("creating a sound file"))?;
        Ok(Self {
            file: BufWriter::new(file),
            frames: 0,
        })
    }

    pub(super) fn write(&mut self, frames: &[Frame]) -> Result<(), MediaError> {
        for sample in frames.as_flattened() {
            self.file
                .write_all(&sample.to_le_bytes())
                .map_err(MediaError::io("writing sound"))?;
        }
        self.frames += frames.len() as u64;
        Ok(())
    }

    pub(super) fn silence(&mut self, mut frames: u64) -> Result<(), MediaError> {
        let block = [[0.0; CHANNELS]; BLOCK_FRAMES];
        while frames > 0 {
            let now = block
                .len()
                .min(usize::try_from(frames).unwrap_or(usize::MAX));
            self.write(block.get(..now).unwrap_or_default())?;
            frames -= now as u64;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), MediaError> {
        self.file.flush().map_err(MediaError::io("writing sound"))
    }
}

/// Adds to what is in a file already.
pub(super) struct Adder {
    file: File,
    bytes: Vec<u8>,
}

impl Adder {
    pub(super) fn open(path: &Path, first_frame: u64) -> Result<Self, MediaError> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(path)
            .map_err(MediaError::io("opening a sound file"))?;
        file.seek(SeekFrom::Start(first_frame * BYTES_PER_FRAME as u64))
            .map_err(MediaError::io("seeking in a sound file"))?;
        Ok(Self {
            file,
            bytes: Vec::new(),
        })
    }

    /// The file must hold at least as many frames from here on.
    pub(super) fn add(&mut self, frames: &[Frame]) -> Result<(), MediaError> {
        for block in frames.chunks(BLOCK_FRAMES) {
            let length = block.len() * BYTES_PER_FRAME;
            self.bytes.resize(length, 0);
            self.file
                .read_exact(&mut self.bytes)
                .map_err(MediaError::io("reading sound"))?;
            for (bytes, sample) in self
                .bytes
                .as_chunks_mut::<BYTES_PER_SAMPLE>()
                .0
                .iter_mut()
                .zip(block.as_flattened())
            {
                *bytes = (f32::from_le_bytes(*bytes) + sample).to_le_bytes();
            }
            self.file
                .seek_relative(-(length as i64))
                .and_then(|()| self.file.write_all(&self.bytes))
                .map_err(MediaError::io("writing sound"))?;
        }
        Ok(())
    }
}

/// Calls `on_block` with all frames of a file, in order.
pub(super) fn read(
    path: &Path,
    mut on_block: impl FnMut(&[Frame]) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    let file = File::open(path).map_err(MediaError::io("opening a sound file"))?;
    let mut file = BufReader::with_capacity(BLOCK_FRAMES * BYTES_PER_FRAME, file);
    let mut bytes = vec![0u8; BLOCK_FRAMES * BYTES_PER_FRAME];
    let mut frames: Vec<Frame> = Vec::with_capacity(BLOCK_FRAMES);
    loop {
        let filled = fill(&mut file, &mut bytes)?;
        let (whole, _) = bytes
            .get(..filled)
            .unwrap_or_default()
            .as_chunks::<BYTES_PER_FRAME>();
        if whole.is_empty() {
            return Ok(());
        }
        frames.clear();
        frames.extend(whole.iter().map(|[a, b, c, d, e, f, g, h]| {
            [
                f32::from_le_bytes([*a, *b, *c, *d]),
                f32::from_le_bytes([*e, *f, *g, *h]),
            ]
        }));
        on_block(&frames)?;
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

/// Frames of decoded samples at a gain. Values that are no numbers become silence.
pub(super) fn scaled(samples: &[f32], gain: f32, frames: &mut Vec<Frame>) {
    let sound = |sample: f32| {
        if sample.is_finite() {
            (sample * gain).clamp(-MAX_AMPLITUDE, MAX_AMPLITUDE)
        } else {
            0.0
        }
    };
    frames.clear();
    frames.extend(
        samples
            .as_chunks::<CHANNELS>()
            .0
            .iter()
            .map(|[left, right]| [sound(*left), sound(*right)]),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adding_changes_only_the_frames_it_covers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bed.f32");
        let mut writer = Writer::create(&path).unwrap();
        writer.write(&[[0.25, -0.25]]).unwrap();
        writer.silence(9999).unwrap();
        assert_eq!(writer.frames, 10_000);
        writer.finish().unwrap();

        Adder::open(&path, 100)
            .unwrap()
            .add(&[[0.5, 1.0]; 5000])
            .unwrap();
        Adder::open(&path, 5099)
            .unwrap()
            .add(&[[0.5, 0.5]; 2])
            .unwrap();

        let mut all = Vec::new();
        read(&path, |block| {
            all.extend_from_slice(block);
            Ok(())
        })
        .unwrap();
        assert_eq!(all.len(), 10_000);
        assert_eq!((all[0], all[99]), ([0.25, -0.25], [0.0, 0.0]));
        assert_eq!((all[100], all[5098]), ([0.5, 1.0], [0.5, 1.0]));
        assert_eq!(
            (all[5099], all[5100], all[5101]),
            ([1.0, 1.5], [0.5, 0.5], [0.0, 0.0])
        );
    }

    #[test]
    fn what_is_no_number_becomes_silence() {
        let mut frames = Vec::new();
        scaled(&[f32::NAN, 0.5, f32::INFINITY, 1e30, 0.1], 2.0, &mut frames);
        assert_eq!(frames, [[0.0, 1.0], [0.0, MAX_AMPLITUDE]]);
    }
}
