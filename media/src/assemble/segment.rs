//! One file of pictures and what of it goes into the film: from an IDR picture on, as many packets as frames are wanted, none of which belongs
//! elsewhere.

use std::path::Path;

use botflix_common::film::{FilmFormat, VideoCodec};
use botflix_common::task::{Segment, SegmentSource};

use super::broken;
use crate::MediaError;
use crate::mp4::avc::{self, Config};
use crate::mp4::{self, Entry, Media, Movie, Mp4Error, Order, Sample, Track, TrackKind};

/// Where the bytes of one picture are. Sixteen bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet {
    pub(super) offset: u64,
    pub(super) size: u32,
    /// Where in the packet parameter sets may be put in; not an IDR picture if [`NOWHERE`].
    pub(super) sets_at: u32,
}

pub(super) const NOWHERE: u32 = u32::MAX;

/// Of an edit, 16.16 fixed point.
const NORMAL_SPEED: u32 = 0x0001_0000;

/// The packets of a segment in decoding order.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) packets: Vec<Packet>,
    /// The place of each among the segment's pictures as shown.
    pub(super) shown: Vec<u32>,
    /// By the container's word; real IDR pictures of H.264.
    pub(super) sync: Vec<bool>,
    /// Parameter sets stand in band that are not those of the configuration.
    pub(super) restless: bool,
}

/// A file that segments are taken from.
pub(super) struct Source {
    media: Media,
    track: Track,
    order: Order,
    /// H.264 only.
    pub(super) config: Option<Config>,
}

impl Source {
    pub(super) fn open(
        path: &Path,
        codec: VideoCodec,
        format: FilmFormat,
    ) -> Result<Self, MediaError> {
        let refused = |why: &str| {
            broken(
                "segments_not_joinable",
                "a segment cannot be joined without encoding it again",
                why.to_owned(),
            )
        };
        let media = Media::open(path).map_err(Mp4Error::Io)?;
        let movie = mp4::read(path)?.ok_or_else(|| refused("not a plain MP4 or MOV file"))?;
        let track = movie
            .track(TrackKind::Video)
            .ok_or_else(|| refused("no pictures"))?;
        let entry = match track.entries.as_slice() {
            [entry] if fits(entry, codec) => entry,
            _ => return Err(refused("pictures of another codec, or of several")),
        };
        if entry
            .size()
            .map(|(width, height)| (width.into(), height.into()))
            != Some((format.width, format.height))
        {
            return Err(refused("pictures of another size"));
        }
        if hides_pictures(track, &movie)? {
            return Err(refused("an edit list that hides or repeats pictures"));
        }
        let config = track.avc();
        if config.is_none() && codec == VideoCodec::H264 {
            return Err(refused("H.264 without a decoder configuration"));
        }
        Ok(Self {
            order: track.order()?,
            config,
            track: track.clone(),
            media,
        })
    }

    /// The body of the codec's configuration box.
    pub(super) fn decoder_config(&self) -> &[u8] {
        self.track
            .entry()
            .and_then(Entry::decoder_config)
            .unwrap_or_default()
    }

    pub(super) fn take(&self, segment: &Segment) -> Result<Taken, MediaError> {
        let samples = self.track.samples()?;
        let not_as_planned = |found: &str| {
            broken(
                "segment_not_as_planned",
                "a segment is not what the ledger says",
                format!("shot {}: {found}", segment.shot),
            )
        };
        let first_frame = match segment.source {
            SegmentSource::Copy { first_frame, .. } => first_frame,
            SegmentSource::Conform { .. } if samples.len() as u64 != segment.frames => {
                return Err(not_as_planned(&format!(
                    "{} frames, {} in the ledger",
                    samples.len(),
                    segment.frames
                )));
            }
            SegmentSource::Conform { .. } => 0,
        };
        let wanted = first_frame..first_frame.saturating_add(segment.frames);
        let start = self
            .order
            .shown
            .iter()
            .position(|shown| u64::from(*shown) == first_frame);
        let frames = usize::try_from(segment.frames).unwrap_or(usize::MAX);
        let range = start.and_then(|start| Some(start..start.checked_add(frames)?));
        let (Some(shown), Some(samples)) = (
            range.clone().and_then(|range| self.order.shown.get(range)),
            range.and_then(|range| samples.get(range)),
        ) else {
            return Err(not_as_planned("fewer frames than are in the ledger"));
        };
        if shown
            .iter()
            .any(|shown| !wanted.contains(&u64::from(*shown)))
        {
            return Err(not_as_planned(
                "its pictures are decoded together with others",
            ));
        }
        let taken = self.packets(samples, shown, first_frame)?;
        match (taken.sync.first(), segment.frames) {
            (Some(true), 1..) => Ok(taken),
            _ => Err(not_as_planned("it does not start on a key picture")),
        }
    }

    fn packets(
        &self,
        samples: &[Sample],
        shown: &[u32],
        first_frame: u64,
    ) -> Result<Taken, Mp4Error> {
        let mut taken = Taken {
            packets: Vec::with_capacity(samples.len()),
            shown: Vec::with_capacity(samples.len()),
            sync: Vec::with_capacity(samples.len()),
            restless: false,
        };
        for (sample, shown) in samples.iter().zip(shown) {
            let (mut sync, mut sets_at) = (sample.sync, NOWHERE);
            if let Some(config) = self.config.as_ref().filter(|_| sync) {
                let head = avc::head(&self.media, sample, config.length_bytes)?;
                taken.restless |= head.sets.iter().any(|set| !config.has_set(set));
                sync = head.is_idr;
                if sync {
                    sets_at = head.delimiter_bytes.min(sample.size);
                }
            }
            taken.packets.push(Packet {
                offset: sample.offset,
                size: sample.size,
                sets_at,
            });
            taken
                .shown
                .push(shown.saturating_sub(u32::try_from(first_frame).unwrap_or(u32::MAX)));
            taken.sync.push(sync);
        }
        Ok(taken)
    }
}

fn fits(entry: &Entry, codec: VideoCodec) -> bool {
    match codec {
        VideoCodec::H264 => entry.is_avc(),
        VideoCodec::Hevc => matches!(&entry.kind, b"hvc1" | b"hev1"),
        VideoCodec::Av1 => &entry.kind == b"av01",
    }
}

/// Whether a player would leave pictures out, or play otherwise than straight through once.
fn hides_pictures(track: &Track, movie: &Movie) -> Result<bool, Mp4Error> {
    let mut played = track.edits.iter().filter(|edit| edit.media_time >= 0);
    let Some(edit) = played.next() else {
        return Ok(false);
    };
    let times = track.shown_at()?;
    let (Some(first), Some(last)) = (times.iter().min(), times.iter().max()) else {
        return Ok(false);
    };
    let half_a_picture = (last - first) / (2 * times.len().max(2) as i64 - 2);
    let length =
        i128::from(edit.duration) * i128::from(track.timescale) / i128::from(movie.timescale);
    // A length of zero means: to the end.
    let hides_the_last = length > 0 && i128::from(edit.media_time) + length <= i128::from(*last);
    Ok(played.next().is_some()
        || edit.rate != NORMAL_SPEED
        || edit.media_time > first + half_a_picture
        || hides_the_last)
}
