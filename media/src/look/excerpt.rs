//! Some pictures of a film, taken out of it as packets into a small film of their own, so that only these are decoded. Knows neither what they
//! are wanted for nor ffmpeg.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use botflix_common::failure::WhoCanFix;

use crate::MediaError;
use crate::mp4::work::Work;
use crate::mp4::write::{Brand, Layout, NewMedia, NewMovie, NewSample, NewTrack};
use crate::mp4::{self, Media, Mp4Error, Order, Sample, Track};

/// The excerpt runs at this rate; nobody watches it.
pub(crate) const PICTURES_PER_SECOND: u32 = 25;

/// Packets on their way into the excerpt.
pub(crate) struct Excerpt<'a> {
    track: &'a Track,
    samples: &'a [Sample],
    order: &'a Order,
    /// Index of the sample that shows a frame.
    by_frame: Vec<u32>,
    packets: Vec<Sample>,
    /// The place of each packet among the excerpt's pictures as shown.
    shown: Vec<u32>,
}

impl<'a> Excerpt<'a> {
    pub(crate) fn of(track: &'a Track, samples: &'a [Sample], order: &'a Order) -> Self {
        let mut by_frame = vec![0; samples.len()];
        for (index, shown) in (0u32..).zip(&order.shown) {
            if let Some(slot) = by_frame.get_mut(*shown as usize) {
                *slot = index;
            }
        }
        Self {
            track,
            samples,
            order,
            by_frame,
            packets: Vec::new(),
            shown: Vec::new(),
        }
    }

    pub(crate) fn pictures(&self) -> u64 {
        self.shown.len() as u64
    }

    /// From a key picture to a frame, in decoding order. Returns the frame's place in the excerpt; `None`: the film has no such frame.
    pub(crate) fn add(&mut self, key: u64, frame: u64) -> Option<u64> {
        self.add_all(key, &[frame])?.first().copied()
    }

    /// From a key picture to the last of some frames behind it, in decoding order; the place of each.
    pub(crate) fn add_all(&mut self, key: u64, frames: &[u64]) -> Option<Vec<u64>> {
        let index = |frame: u64| {
            let index = self.by_frame.get(usize::try_from(frame).ok()?)?;
            Some(*index as usize)
        };
        let first = index(key)?;
        let wanted: Option<Vec<usize>> = frames.iter().map(|frame| index(*frame)).collect();
        let wanted = wanted?;
        let range = first..=*wanted.iter().max()?;
        let times: Vec<i64> = self
            .order
            .shown
            .get(range.clone())?
            .iter()
            .map(|shown| i64::from(*shown))
            .collect();
        let base = u32::try_from(self.shown.len()).ok()?;
        let places = Order::of(&times).shown;
        let place = |index: &usize| Some(u64::from(base + places.get(index.checked_sub(first)?)?));
        let found: Option<Vec<u64>> = wanted.iter().map(place).collect();
        self.packets.extend_from_slice(self.samples.get(range)?);
        self.shown.extend(places.iter().map(|place| base + place));
        found
    }

    pub(crate) fn write(&self, work: &Work, film: &Path, out: &Path) -> Result<(), MediaError> {
        let (width, height) = size(self.track)?;
        let depth = Order {
            shown: self.shown.clone(),
        }
        .depth();
        let samples = (0u32..).zip(self.packets.iter().zip(&self.shown));
        let excerpt = NewTrack {
            media: NewMedia::Pictures { width, height },
            timescale: PICTURES_PER_SECOND,
            language: *b"und",
            entry: self
                .track
                .entry()
                .map(|entry| entry.bytes.clone())
                .unwrap_or_default(),
            samples: samples
                .map(|(decoded, (sample, shown))| NewSample {
                    size: sample.size,
                    duration: 1,
                    composition_offset: (shown + depth).saturating_sub(decoded),
                    sync: sample.sync,
                })
                .collect(),
            starts_at: 0,
            media_time: depth.into(),
            shown: self.packets.len() as u64,
        };
        let layout = Layout::new(NewMovie {
            timescale: PICTURES_PER_SECOND,
            brand: Brand::Avc,
            title: String::new(),
            chapters: Vec::new(),
            tracks: vec![excerpt],
        });
        let media = Media::open(film).map_err(Mp4Error::Io)?;
        let file = File::create(out).map_err(MediaError::io("taking pictures out of the film"))?;
        layout.write(&mut BufWriter::new(file), |_, index, buffer| {
            work.go_on()?;
            let sample = self
                .packets
                .get(index)
                .ok_or_else(|| unusable("a picture too few"))?;
            Ok(media.sample(sample, buffer)?)
        })
    }
}

/// As the sample entry says.
pub(crate) fn size(track: &Track) -> Result<(u32, u32), MediaError> {
    let (width, height) = track
        .entry()
        .and_then(mp4::Entry::size)
        .ok_or_else(|| unusable("pictures without a size"))?;
    Ok((width.into(), height.into()))
}

pub(crate) fn unusable(why: &str) -> MediaError {
    MediaError::Permanent {
        code: "film_unusable",
        message: "no pictures can be taken out of the film".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(why.to_owned()),
    }
}
