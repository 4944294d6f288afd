//! Writes MP4 files: the index first, the media behind it, once, in order. All sizes are known before a byte is written; memory holds the tables
//! and one sample. No times of day and no names of programs go in: the same input gives the same bytes.

mod boxes;
pub(crate) mod entries;
mod index;
mod tables;

use std::io::Write;

use super::{Damage, Mp4Error};

/// Media of each track is written in pieces of this length, seconds: what is played together lies together.
const INTERLEAVE_SECONDS: f64 = 0.5;

/// Everything of a file but its samples' bytes.
#[derive(Clone, Debug)]
pub(crate) struct NewMovie {
    /// Ticks per second in which the tracks' lengths are given.
    pub(crate) timescale: u32,
    pub(crate) brand: Brand,
    /// Empty: none.
    pub(crate) title: String,
    /// Start in milliseconds and title: written as a list for players that do not read the chapters' track.
    pub(crate) chapters: Vec<(u64, String)>,
    pub(crate) tracks: Vec<NewTrack>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brand {
    Avc,
    Hevc,
    Av1,
    /// Sound alone (`.m4a`).
    Sound,
}

#[derive(Clone, Debug)]
pub(crate) struct NewTrack {
    pub(crate) media: NewMedia,
    /// Ticks per second of its samples' times.
    pub(crate) timescale: u32,
    /// ISO 639-2/T.
    pub(crate) language: [u8; 3],
    /// The sample description; see [`entries`].
    pub(crate) entry: Vec<u8>,
    pub(crate) samples: Vec<NewSample>,
    /// How long nothing of it is shown before, in ticks of the movie.
    pub(crate) starts_at: u64,
    /// The tick of the media that is shown first: pictures' reordering, the priming of sound.
    pub(crate) media_time: u64,
    /// How long it is shown, in ticks of the movie.
    pub(crate) shown: u64,
}

impl NewTrack {
    /// Ticks of the movie.
    fn length(&self) -> u64 {
        self.starts_at + self.shown
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewMedia {
    Pictures {
        width: u32,
        height: u32,
    },
    Sound,
    /// Off until the viewer asks.
    Captions,
    /// Titles of chapters: never shown, referred to by pictures and sound.
    Chapters,
}

/// Sixteen bytes a sample: 2.8 MB for the pictures of two hours at 24 fps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSample {
    pub(crate) size: u32,
    pub(crate) duration: u32,
    pub(crate) composition_offset: u32,
    pub(crate) sync: bool,
}

/// Samples of one track that lie together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chunk {
    track: usize,
    first: usize,
    count: u32,
    /// From the first byte of media.
    offset: u64,
}

/// A movie and the place of everything in it.
#[derive(Debug)]
pub(crate) struct Layout {
    movie: NewMovie,
    chunks: Vec<Chunk>,
    media_bytes: u64,
}

impl Layout {
    pub(crate) fn new(movie: NewMovie) -> Self {
        let (chunks, media_bytes) = interleave(&movie.tracks);
        Self {
            movie,
            chunks,
            media_bytes,
        }
    }

    /// All that stands in front of the media.
    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = boxes::file_type(self.movie.brand);
        // The index has the same size wherever the media begin, and how wide its offsets are depends only on that size.
        let narrow = head.len() + index::moov(&self.movie, &self.chunks, 0, false).len() + 8;
        let wide_offsets = narrow as u64 + self.media_bytes > u64::from(u32::MAX);
        let index_bytes = index::moov(&self.movie, &self.chunks, 0, wide_offsets).len();
        let media_header = boxes::media_header(self.media_bytes);
        let base = (head.len() + index_bytes + media_header.len()) as u64;
        head.extend(index::moov(&self.movie, &self.chunks, base, wide_offsets));
        head.extend(media_header);
        head
    }

    /// The whole file. `fetch` puts the bytes of sample `(track, index)` into the buffer, each once, in the order of the file.
    pub(crate) fn write<E: From<Mp4Error>>(
        &self,
        out: &mut impl Write,
        mut fetch: impl FnMut(usize, usize, &mut Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        let io = |error| E::from(Mp4Error::Io(error));
        out.write_all(&self.head()).map_err(io)?;
        let mut buffer = Vec::new();
        for chunk in &self.chunks {
            let samples = self
                .movie
                .tracks
                .get(chunk.track)
                .map(|track| &track.samples);
            let samples = samples.into_iter().flatten().enumerate();
            for (index, sample) in samples.skip(chunk.first).take(chunk.count as usize) {
                buffer.clear();
                fetch(chunk.track, index, &mut buffer)?;
                if buffer.len() != sample.size as usize {
                    return Err(
                        Mp4Error::from(Damage("a sample has another size than before")).into(),
                    );
                }
                out.write_all(&buffer).map_err(io)?;
            }
        }
        out.flush().map_err(io)
    }

    pub(crate) fn media_bytes(&self) -> u64 {
        self.media_bytes
    }
}

/// Chunks in the order of the file, and the bytes of all.
fn interleave(tracks: &[NewTrack]) -> (Vec<Chunk>, u64) {
    struct Reached {
        sample: usize,
        ticks: u64,
    }
    let mut reached: Vec<Reached> = tracks
        .iter()
        .map(|_| Reached {
            sample: 0,
            ticks: 0,
        })
        .collect();
    let mut chunks = Vec::new();
    let mut offset = 0u64;
    let mut window = 0u64;
    loop {
        window += 1;
        let mut ended = true;
        for (number, (track, reached)) in tracks.iter().zip(&mut reached).enumerate() {
            let end = window as f64 * INTERLEAVE_SECONDS * f64::from(track.timescale);
            let mut chunk = Chunk {
                track: number,
                first: reached.sample,
                count: 0,
                offset,
            };
            for sample in track.samples.get(reached.sample..).unwrap_or_default() {
                if reached.ticks as f64 >= end {
                    break;
                }
                reached.ticks += u64::from(sample.duration);
                offset += u64::from(sample.size);
                chunk.count += 1;
            }
            reached.sample += chunk.count as usize;
            ended &= reached.sample >= track.samples.len();
            if chunk.count > 0 {
                chunks.push(chunk);
            }
        }
        if ended {
            return (chunks, offset);
        }
    }
}

#[cfg(test)]
mod tests;
