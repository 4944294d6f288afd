//! Bytes of boxes.

use super::Brand;

pub(super) fn file_type(brand: Brand) -> Vec<u8> {
    let (major, compatible): (&[u8; 4], &[&[u8; 4]]) = match brand {
        Brand::Avc => (b"isom", &[b"isom", b"iso2", b"avc1", b"mp41"]),
        Brand::Hevc => (b"isom", &[b"isom", b"iso2", b"hvc1", b"mp41"]),
        Brand::Av1 => (b"isom", &[b"isom", b"iso2", b"av01", b"mp41"]),
        Brand::Sound => (b"M4A ", &[b"M4A ", b"isom", b"iso2"]),
    };
    let mut out = Out::default();
    out.boxed(b"ftyp", |out| {
        out.bytes(major);
        out.u32(512);
        for brand in compatible {
            out.bytes(*brand);
        }
    });
    out.0
}

/// Of the box that holds `media_bytes` of media.
pub(super) fn media_header(media_bytes: u64) -> Vec<u8> {
    let mut out = Out::default();
    match u32::try_from(media_bytes + 8) {
        Ok(size) => {
            out.u32(size);
            out.bytes(b"mdat");
        }
        // The size follows in 64 bits.
        Err(_) => {
            out.u32(1);
            out.bytes(b"mdat");
            out.u64(media_bytes + 16);
        }
    }
    out.0
}

/// What grows into a box.
#[derive(Default)]
pub(super) struct Out(pub(super) Vec<u8>);

impl Out {
    pub(super) fn boxed(&mut self, kind: &[u8; 4], fill: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.u32(0);
        self.bytes(kind);
        fill(self);
        // An index is far below 4 GiB: its tables are limited where they come from.
        let size = (self.0.len() - start) as u32;
        if let Some(field) = self.0.get_mut(start..start + 4) {
            field.copy_from_slice(&size.to_be_bytes());
        }
    }

    /// A box with version and flags.
    pub(super) fn full(
        &mut self,
        kind: &[u8; 4],
        version: u8,
        flags: u32,
        fill: impl FnOnce(&mut Self),
    ) {
        self.boxed(kind, |out| {
            out.u32(u32::from(version) << 24 | flags);
            fill(out);
        });
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn zeros(&mut self, count: usize) {
        self.0.resize(self.0.len() + count, 0);
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// In 64 bits where `wide`. The caller has seen that it fits.
    pub(super) fn either(&mut self, wide: bool, value: u64) {
        if wide {
            self.u64(value);
        } else {
            self.u32(u32::try_from(value).unwrap_or(u32::MAX));
        }
    }

    /// A count and rows of two numbers: neighbours that are equal become one run.
    pub(super) fn runs(&mut self, values: impl Iterator<Item = u32>) {
        let mut runs: Vec<(u32, u32)> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some((count, same)) if *same == value => *count += 1,
                _ => runs.push((1, value)),
            }
        }
        self.u32(runs.len() as u32);
        for (count, value) in runs {
            self.u32(count);
            self.u32(value);
        }
    }
}
