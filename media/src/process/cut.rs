//! Cuts a stream of bytes into lines and samples, wherever the pipe happened to end a chunk.

const MAX_LINE_BYTES: usize = 64 << 10;

/// Cuts chunks into lines.
#[derive(Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    pub fn push(&mut self, bytes: &[u8], on_line: &mut impl FnMut(&str)) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let room = MAX_LINE_BYTES.saturating_sub(self.partial.len());
            self.partial
                .extend_from_slice(piece.get(..piece.len().min(room)).unwrap_or_default());
            if piece.ends_with(b"\n") {
                self.finish(on_line);
            }
        }
    }

    /// The last line may have no end.
    pub fn finish(&mut self, on_line: &mut impl FnMut(&str)) {
        if !self.partial.is_empty() {
            on_line(String::from_utf8_lossy(&self.partial).trim_end_matches(['\n', '\r']));
            self.partial.clear();
        }
    }
}

/// Cuts chunks into little-endian 32-bit floats.
#[derive(Default)]
pub struct Pcm {
    partial: Vec<u8>,
    samples: Vec<f32>,
}

impl Pcm {
    pub fn push(&mut self, bytes: &[u8]) -> &[f32] {
        self.partial.extend_from_slice(bytes);
        self.samples.clear();
        let (whole, rest) = self.partial.as_chunks::<4>();
        self.samples
            .extend(whole.iter().map(|sample| f32::from_le_bytes(*sample)));
        let done = self.partial.len() - rest.len();
        self.partial.drain(..done);
        &self.samples
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_samples_survive_any_cut_between_chunks() {
        let text = b"one\ntwo\r\n\nlast";
        for size in 1..text.len() {
            let mut seen = Vec::new();
            let mut lines = Lines::default();
            for chunk in text.chunks(size) {
                lines.push(chunk, &mut |line| seen.push(line.to_owned()));
            }
            lines.finish(&mut |line| seen.push(line.to_owned()));
            assert_eq!(seen, ["one", "two", "", "last"]);
        }
        let bytes: Vec<u8> = [0.5f32, -1.0, 3.0]
            .into_iter()
            .flat_map(f32::to_le_bytes)
            .collect();
        for size in 1..bytes.len() {
            let mut pcm = Pcm::default();
            let samples: Vec<f32> = bytes
                .chunks(size)
                .flat_map(|chunk| pcm.push(chunk).to_vec())
                .collect();
            assert_eq!(samples, [0.5, -1.0, 3.0]);
        }
    }

    #[test]
    fn an_endless_line_is_cut_and_not_kept() {
        let mut lines = Lines::default();
        let mut longest = 0;
        for _ in 0..100 {
            lines.push(&[b'x'; 4096], &mut |_| ());
        }
        lines.push(b"\n", &mut |line| longest = line.len());
        assert_eq!(longest, MAX_LINE_BYTES);
    }
}
