//! What is seen in the pictures, while they are decoded once: a small one of each, and now and then the luma of a whole one.
//!
//! Numbers only: what they mean for a film is judged by `common::findings`. Times come at the end, because the log that has them runs on
//! another pipe.

mod detail;
mod flashes;
mod glance;
mod spans;

use botflix_common::facts::PictureObservations;

use detail::Details;
use flashes::Flashes;
use glance::Glance;

/// Of the small pictures, 4:2:0 planar with limited range.
pub const WIDTH: usize = 128;
pub const HEIGHT: usize = 72;
const LUMA_BYTES: usize = WIDTH * HEIGHT;
const SMALL_BYTES: usize = LUMA_BYTES * 3 / 2;

/// More pictures than this are not looked at; see `Words`, which then says that there are too many.
const MAX_GLANCES: usize = 4 * 3600 * 120;

/// Whole pictures that are looked at: one in a second of the first five seconds, then one in four seconds.
fn is_looked_at(place: usize) -> bool {
    place.is_multiple_of(if place < 120 { 24 } else { 96 })
}

#[derive(Default)]
pub struct Watch {
    before: Vec<u8>,
    /// The last picture that was no repeat.
    new: Vec<u8>,
    glances: Vec<Glance>,
    flashes: Flashes,
    details: Details,
    /// Where the next whole picture stands among all pictures.
    place: usize,
    /// CRC-32 of the whole pictures that came, by their places.
    crcs: Vec<(usize, u32)>,
}

impl Watch {
    /// One picture, small.
    pub fn small(&mut self, bytes: &[u8]) {
        if bytes.len() != SMALL_BYTES || self.glances.len() >= MAX_GLANCES {
            return;
        }
        let (luma, chroma) = bytes.split_at(LUMA_BYTES);
        let glance = Glance::of(luma, chroma, &self.before, &self.new);
        self.glances.push(glance);
        if !glance.same {
            self.new.clear();
            self.new.extend_from_slice(luma);
        }
        self.flashes.picture(luma);
        self.before.clear();
        self.before.extend_from_slice(luma);
    }

    /// The luma of the next whole picture, line by line; empty where it did not come.
    pub fn whole(&mut self, bytes: &[u8], width: usize) {
        let place = self.place;
        self.place += 1;
        if bytes.is_empty() || place >= MAX_GLANCES {
            return;
        }
        self.crcs.push((place, crc32fast::hash(bytes)));
        if is_looked_at(place) {
            self.details.picture(bytes, width);
        }
    }

    /// CRC-32 of the luma of the pictures at these places, ascending. `None`: not all of them came whole.
    pub fn crcs_of(&self, places: &[u64]) -> Option<Vec<u32>> {
        let known = |place: &u64| {
            let place = usize::try_from(*place).ok()?;
            let at = self.crcs.binary_search_by_key(&place, |(at, _)| *at).ok()?;
            self.crcs.get(at).map(|(_, crc)| *crc)
        };
        places.iter().map(known).collect()
    }

    /// `times`: when each picture is shown, ascending, from the first one; `end_seconds`: when the last one is over.
    pub fn finish(self, times: &[f64], end_seconds: f64) -> Option<PictureObservations> {
        if self.glances.is_empty() {
            return None;
        }
        let clock = Clock { times, end_seconds };
        let mut seen = spans::observe(&self.glances, &clock);
        seen.flashing = self.flashes.finish(&clock);
        self.details.describe(&mut seen);
        Some(seen)
    }
}

/// From numbers of pictures to seconds.
pub struct Clock<'a> {
    times: &'a [f64],
    end_seconds: f64,
}

impl Clock<'_> {
    /// When picture `index` begins; behind the last one, when that ends.
    fn at(&self, index: usize) -> f64 {
        self.times.get(index).copied().unwrap_or(self.end_seconds)
    }

    /// The first picture that begins at `seconds` or later.
    fn index_at(&self, seconds: f64) -> usize {
        self.times.partition_point(|time| *time < seconds)
    }
}
