//! Big-endian numbers and boxes in a slice that may end too early or lie.

pub(super) fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn be_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

pub(super) fn four(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..)?.first_chunk().copied()
}

/// A box within a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found<'a> {
    pub(super) kind: [u8; 4],
    /// Header included.
    pub(super) whole: &'a [u8],
    pub(super) body: &'a [u8],
}

/// The boxes that stand one after another in `bytes`. Ends at the first that does not fit: that is padding or damage.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = Found<'_>> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (size, kind) = (be_u32(rest, 0)?, four(rest, 4)?);
        let (size, header_bytes) = match size {
            0 => (rest.len(), 8),
            1 => (usize::try_from(be_u64(rest, 8)?).ok()?, 16),
            size => (size as usize, 8),
        };
        let whole = rest.get(..size)?;
        let body = whole.get(header_bytes..)?;
        rest = rest.get(size..)?;
        Some(Found { kind, whole, body })
    })
}

/// The body of the first box of a kind.
pub(super) fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes)
        .find(|found| &found.kind == kind)
        .map(|found| found.body)
}

/// The body of a box inside boxes.
pub(super) fn descendant<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(bytes, |within, kind| child(within, kind))
}

/// The entries of a full box with a count: `version, flags, count`, then entries of `entry_bytes`. Fewer where the box ends early.
pub(super) fn entries(body: &[u8], entry_bytes: usize) -> impl Iterator<Item = &[u8]> + Clone {
    let count = be_u32(body, 4).unwrap_or(0) as usize;
    body.get(8..)
        .unwrap_or_default()
        .chunks_exact(entry_bytes)
        .take(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_that_lie_about_their_size_end_the_walk() {
        let mut bytes = vec![0, 0, 0, 9, b'f', b'r', b'e', b'e', 7];
        bytes.extend([0, 0, 0, 99, b'm', b'o', b'o', b'v', 1]);
        let kinds: Vec<_> = boxes(&bytes).map(|found| found.kind).collect();
        assert_eq!(kinds, [*b"free"]);
        assert_eq!(boxes(&[0, 0, 0, 4, 1, 2, 3, 4]).count(), 0);
        assert_eq!(
            boxes(&[0, 0, 0, 1, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]).count(),
            0
        );
    }
}
