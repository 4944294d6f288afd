//! ISO base media files (ISO/IEC 14496-12) of our own: the sample tables of a plain MP4 or MOV read, and films written.
//!
//! Blocking. What is read may be hostile: every size and count is held against the length of the file or a named limit, and nothing that a
//! file states is allocated before it was found there. This room knows boxes and bytes; what they are for is the business of its callers.

pub(crate) mod avc;
mod bytes;
mod entry;
mod index;
mod table;
mod track;
pub(crate) mod work;
pub(crate) mod write;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use botflix_common::failure::WhoCanFix;

pub(crate) use self::entry::Entry;
pub(crate) use self::index::Movie;
pub(crate) use self::track::{Edit, Order, Sample, Track, TrackKind};
use crate::MediaError;

/// An index larger than this is refused; that of a two-hour film has about 5 MB.
const MAX_INDEX_BYTES: u64 = 64 << 20;

/// Samples of all tracks of a file together, 24 bytes each in memory. Two hours at 60 fps with sound have 0.8 million.
const MAX_SAMPLES: usize = 4_000_000;

/// One picture or packet; an uncompressed picture of the largest size that we open has half of it.
pub(crate) const MAX_SAMPLE_BYTES: u32 = 64 << 20;

/// What is wrong with a file or one of its tracks, as a short English clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Damage(pub(crate) &'static str);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Mp4Error {
    #[error("the file could not be read")]
    Io(#[from] io::Error),
    #[error("the index of the file is damaged: {0}")]
    Damaged(#[from] Damage),
}

impl Mp4Error {
    /// `who_can_fix`: the director for a clip, the platform for a file that this engine made.
    pub(crate) fn media(self, who_can_fix: WhoCanFix) -> MediaError {
        match self {
            Self::Io(source) => MediaError::io("reading a media file")(source),
            Self::Damaged(damage) => MediaError::Permanent {
                code: "media_index_damaged",
                message: format!("the index of a media file is damaged: {damage}"),
                who_can_fix,
                internal: None,
            },
        }
    }
}

/// For files that this engine made, and for clips whose facts were found good before.
impl From<Mp4Error> for MediaError {
    fn from(error: Mp4Error) -> Self {
        error.media(WhoCanFix::Platform)
    }
}

impl From<Damage> for MediaError {
    fn from(damage: Damage) -> Self {
        Mp4Error::Damaged(damage).into()
    }
}

/// The tables of a plain MP4 or MOV. `None`: it is another kind of file, or one in fragments.
pub(crate) fn read(path: &Path) -> Result<Option<Movie>, Mp4Error> {
    index::read(&Media::open(path)?)
}

/// A media file, read at offsets.
pub(crate) struct Media {
    file: File,
    bytes: u64,
}

impl Media {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces `buffer` by the bytes of a sample.
    pub(crate) fn sample(&self, sample: &Sample, buffer: &mut Vec<u8>) -> Result<(), Mp4Error> {
        if sample.size > MAX_SAMPLE_BYTES {
            return Err(Damage("a sample is larger than any picture").into());
        }
        buffer.resize(sample.size as usize, 0);
        self.file.read_exact_at(buffer, sample.offset)?;
        Ok(())
    }

    /// Up to `wanted` bytes at `offset`; fewer at the end of the file.
    fn at(&self, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
        let there = usize::try_from(self.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
        let mut buffer = vec![0; wanted.min(there)];
        self.file.read_exact_at(&mut buffer, offset)?;
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests;
