//! What proves that a film holds the pictures of its segments and the sound of its mix, in their order and unaltered: hashes computed from
//! the bytes as they came, and by `check` from the film.

use std::path::Path;

use botflix_common::hash::Sha;
use sha2::{Digest, Sha256};

use crate::Progress;
use crate::mp4::{Damage, Media, Mp4Error, Track, avc};

/// SHA-256 over the packets of a file's sound `track`, each with its length.
pub(crate) fn of_sound(file: &Path, track: &Track, progress: &Progress) -> Result<Sha, Mp4Error> {
    let media = Media::open(file)?;
    let (mut hash, mut packet) = (Sha256::new(), Vec::new());
    for sample in track.samples()? {
        progress.alive();
        media.sample(sample, &mut packet)?;
        hash.update(sample.size.to_be_bytes());
        hash.update(&packet);
    }
    Ok(Sha::from_digest(hash.finalize().into()))
}

/// SHA-256 over all pictures in decoding order. Of H.264, over each unit with its length, less parameter sets, since a join may repeat these
/// before a picture; a zero ends each picture. Of other codecs, over each sample with its length.
pub(crate) struct PictureDigest {
    hash: Sha256,
    /// H.264: bytes of the length in front of each unit.
    length_bytes: Option<usize>,
}

impl PictureDigest {
    pub(crate) fn new(config: Option<&avc::Config>) -> Self {
        Self {
            hash: Sha256::new(),
            length_bytes: config.map(|config| config.length_bytes),
        }
    }

    pub(crate) fn add(&mut self, sample: &[u8]) -> Result<(), Damage> {
        let Some(length_bytes) = self.length_bytes else {
            self.piece(sample);
            return Ok(());
        };
        for unit in avc::units(sample, length_bytes) {
            let unit = unit?;
            if !avc::is_parameter_set(unit) {
                self.piece(unit);
            }
        }
        self.hash.update(0u32.to_be_bytes());
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) {
        // A sample is no larger than 64 MiB.
        self.hash.update((bytes.len() as u32).to_be_bytes());
        self.hash.update(bytes);
    }

    pub(crate) fn hex(self) -> String {
        hex::encode(self.hash.finalize())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(samples: &[&[u8]]) -> String {
        let mut digest = PictureDigest {
            hash: Sha256::new(),
            length_bytes: Some(4),
        };
        for sample in samples {
            digest.add(sample).unwrap();
        }
        digest.hex()
    }

    const SLICE: [u8; 6] = [0, 0, 0, 2, 0x65, 1];
    const SET: [u8; 6] = [0, 0, 0, 2, 0x67, 1];

    #[test]
    fn repeated_parameter_sets_do_not_count_and_everything_else_does() {
        let plain = digest(&[&SLICE, &SLICE]);
        assert_eq!(plain, digest(&[&[SET, SLICE].concat(), &SLICE]));
        assert_ne!(
            plain,
            digest(&[&[SLICE, SLICE].concat()]),
            "two pictures are not one"
        );
        assert_ne!(plain, digest(&[&SLICE]));
        assert_ne!(plain, digest(&[&SLICE, &[0, 0, 0, 2, 0x65, 2]]));
    }
}
