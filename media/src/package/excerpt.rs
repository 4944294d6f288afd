//! The pictures that are looked at, taken out of the film as packets into a small file of their own: first the tiles' key pictures, then for
//! each candidate its key picture and what must be decoded up to it.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use botflix_common::failure::WhoCanFix;
use botflix_common::task::PackageSpec;

use super::candidates::{self, Candidate, Tile};
use crate::MediaError;
use crate::mp4::write::{Brand, Layout, NewMedia, NewMovie, NewSample, NewTrack};
use crate::mp4::{self, Media, Mp4Error, Order, Sample, Track, TrackKind};

/// The excerpt runs at this rate; nobody watches it.
pub(super) const PICTURES_PER_SECOND: u32 = 25;

/// A small film of what is looked at.
#[derive(Debug)]
pub(super) struct Excerpt {
    pub(super) file: PathBuf,
    pub(super) pictures: u64,
    /// Its first pictures, one each.
    pub(super) tiles: Vec<Tile>,
    /// Where in the excerpt each candidate is shown, and its frame of the film. Both grow.
    pub(super) posters: Vec<(u64, u64)>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Excerpt {
    pub(super) fn take(film: &Path, spec: &PackageSpec, out: &Path) -> Result<Self, MediaError> {
        let movie = mp4::read(film)?.ok_or_else(|| unusable("not a plain MP4"))?;
        let track = movie
            .track(TrackKind::Video)
            .ok_or_else(|| unusable("no pictures"))?;
        let (width, height) = track
            .entry()
            .and_then(mp4::Entry::size)
            .ok_or_else(|| unusable("pictures without a size"))?;
        let samples = track.samples()?;
        let order = track.order()?;
        let mut keys: Vec<u64> = samples
            .iter()
            .zip(&order.shown)
            .filter(|(sample, _)| sample.sync)
            .map(|(_, shown)| u64::from(*shown))
            .collect();
        keys.sort_unstable();
        let pixels = u64::from(width) * u64::from(height);
        let tiles = candidates::tiles(&keys, spec.format.fps.fps(), spec.total_seconds);
        let wanted = candidates::posters(&spec.poster_frames, &keys, samples.len() as u64, pixels);
        if tiles.is_empty() || wanted.is_empty() {
            return Err(unusable("no key picture at its start"));
        }
        let mut cut = Cut::new(samples, &order);
        for tile in &tiles {
            cut.add(Candidate {
                key: tile.key,
                frame: tile.key,
            });
        }
        let posters = wanted
            .into_iter()
            .filter_map(|candidate| Some((cut.add(candidate)?, candidate.frame)))
            .collect();
        cut.write(film, track, (width.into(), height.into()), out)?;
        Ok(Self {
            file: out.to_owned(),
            pictures: cut.shown.len() as u64,
            tiles,
            posters,
            width: width.into(),
            height: height.into(),
        })
    }
}

/// Packets on their way into the excerpt.
struct Cut<'a> {
    samples: &'a [Sample],
    order: &'a Order,
    /// Index of the sample that shows a frame.
    by_frame: Vec<u32>,
    packets: Vec<Sample>,
    /// The place of each packet among the excerpt's pictures as shown.
    shown: Vec<u32>,
}

impl<'a> Cut<'a> {
    fn new(samples: &'a [Sample], order: &'a Order) -> Self {
        let mut by_frame = vec![0; samples.len()];
        for (index, shown) in (0u32..).zip(&order.shown) {
            if let Some(slot) = by_frame.get_mut(*shown as usize) {
                *slot = index;
            }
        }
        Self {
            samples,
            order,
            by_frame,
            packets: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// From the key picture to the frame, in decoding order. Returns the frame's place in the excerpt.
    fn add(&mut self, candidate: Candidate) -> Option<u64> {
        let index = |frame: u64| {
            let index = self.by_frame.get(usize::try_from(frame).ok()?)?;
            Some(*index as usize)
        };
        let range = index(candidate.key)?..=index(candidate.frame)?;
        let times: Vec<i64> = self
            .order
            .shown
            .get(range.clone())?
            .iter()
            .map(|shown| i64::from(*shown))
            .collect();
        let base = u32::try_from(self.shown.len()).ok()?;
        let places = Order::of(&times).shown;
        let place = base + *places.last()?;
        self.packets.extend_from_slice(self.samples.get(range)?);
        self.shown.extend(places.iter().map(|place| base + place));
        Some(place.into())
    }

    fn write(
        &self,
        film: &Path,
        track: &Track,
        (width, height): (u32, u32),
        out: &Path,
    ) -> Result<(), MediaError> {
        let depth = Order {
            shown: self.shown.clone(),
        }
        .depth();
        let samples = (0u32..).zip(self.packets.iter().zip(&self.shown));
        let excerpt = NewTrack {
            media: NewMedia::Pictures { width, height },
            timescale: PICTURES_PER_SECOND,
            language: *b"und",
            entry: track
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
            let sample = self
                .packets
                .get(index)
                .ok_or_else(|| unusable("a picture too few"))?;
            Ok(media.sample(sample, buffer)?)
        })
    }
}

fn unusable(why: &str) -> MediaError {
    MediaError::Permanent {
        code: "film_unusable",
        message: "no pictures can be taken out of the film".to_owned(),
        who_can_fix: WhoCanFix::Platform,
        internal: Some(why.to_owned()),
    }
}
