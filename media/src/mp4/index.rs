//! From a file to its tracks: the top-level boxes, the index, and what each track says of itself.

use super::bytes::{be_u32, be_u64, boxes, child, descendant, entries, four};
use super::entry::Entry;
use super::track::{Edit, Track, TrackKind};
use super::{Damage, MAX_INDEX_BYTES, MAX_SAMPLES, Media, Mp4Error, table};

/// Top-level boxes looked at; plain files have fewer than ten.
const MAX_TOP_LEVEL_BOXES: usize = 1024;
const MAX_TRACKS: usize = 64;
const MAX_EDITS: usize = 4096;
const MAX_SAMPLE_ENTRIES: usize = 16;

#[derive(Clone, Debug)]
pub(crate) struct Movie {
    /// Ticks per second of edit durations.
    pub(crate) timescale: u32,
    pub(crate) tracks: Vec<Track>,
    /// The index stands before the media, so that playing can begin before all is fetched.
    pub(crate) index_first: bool,
}

impl Movie {
    /// The first track of a kind.
    pub(crate) fn track(&self, kind: TrackKind) -> Option<&Track> {
        self.tracks.iter().find(|track| track.kind == kind)
    }
}

pub(super) fn read(media: &Media) -> Result<Option<Movie>, Mp4Error> {
    let Some(place) = find_index(media)? else {
        return Ok(None);
    };
    if place.bytes > MAX_INDEX_BYTES {
        return Err(Damage("the index is larger than any film's").into());
    }
    let moov = media.at(place.at, usize::try_from(place.bytes).unwrap_or(0))?;
    if child(&moov, b"mvex").is_some() {
        return Ok(None);
    }
    let head = child(&moov, b"mvhd").ok_or(Damage("there is no movie header"))?;
    let timescale = timescale(head).ok_or(Damage("the movie has no clock"))?;
    let mut room = MAX_SAMPLES;
    let tracks = boxes(&moov)
        .filter(|found| &found.kind == b"trak")
        .take(MAX_TRACKS)
        .filter_map(|found| track(found.body, media.bytes(), &mut room))
        .collect();
    Ok(Some(Movie {
        timescale,
        tracks,
        index_first: place.before_media,
    }))
}

/// Where the body of `moov` lies.
struct Place {
    at: u64,
    bytes: u64,
    before_media: bool,
}

fn find_index(media: &Media) -> Result<Option<Place>, Mp4Error> {
    let (mut at, mut media_seen, mut index) = (0u64, false, None);
    for _ in 0..MAX_TOP_LEVEL_BOXES {
        let head = media.at(at, 16)?;
        let (Some(size), Some(kind)) = (be_u32(&head, 0), four(&head, 4)) else {
            break;
        };
        let left = media.bytes() - at;
        let (size, header_bytes) = match size {
            0 => (left, 8),
            1 => (be_u64(&head, 8).unwrap_or(0), 16),
            size => (u64::from(size), 8),
        };
        if size < header_bytes
            || size > left
            || !kind.iter().all(|byte| (0x20..0x7f).contains(byte))
        {
            break;
        }
        match &kind {
            b"moof" => return Ok(None),
            b"mdat" => media_seen = true,
            b"moov" if index.is_none() => {
                index = Some(Place {
                    at: at + header_bytes,
                    bytes: size - header_bytes,
                    before_media: !media_seen,
                });
            }
            _ => {}
        }
        at += size;
    }
    Ok(index)
}

/// `None`: not a track that can be understood at all.
fn track(body: &[u8], file_bytes: u64, room: &mut usize) -> Option<Track> {
    let mdia = child(body, b"mdia")?;
    let mdhd = child(mdia, b"mdhd")?;
    let stbl = descendant(mdia, &[b"minf", b"stbl"])?;
    let entries = sample_entries(child(stbl, b"stsd")?);
    let samples = table::samples(stbl, file_bytes, *room);
    *room -= samples.as_ref().map_or(0, Vec::len);
    Some(Track {
        kind: handler(child(mdia, b"hdlr")?),
        timescale: timescale(mdhd)?,
        duration: duration(mdhd),
        entries,
        edits: descendant(body, &[b"edts", b"elst"])
            .map(edits)
            .unwrap_or_default(),
        samples,
    })
}

/// `mvhd` and `mdhd` begin alike: version, flags, two times, then the timescale.
fn timescale(body: &[u8]) -> Option<u32> {
    let at = if body.first() == Some(&1) { 20 } else { 12 };
    be_u32(body, at).filter(|timescale| *timescale > 0)
}

/// Of `mdhd`, in its ticks.
fn duration(body: &[u8]) -> Option<u64> {
    if body.first() == Some(&1) {
        be_u64(body, 24)
    } else {
        be_u32(body, 16).map(u64::from)
    }
}

fn handler(hdlr: &[u8]) -> TrackKind {
    match &four(hdlr, 8).unwrap_or_default() {
        b"vide" => TrackKind::Video,
        b"soun" => TrackKind::Sound,
        b"sbtl" | b"text" | b"subt" => TrackKind::Text,
        _ => TrackKind::Other,
    }
}

fn sample_entries(stsd: &[u8]) -> Vec<Entry> {
    boxes(stsd.get(8..).unwrap_or_default())
        .take(MAX_SAMPLE_ENTRIES)
        .map(|found| Entry::new(found.kind, found.whole))
        .collect()
}

fn edits(elst: &[u8]) -> Vec<Edit> {
    let wide = elst.first() == Some(&1);
    entries(elst, if wide { 20 } else { 12 })
        .take(MAX_EDITS)
        .filter_map(|entry| {
            Some(if wide {
                Edit {
                    duration: be_u64(entry, 0)?,
                    media_time: be_u64(entry, 8)?.cast_signed(),
                    rate: be_u32(entry, 16)?,
                }
            } else {
                Edit {
                    duration: be_u32(entry, 0)?.into(),
                    media_time: be_u32(entry, 4)?.cast_signed().into(),
                    rate: be_u32(entry, 8)?,
                }
            })
        })
        .collect()
}
