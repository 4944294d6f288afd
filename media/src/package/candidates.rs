//! Which frames are looked at: for posters near the asked-for ones, for the storyboard the key pictures. Pure.

/// Candidates for posters that are looked at.
const MAX_CANDIDATES: usize = 12;

/// Pictures decoded to get at all candidates, at 1280×720; a larger picture counts as more.
const MAX_LEAD_PICTURES: u64 = 120;
const PIXELS: u64 = 1280 * 720;

/// At most 10 × 10 tiles.
pub(super) const MAX_TILES: u64 = 100;
/// A tile stands for at least this much of the film.
const LEAST_SECONDS: f64 = 2.0;

/// A frame to be decoded, and the key picture where decoding starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: u64,
    pub(super) frame: u64,
}

/// Near the `wanted` frames: between a wanted frame and the key picture before it nothing else begins, so when decoding up to all of them
/// would take long, earlier frames of the same shots are looked at. Ascending, none twice, never empty when there is a key picture.
pub(super) fn posters(wanted: &[u64], keys: &[u64], frames: u64, pixels: u64) -> Vec<Candidate> {
    let mut wanted: Vec<u64> = spread(wanted).filter(|frame| *frame < frames).collect();
    if wanted.is_empty() {
        wanted.extend(keys.first());
    }
    let with_keys: Vec<Candidate> = wanted
        .into_iter()
        .filter_map(|frame| {
            let key = *keys.get(keys.partition_point(|key| *key <= frame).checked_sub(1)?)?;
            Some(Candidate { key, frame })
        })
        .collect();
    let lead = |most: u64| -> u64 { with_keys.iter().map(|c| (c.frame - c.key).min(most)).sum() };
    let budget = MAX_LEAD_PICTURES * PIXELS / pixels.max(PIXELS);
    let most = if lead(u64::MAX) <= budget {
        u64::MAX
    } else {
        budget / with_keys.len().max(1) as u64
    };
    let mut chosen: Vec<Candidate> = with_keys
        .iter()
        .map(|c| Candidate {
            key: c.key,
            frame: c.frame.min(c.key.saturating_add(most)),
        })
        .collect();
    chosen.sort_unstable_by_key(|c| c.frame);
    chosen.dedup();
    chosen
}

/// As many as are looked at, from all over the film.
fn spread(wanted: &[u64]) -> impl Iterator<Item = u64> {
    let step = wanted.len().div_ceil(MAX_CANDIDATES).max(1);
    wanted.iter().step_by(step).copied()
}

/// A stretch of the film and the key picture that stands for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tile {
    pub(super) key: u64,
    pub(super) start_seconds: f64,
    pub(super) end_seconds: f64,
}

/// The first key picture of each stretch; a stretch without one goes on showing the one before. Covers the film without a gap.
pub(super) fn tiles(keys: &[u64], fps: f64, total_seconds: f64) -> Vec<Tile> {
    let interval = LEAST_SECONDS.max(total_seconds / MAX_TILES as f64);
    let mut tiles: Vec<Tile> = Vec::new();
    for key in keys {
        let slot = (*key as f64 / fps / interval).floor();
        let start_seconds = slot * interval;
        match tiles.last_mut() {
            Some(last) if start_seconds <= last.start_seconds => continue,
            Some(last) => last.end_seconds = start_seconds,
            None if start_seconds > 0.0 => continue,
            None => {}
        }
        if start_seconds >= total_seconds || tiles.len() as u64 == MAX_TILES {
            break;
        }
        tiles.push(Tile {
            key: *key,
            start_seconds,
            end_seconds: total_seconds,
        });
    }
    if let Some(last) = tiles.last_mut() {
        last.end_seconds = total_seconds;
    }
    tiles
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wanted_frames_are_taken_exactly_when_that_is_cheap_and_earlier_in_their_shot_when_not() {
        let keys = [0, 100, 200, 300];
        let frames = |wanted: &[u64], pixels| -> Vec<u64> {
            posters(wanted, &keys, 400, pixels)
                .iter()
                .map(|c| c.frame)
                .collect()
        };
        assert_eq!(frames(&[30, 140, 330], PIXELS), [30, 140, 330]);
        assert_eq!(frames(&[50, 150, 250, 350], PIXELS), [30, 130, 230, 330]);
        assert_eq!(frames(&[30, 140, 330], 4 * PIXELS), [10, 110, 310]);
        assert_eq!(frames(&[900], PIXELS), [0], "nothing else is to be had");
        assert_eq!(frames(&[], PIXELS), [0]);
        assert_eq!(posters(&[5], &[], 400, PIXELS), []);
        let many: Vec<u64> = (0..400).collect();
        assert!(posters(&many, &keys, 400, PIXELS).len() <= MAX_CANDIDATES);
    }

    #[test]
    fn tiles_cover_the_film_and_are_never_more_than_a_hundred() {
        let of = |keys: &[u64], seconds| -> Vec<(u64, f64, f64)> {
            let tiles = tiles(keys, 24.0, seconds);
            tiles
                .iter()
                .map(|t| (t.key, t.start_seconds, t.end_seconds))
                .collect()
        };
        assert_eq!(
            of(&[0, 10, 60, 70, 240], 12.0),
            [(0, 0.0, 2.0), (60, 2.0, 10.0), (240, 10.0, 12.0)]
        );
        let every: Vec<u64> = (0..24 * 7200).collect();
        let two_hours = of(&every, 7200.0);
        assert_eq!(two_hours.len(), 100);
        assert_eq!(two_hours.last().unwrap().2, 7200.0);
        assert_eq!(of(&[], 12.0), []);
    }
}
