//! A walk over the boxes of an ISO base media file (ISO/IEC 14496-12): iterative, with a cap on depth and on the number of boxes.

use std::io;

use super::{Source, avc, be_u32, be_u64, four};

/// moov/trak/mdia/minf/stbl/stsd and the like end at 7.
const MAX_DEPTH: usize = 12;
/// Two hours of half-second fragments have about 120,000 boxes.
const MAX_BOXES: u32 = 400_000;
const MAX_TRACKS: usize = 64;
const MAX_EDITS: u32 = 4096;
const MAX_SAMPLE_ENTRIES: u32 = 16;
/// Visual and audio sample entries start with fixed fields before their child boxes; what we look for lies in the first of these bytes.
const SAMPLE_TABLE_BYTES: usize = 64 << 10;

/// Nested deeper than any real file, or more boxes than one.
#[derive(Debug)]
pub struct TooDeep;

#[derive(Clone, Debug, Default)]
pub struct Movie {
    pub has_index: bool,
    /// There is an `mdat` at all.
    pub has_media: bool,
    pub fragmented: bool,
    pub encrypted: bool,
    /// By how much the last top-level box claims to run past the end of the file.
    pub overshoot_bytes: u64,
    /// Ticks per second of edit durations.
    pub timescale: u32,
    /// Of the first picture track, where it is H.264 with one index.
    pub starts_on_idr: Option<bool>,
    pub tracks: Vec<Track>,
}

#[derive(Clone, Debug, Default)]
pub struct Track {
    pub kind: TrackKind,
    pub timescale: u32,
    /// `stsd` is there and names at least one codec.
    pub described: bool,
    /// `stsz`: how many samples the index promises.
    pub samples: u32,
    pub edits: Vec<Edit>,
    /// Offset in the file.
    pub first_sample: Option<u64>,
    /// H.264: bytes of the length in front of each unit.
    pub unit_length_bytes: Option<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TrackKind {
    Video,
    Sound,
    #[default]
    Other,
}

/// One entry of an edit list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    pub duration: u64,
    /// −1: nothing is shown.
    pub media_time: i64,
    /// 16.16 fixed point; 0x10000 is normal speed.
    pub rate: u32,
}

struct Header {
    kind: [u8; 4],
    body: u64,
    end: u64,
}

/// Outer error: the file could not be read. Inner: the walk refused to go on.
pub fn walk(source: &Source<'_>) -> io::Result<Result<Movie, TooDeep>> {
    let mut movie = Movie::default();
    // Ends of the containers that are open; the file itself is the outermost.
    let mut open = vec![source.bytes];
    let mut at = 0;
    let mut boxes = 0;
    while let Some(end) = open.last().copied() {
        if at + 8 > end {
            at = end;
            open.pop();
            continue;
        }
        boxes += 1;
        let Some(header) = header(source, at, end, open.len() == 1)? else {
            // Not a box: the rest of this container is padding or damage.
            at = end;
            continue;
        };
        if open.len() == 1 {
            movie.overshoot_bytes = header.end.saturating_sub(source.bytes);
        }
        if boxes > MAX_BOXES || open.len() > MAX_DEPTH {
            return Ok(Err(TooDeep));
        }
        if is_container(&header.kind) {
            enter(&mut movie, &header.kind);
            open.push(header.end.min(end));
            at = header.body;
        } else {
            read_leaf(source, &mut movie, &header)?;
            at = header.end;
        }
    }
    Ok(Ok(movie))
}

/// `None` when what stands at `at` cannot be a box.
fn header(source: &Source<'_>, at: u64, end: u64, top_level: bool) -> io::Result<Option<Header>> {
    let bytes = source.read(at, 16)?;
    let (Some(size), Some(kind)) = (be_u32(&bytes, 0), four(&bytes, 4)) else {
        return Ok(None);
    };
    let (size, header_bytes) = match size {
        0 => (end - at, 8),
        1 => (be_u64(&bytes, 8).unwrap_or(0), 16),
        size => (u64::from(size), 8),
    };
    let box_end = at.saturating_add(size);
    // Inside a container a child cannot be larger than its parent; at the top it can claim to run past the end of the file.
    let plausible = size >= header_bytes && (top_level || box_end <= end);
    Ok(plausible.then_some(Header {
        kind,
        body: at + header_bytes,
        end: box_end,
    }))
}

fn is_container(kind: &[u8; 4]) -> bool {
    matches!(
        kind,
        b"moov"
            | b"trak"
            | b"edts"
            | b"mdia"
            | b"minf"
            | b"stbl"
            | b"mvex"
            | b"moof"
            | b"traf"
            | b"sinf"
            | b"schi"
    )
}

fn enter(movie: &mut Movie, kind: &[u8; 4]) {
    match kind {
        b"moov" => movie.has_index = true,
        b"mvex" | b"moof" => movie.fragmented = true,
        b"sinf" => movie.encrypted = true,
        b"trak" if movie.tracks.len() < MAX_TRACKS => movie.tracks.push(Track::default()),
        _ => {}
    }
}

fn read_leaf(source: &Source<'_>, movie: &mut Movie, header: &Header) -> io::Result<()> {
    let body = |wanted: usize| {
        let there = header.end.min(source.bytes).saturating_sub(header.body);
        source.read(
            header.body,
            wanted.min(usize::try_from(there).unwrap_or(usize::MAX)),
        )
    };
    match &header.kind {
        b"mvhd" => movie.timescale = timescale(&body(24)?),
        b"tenc" => movie.encrypted = true,
        b"mdat" => movie.has_media = true,
        b"stsd" => {
            let entries = body(SAMPLE_TABLE_BYTES)?;
            let found = sample_entries(&entries);
            movie.encrypted |= found.iter().any(|kind| {
                matches!(
                    kind,
                    b"encv" | b"enca" | b"encs" | b"enct" | b"drmi" | b"drms"
                )
            });
            if let Some(track) = movie.tracks.last_mut() {
                track.described = !found.is_empty();
                track.unit_length_bytes = avc::unit_length_bytes(&entries);
            }
        }
        kind => {
            let Some(track) = movie.tracks.last_mut() else {
                return Ok(());
            };
            match kind {
                // A QuickTime file has a second handler (of the data) in `minf`: the first one names the media.
                b"hdlr" if track.kind == TrackKind::Other => track.kind = handler(&body(12)?),
                b"mdhd" => track.timescale = timescale(&body(24)?),
                b"stsz" => track.samples = be_u32(&body(12)?, 8).unwrap_or(0),
                b"stco" => track.first_sample = first_chunk(&body(12)?).map(u64::from),
                b"co64" => track.first_sample = first_wide_chunk(&body(16)?),
                b"elst" => track.edits = edits(&body(8 + 20 * MAX_EDITS as usize)?),
                _ => {}
            }
        }
    }
    Ok(())
}

fn first_chunk(body: &[u8]) -> Option<u32> {
    be_u32(body, 4).filter(|count| *count > 0)?;
    be_u32(body, 8)
}

fn first_wide_chunk(body: &[u8]) -> Option<u64> {
    be_u32(body, 4).filter(|count| *count > 0)?;
    be_u64(body, 8)
}

/// `mvhd` and `mdhd` begin alike: version, flags, two times, then the timescale.
fn timescale(body: &[u8]) -> u32 {
    let at = if body.first() == Some(&1) { 20 } else { 12 };
    be_u32(body, at).unwrap_or(0)
}

fn handler(body: &[u8]) -> TrackKind {
    match &four(body, 8).unwrap_or_default() {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Sound,
        _ => TrackKind::Other,
    }
}

fn sample_entries(body: &[u8]) -> Vec<[u8; 4]> {
    let mut at = 8;
    let mut found = Vec::new();
    for _ in 0..be_u32(body, 4).unwrap_or(0).min(MAX_SAMPLE_ENTRIES) {
        let (Some(size), Some(kind)) = (be_u32(body, at), four(body, at + 4)) else {
            break;
        };
        found.push(kind);
        if size < 8 {
            break;
        }
        at = at.saturating_add(size as usize);
    }
    found
}

fn edits(body: &[u8]) -> Vec<Edit> {
    let wide = body.first() == Some(&1);
    let entry_bytes = if wide { 20 } else { 12 };
    let count = be_u32(body, 4).unwrap_or(0).min(MAX_EDITS);
    (0..count as usize)
        .map_while(|index| {
            let at = 8 + index * entry_bytes;
            Some(if wide {
                Edit {
                    duration: be_u64(body, at)?,
                    media_time: be_u64(body, at + 8)?.cast_signed(),
                    rate: be_u32(body, at + 16)?,
                }
            } else {
                Edit {
                    duration: be_u32(body, at)?.into(),
                    media_time: be_u32(body, at + 4)?.cast_signed().into(),
                    rate: be_u32(body, at + 8)?,
                }
            })
        })
        .collect()
}
