//! What a file is by its bytes, and what its boxes say, before ffmpeg sees it. Bounded in depth, count and bytes read: a bomb costs nothing.
//!
//! Blocking file reads and plain parsing; this room knows no process and trusts no size that the file states.

mod avc;
mod matroska;
mod mp4;
mod picture;
mod sniff;
mod wave;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use botflix_common::facts::{Container, Defect};

pub use mp4::{Edit, Movie, Track, TrackKind};
pub use picture::Picture;

/// Enough for every signature, and for telling text from noise.
const HEAD_BYTES: usize = 4096;

/// What the walk found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub bytes: u64,
    pub container: Option<Container>,
    /// Reasons to stop here and not open the file with anything else.
    pub fatal: Vec<Defect>,
    /// Bytes of sound that a WAV file announces and does not have.
    pub missing_bytes: u64,
    /// For MP4 and MOV.
    pub movie: Option<Movie>,
    /// For PNG, JPEG and WebP.
    pub picture: Option<Picture>,
}

/// Reads signatures and box headers. Blocking; a fraction of a millisecond for an ordinary file.
pub fn survey(path: &Path) -> io::Result<Survey> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut survey = Survey {
        bytes,
        ..Survey::default()
    };
    if bytes == 0 {
        survey.fatal.push(Defect::Empty);
        return Ok(survey);
    }
    let source = Source { file: &file, bytes };
    let head = source.read(0, HEAD_BYTES)?;
    match sniff::sniff(&head) {
        sniff::Kind::Media(container) => survey.container = Some(container),
        sniff::Kind::Playlist => survey.fatal.push(Defect::Playlist),
        sniff::Kind::Foreign("a GIF image") if picture::gif_is_animated(&head) => {
            survey.fatal.push(Defect::AnimatedImage);
        }
        sniff::Kind::Foreign(what) => survey.fatal.push(Defect::ForeignContainer {
            what: what.to_owned(),
        }),
    }
    match survey.container {
        Some(Container::Mp4 | Container::Mov) => match mp4::walk(&source)? {
            Ok(mut movie) => {
                let pictures = movie
                    .tracks
                    .iter()
                    .find(|track| track.kind == TrackKind::Video);
                movie.starts_on_idr = match pictures {
                    Some(track) => avc::starts_on_idr(&source, track)?,
                    None => None,
                };
                if movie.encrypted {
                    survey.fatal.push(Defect::Encrypted);
                }
                survey.movie = Some(movie);
            }
            Err(mp4::TooDeep) => survey.fatal.push(Defect::TooDeeplyNested),
        },
        Some(Container::Matroska | Container::Webm) if matroska::is_encrypted(&source)? => {
            survey.fatal.push(Defect::Encrypted)
        }
        Some(Container::Png) => survey.picture = Some(picture::png(&source)?),
        Some(Container::Jpeg) => survey.picture = Some(picture::jpeg(&source)?),
        Some(Container::Webp) => survey.picture = Some(picture::webp(&source)?),
        Some(Container::Wav) => survey.missing_bytes = wave::missing_bytes(&source)?,
        _ => {}
    }
    if survey.picture.is_some_and(|picture| picture.animated) {
        survey.fatal.push(Defect::AnimatedImage);
    }
    Ok(survey)
}

/// A file of known length, read at offsets.
struct Source<'a> {
    file: &'a File,
    bytes: u64,
}

impl Source<'_> {
    /// Up to `wanted` bytes at `offset`; fewer at the end of the file.
    fn read(&self, offset: u64, wanted: usize) -> io::Result<Vec<u8>> {
        let mut buffer = vec![0; wanted];
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        buffer.truncate(filled);
        Ok(buffer)
    }
}

/// Big-endian numbers at an offset of a slice that may be too short.
fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}
