//! The pictures that are looked at: first the tiles' key pictures, then, for each candidate that is none of these, its key picture and what must
//! be decoded up to it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use botflix_common::task::PackageSpec;

use super::candidates::{self, Lead, Tile};
use crate::MediaError;
use crate::excerpt::{Excerpt, size, unusable};
use crate::mp4::{self, TrackKind};

/// A small film of what is looked at.
#[derive(Debug)]
pub(super) struct Reel {
    pub(super) file: PathBuf,
    pub(super) pictures: u64,
    /// Its first pictures, one each.
    pub(super) tiles: Vec<Tile>,
    /// Where in it each candidate is shown, and its frame of the film. The places grow.
    pub(super) posters: Vec<(u64, u64)>,
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Reel {
    pub(super) fn take(
        film: &Path,
        spec: &PackageSpec,
        lead: Lead,
        out: &Path,
    ) -> Result<Self, MediaError> {
        let movie = mp4::read(film)?.ok_or_else(|| unusable("not a plain MP4"))?;
        let track = movie
            .track(TrackKind::Video)
            .ok_or_else(|| unusable("no pictures"))?;
        let (width, height) = size(track)?;
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
        let (fps, frames) = (spec.format.fps.fps(), samples.len() as u64);
        let tiles = candidates::tiles(&keys, fps, spec.total_seconds);
        let wanted = &spec.poster_frames;
        let wanted = candidates::posters(wanted, &keys, frames, pixels, (lead, fps));
        if tiles.is_empty() || wanted.is_empty() {
            return Err(unusable("no key picture at its start"));
        }
        let mut excerpt = Excerpt::of(track, samples, &order);
        let mut there = HashMap::new();
        for tile in &tiles {
            if let Some(place) = excerpt.add(tile.key, tile.key) {
                there.insert(tile.key, place);
            }
        }
        let mut posters = Vec::new();
        for run in wanted.chunk_by(|one, next| one.key == next.key) {
            let Some(key) = run.first().map(|first| first.key) else {
                continue;
            };
            let mut frames: Vec<u64> = run.iter().map(|wanted| wanted.frame).collect();
            frames.retain(|frame| {
                let place = there.get(frame);
                posters.extend(place.map(|place| (*place, *frame)));
                place.is_none()
            });
            let places = excerpt.add_all(key, &frames).unwrap_or_default();
            posters.extend(places.into_iter().zip(frames));
        }
        posters.sort_unstable();
        excerpt.write(film, out)?;
        Ok(Self {
            file: out.to_owned(),
            pictures: excerpt.pictures(),
            tiles,
            posters,
            width,
            height,
        })
    }
}
