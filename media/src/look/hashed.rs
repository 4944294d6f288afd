//! Pictures out of a pipe, told apart by a checksum.

/// CRC-32 of each picture in a stream of pictures of one size.
pub(super) struct Hashed {
    bytes: usize,
    crc: crc32fast::Hasher,
    taken: usize,
    pub(super) pictures: Vec<u32>,
}

impl Hashed {
    pub(super) fn of_pictures_of(bytes: usize) -> Self {
        Self {
            bytes: bytes.max(1),
            crc: crc32fast::Hasher::new(),
            taken: 0,
            pictures: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(self.bytes - self.taken));
            self.crc.update(now);
            self.taken += now.len();
            if self.taken == self.bytes {
                let whole = std::mem::take(&mut self.crc);
                self.pictures.push(whole.finalize());
                self.taken = 0;
            }
            bytes = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Hashed;

    #[test]
    fn pictures_are_told_apart_wherever_the_pipe_ends_a_chunk() {
        let stream: Vec<u8> = (0..30u8).collect();
        let of = |chunk: usize| {
            let mut hashed = Hashed::of_pictures_of(10);
            stream.chunks(chunk).for_each(|bytes| hashed.push(bytes));
            hashed.pictures
        };
        let expected: Vec<u32> = stream.chunks(10).map(crc32fast::hash).collect();
        assert_eq!(of(30), expected);
        assert_eq!(of(7), expected);
    }
}
