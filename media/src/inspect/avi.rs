//! The AVI stream that our own ffmpeg writes into a pipe: small pictures, a few large ones and sound in one. Cut into whole pictures and
//! runs of samples, however the pipe ends its chunks. Knows nothing of what is in them.

/// A header is a few hundred bytes and a page of padding.
const MAX_HEADER_BYTES: usize = 64 << 10;
/// The largest picture that is asked for has a byte for each of 9 million pixels; sound comes in pieces of kilobytes.
const MAX_CHUNK_BYTES: usize = 16 << 20;
const CHUNK_HEADER_BYTES: usize = 8;

/// What one stream of it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Picture { width: usize, height: usize },
    Sound { channels: u16, sample_rate_hz: u32 },
}

/// Takes what arrives, in the order of the pipe.
pub trait Viewer {
    type Error;

    /// Once, before all else: stream by stream.
    fn formats(&mut self, formats: &[Format]) -> Result<(), Self::Error>;

    /// The whole bytes of one picture, or whole samples of sound.
    fn chunk(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Self::Error>;
}

#[derive(Default)]
pub struct Reader {
    bytes: Vec<u8>,
    /// Up to where `bytes` were taken.
    taken: usize,
    begun: bool,
    /// It is not what was asked for: the rest is passed over.
    lost: bool,
}

impl Reader {
    pub fn push<V: Viewer>(&mut self, bytes: &[u8], viewer: &mut V) -> Result<(), V::Error> {
        if self.lost {
            return Ok(());
        }
        self.bytes.extend_from_slice(bytes);
        if !self.begun {
            let Some(start) = movie_start(&self.bytes) else {
                self.lost = self.bytes.len() > MAX_HEADER_BYTES;
                return Ok(());
            };
            viewer.formats(&formats(self.bytes.get(..start).unwrap_or_default()))?;
            self.taken = start;
            self.begun = true;
        }
        while let Some((stream, size)) = self.next_header() {
            if size > MAX_CHUNK_BYTES {
                self.lost = true;
                return Ok(());
            }
            let start = self.taken + CHUNK_HEADER_BYTES;
            // Chunks begin at even offsets.
            let end = start + size + size % 2;
            if self.bytes.len() < end {
                break;
            }
            if let Some((stream, body)) = stream.zip(self.bytes.get(start..start + size)) {
                viewer.chunk(stream, body)?;
            }
            self.taken = end;
        }
        // What was taken is given up once it is the larger part, so that bytes are not moved for every chunk.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        Ok(())
    }

    /// Of the next chunk: the number of its stream (none for indexes and padding) and its size.
    fn next_header(&self) -> Option<(Option<usize>, usize)> {
        let header = self.bytes.get(self.taken..)?;
        let [tens, ones, _, _] = header.first_chunk::<4>()?;
        let size = usize::try_from(u32_at(header, 4)?).ok()?;
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        let stream = digits.then(|| usize::from(tens - b'0') * 10 + usize::from(ones - b'0'));
        Some((stream, size))
    }
}

/// Behind `LIST <size> movi`, once that is there.
fn movie_start(bytes: &[u8]) -> Option<usize> {
    let mut at = 12;
    loop {
        let kind = bytes.get(at..at + 4)?;
        let size = usize::try_from(u32_at(bytes, at + 4)?).ok()?;
        if kind == b"LIST" && bytes.get(at + 8..at + 12)? == b"movi" {
            return Some(at + 12);
        }
        at = at.checked_add(8 + size + size % 2)?;
    }
}

/// Every `strf`, in order: a BITMAPINFOHEADER, or a WAVEFORMATEX behind a `strh` of sound.
fn formats(header: &[u8]) -> Vec<Format> {
    let mut found = Vec::new();
    let mut is_sound = false;
    let mut at = 12;
    while let Some((kind, size)) = header.get(at..at + 4).zip(u32_at(header, at + 4)) {
        let body = header.get(at + 8..).unwrap_or_default();
        let step = match kind {
            // Lists are entered.
            b"LIST" => 12,
            _ => 8 + size as usize + size as usize % 2,
        };
        if kind == b"strh" {
            is_sound = body.starts_with(b"auds");
        }
        if kind == b"strf" {
            found.extend(if is_sound { sound(body) } else { picture(body) });
        }
        at += step;
    }
    found
}

fn picture(body: &[u8]) -> Option<Format> {
    let width = usize::try_from(u32_at(body, 4)?).ok()?;
    // Negative where the first line is the top one.
    let height = u32_at(body, 8)?.cast_signed().unsigned_abs() as usize;
    Some(Format::Picture { width, height })
}

fn sound(body: &[u8]) -> Option<Format> {
    Some(Format::Sound {
        channels: u16::from_le_bytes(*body.get(2..)?.first_chunk()?),
        sample_rate_hz: u32_at(body, 4)?,
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Taken {
        formats: Vec<Format>,
        chunks: Vec<(usize, Vec<u8>)>,
    }

    impl Viewer for Taken {
        type Error = std::convert::Infallible;

        fn formats(&mut self, formats: &[Format]) -> Result<(), Self::Error> {
            self.formats = formats.to_vec();
            Ok(())
        }

        fn chunk(&mut self, stream: usize, bytes: &[u8]) -> Result<(), Self::Error> {
            self.chunks.push((stream, bytes.to_vec()));
            Ok(())
        }
    }

    fn chunk(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let size = u32::try_from(body.len()).unwrap().to_le_bytes();
        let padding: &[u8] = if body.len() % 2 == 1 { b"\0" } else { b"" };
        [kind, &size[..], body, padding].concat()
    }

    fn list(kind: &[u8; 4], chunks: &[Vec<u8>]) -> Vec<u8> {
        chunk(b"LIST", &[&kind[..], &chunks.concat()].concat())
    }

    fn stream() -> Vec<u8> {
        let picture = [40u32, 4, 2u32.wrapping_neg()]
            .map(u32::to_le_bytes)
            .concat();
        let sound = [&[3, 0, 2, 0][..], &48_000u32.to_le_bytes()].concat();
        let header = list(
            b"hdrl",
            &[
                chunk(b"avih", &[0; 56]),
                list(
                    b"strl",
                    &[chunk(b"strh", b"vids"), chunk(b"strf", &picture)],
                ),
                list(b"strl", &[chunk(b"strh", b"auds"), chunk(b"strf", &sound)]),
            ],
        );
        [
            b"RIFF\xff\xff\xff\xffAVI ".to_vec(),
            header,
            chunk(b"JUNK", &[0; 33]),
            b"LIST\xff\xff\xff\xffmovi".to_vec(),
            chunk(b"00dc", &[7; 12]),
            chunk(b"ix00", &[0; 5]),
            chunk(b"01wb", &[1, 2, 3]),
        ]
        .concat()
    }

    #[test]
    fn pictures_and_sound_come_out_whole_wherever_the_pipe_ends_a_chunk() {
        let bytes = stream();
        for size in [1, 7, 64, bytes.len()] {
            let mut taken = Taken::default();
            let mut reader = Reader::default();
            for part in bytes.chunks(size) {
                reader.push(part, &mut taken).unwrap();
            }
            let sound = Format::Sound {
                channels: 2,
                sample_rate_hz: 48_000,
            };
            let picture = Format::Picture {
                width: 4,
                height: 2,
            };
            assert_eq!(taken.formats, [picture, sound]);
            assert_eq!(taken.chunks, [(0, vec![7; 12]), (1, vec![1, 2, 3])]);
        }
    }

    #[test]
    fn what_is_no_avi_is_passed_over_in_bounded_memory() {
        let mut taken = Taken::default();
        let mut reader = Reader::default();
        for _ in 0..100 {
            reader.push(&[b'x'; 4096], &mut taken).unwrap();
        }
        assert!(taken.chunks.is_empty() && reader.bytes.len() < MAX_HEADER_BYTES + 8192);
    }
}
