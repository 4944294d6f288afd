//! The pictures that are looked at, each once: first the tiles' key pictures, then those at joins that are none of these, then, for each candidate
//! that is neither, its key picture and what must be decoded up to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::Wanted;
use super::candidates::{self, Candidate, Lead, Tile};
use super::excerpt::{Excerpt, size};
use crate::MediaError;
use crate::film::Film;
use crate::mp4::work::Work;
use crate::mp4::{Order, Sample, TrackKind};

/// A small film of what is looked at.
#[derive(Debug)]
pub(super) struct Reel {
    pub(super) file: PathBuf,
    pub(super) pictures: u64,
    /// Its first pictures, one each.
    pub(super) tiles: Vec<Tile>,
    /// Where in it each join is shown.
    pub(super) joins: Vec<u64>,
    /// Where in it each candidate is shown, and its frame of the film. The places grow.
    pub(super) posters: Vec<(u64, u64)>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Reel {
    /// `None`: there is no key picture to look at.
    pub(super) fn take(
        work: &Work,
        film: &Film,
        wanted: &Wanted,
        lead: Lead,
        out: &Path,
    ) -> Result<Option<Self>, MediaError> {
        let Some(track) = film.track(TrackKind::Video) else {
            return Ok(None);
        };
        let (width, height) = size(track)?;
        let (samples, order) = (track.samples()?, track.order()?);
        let keys = keys(samples, &order);
        let tiles = candidates::tiles(&keys, wanted.fps, wanted.total_seconds);
        let pixels = u64::from(width) * u64::from(height);
        let posters = candidates::posters(
            &wanted.posters,
            &keys,
            samples.len() as u64,
            pixels,
            (lead, wanted.fps),
        );
        if tiles.is_empty() || posters.is_empty() {
            return Ok(None);
        }
        let mut splice = Splice {
            excerpt: Excerpt::of(track, samples, &order),
            there: HashMap::new(),
        };
        for tile in &tiles {
            splice.picture(tile.key);
        }
        let joins = wanted.joins.iter();
        let joins = joins.filter_map(|frame| splice.picture(*frame)).collect();
        let posters = splice.posters(&posters);
        splice.excerpt.write(work, &film.path, out)?;
        Ok(Some(Self {
            file: out.to_owned(),
            pictures: splice.excerpt.pictures(),
            tiles,
            joins,
            posters,
            width,
            height,
        }))
    }
}

/// The frames that are key pictures, as shown.
fn keys(samples: &[Sample], order: &Order) -> Vec<u64> {
    let shown = samples.iter().zip(&order.shown);
    let mut keys: Vec<u64> = shown
        .filter(|(sample, _)| sample.sync)
        .map(|(_, shown)| u64::from(*shown))
        .collect();
    keys.sort_unstable();
    keys
}

/// The reel while it is cut.
struct Splice<'a> {
    excerpt: Excerpt<'a>,
    /// The place of each frame that is in it and can be found again.
    there: HashMap<u64, u64>,
}

impl Splice<'_> {
    /// One key picture. `None`: the film has no such frame.
    fn picture(&mut self, frame: u64) -> Option<u64> {
        if let Some(place) = self.there.get(&frame) {
            return Some(*place);
        }
        let place = self.excerpt.add(frame, frame)?;
        self.there.insert(frame, place);
        Some(place)
    }

    /// The place and the frame of each.
    fn posters(&mut self, wanted: &[Candidate]) -> Vec<(u64, u64)> {
        let mut posters = Vec::new();
        for run in wanted.chunk_by(|one, next| one.key == next.key) {
            let Some(key) = run.first().map(|first| first.key) else {
                continue;
            };
            let mut frames: Vec<u64> = run.iter().map(|wanted| wanted.frame).collect();
            frames.retain(|frame| {
                let place = self.there.get(frame);
                posters.extend(place.map(|place| (*place, *frame)));
                place.is_none()
            });
            let places = self.excerpt.add_all(key, &frames).unwrap_or_default();
            posters.extend(places.into_iter().zip(frames));
        }
        posters.sort_unstable();
        posters
    }
}
