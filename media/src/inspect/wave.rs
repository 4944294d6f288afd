//! The header of the WAV stream that our own ffmpeg writes into a pipe.

/// Rate and channels, and where the samples begin.
pub struct Header {
    pub sample_rate_hz: u32,
    pub channels: u16,
    pub bytes: usize,
}

impl Header {
    /// `None` until all of it is there.
    pub fn read(start: &[u8]) -> Option<Self> {
        let mut format = None;
        let mut at = 12;
        loop {
            let kind: [u8; 4] = array(start, at)?;
            let size = u32::from_le_bytes(array(start, at + 4)?);
            at += 8;
            match &kind {
                b"fmt " => {
                    format = Some((
                        u16::from_le_bytes(array(start, at + 2)?),
                        u32::from_le_bytes(array(start, at + 4)?),
                    ))
                }
                b"data" => {
                    let (channels, sample_rate_hz) = format?;
                    return Some(Self {
                        sample_rate_hz,
                        channels,
                        bytes: at,
                    });
                }
                _ => {}
            }
            at = at.checked_add(usize::try_from(size).ok()?)?;
        }
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_once_it_is_complete() {
        let bytes = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x03\0\x02\0\x80\xbb\0\0\0\xdc\x05\0\x08\0\x20\0data\xff\xff\xff\xff....";
        let header = Header::read(bytes).unwrap();
        assert_eq!(
            (header.sample_rate_hz, header.channels, header.bytes),
            (48_000, 2, 44)
        );
        assert!((0..44).all(|end| Header::read(&bytes[..end]).is_none()));
    }
}
