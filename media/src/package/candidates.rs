//! Which frames are looked at: for posters near the asked-for ones, for the storyboard the key pictures. Pure.

/// Candidates for posters that are looked at.
const MAX_CANDIDATES: usize = 6;

/// Pictures decoded on the way to all candidates, at 1280×720; a larger picture counts as more.
const MAX_LEAD_PICTURES: u64 = 60;

/// Where it would be more, a key picture this near before a wanted frame does as well, seconds: it is decoded for the tiles anyway.
const NEAR_SECONDS: f64 = 1.0;
const PIXELS: u64 = 1280 * 720;

/// At most 10 × 10 tiles.
pub(super) const MAX_TILES: u64 = 100;
/// A film long enough for it has at least so many, each of which takes a key picture's decoding.
const USUAL_TILES: f64 = 24.0;
/// What one stands for: finer is of no use to those who seek, and coarser none to those who look for a place in two minutes.
const SECONDS: (f64, f64) = (1.0, 5.0);

/// A frame to be decoded, and the key picture where decoding starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: u64,
    pub(super) frame: u64,
}

/// Near the `wanted` frames: between a wanted frame and the key picture before it nothing else begins, so when decoding up to all of them
/// would take long, key pictures that are near and earlier frames of the same shots are looked at. Ascending, none twice, never empty when there is a key picture.
pub(super) fn posters(
    wanted: &[u64],
    keys: &[u64],
    frames: u64,
    pixels: u64,
    fps: f64,
) -> Vec<Candidate> {
    let mut wanted: Vec<u64> = spread(wanted).filter(|frame| *frame < frames).collect();
    if wanted.is_empty() {
        wanted.extend(keys.first());
    }
    wanted.sort_unstable();
    let with_keys: Vec<Candidate> = wanted
        .into_iter()
        .filter_map(|frame| {
            let key = *keys.get(keys.partition_point(|key| *key <= frame).checked_sub(1)?)?;
            Some(Candidate { key, frame })
        })
        .collect();
    let budget = MAX_LEAD_PICTURES * PIXELS / pixels.max(PIXELS);
    let leads = || with_keys.iter().map(|c| c.frame - c.key);
    // What one key picture leads to is decoded in one go.
    let runs = with_keys.chunk_by(|one, next| one.key == next.key);
    let all: u64 = runs
        .filter_map(|run| run.iter().map(|c| c.frame - c.key).max())
        .sum();
    let near = (fps * NEAR_SECONDS) as u64;
    let lead_of: Box<dyn Fn(u64) -> u64> = if all <= budget {
        Box::new(|lead| lead)
    } else {
        let far = leads().filter(|lead| *lead > near).count() as u64;
        let most = budget / far.max(1);
        Box::new(move |lead| if lead > near { lead.min(most) } else { 0 })
    };
    let mut chosen: Vec<Candidate> = with_keys
        .iter()
        .map(|c| Candidate {
            key: c.key,
            frame: c.key + lead_of(c.frame - c.key),
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
    let (finest, usual) = SECONDS;
    let interval = (total_seconds / USUAL_TILES)
        .clamp(finest, usual)
        .max(total_seconds / MAX_TILES as f64);
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
    fn wanted_frames_are_taken_exactly_when_that_is_cheap_and_earlier_ones_of_their_shots_when_not()
    {
        let keys = [0, 100, 200, 300];
        let frames = |wanted: &[u64], pixels| -> Vec<u64> {
            posters(wanted, &keys, 400, pixels, 24.0)
                .iter()
                .map(|c| c.frame)
                .collect()
        };
        assert_eq!(frames(&[10, 30, 112, 318], PIXELS), [10, 30, 112, 318]);
        assert_eq!(frames(&[60, 120, 250, 350], PIXELS), [20, 100, 220, 320]);
        assert_eq!(frames(&[30, 112, 340], 3 * PIXELS), [10, 100, 310]);
        assert_eq!(frames(&[900], PIXELS), [0], "nothing else is to be had");
        assert_eq!(frames(&[], PIXELS), [0]);
        assert_eq!(posters(&[5], &[], 400, PIXELS, 24.0), []);
        let many: Vec<u64> = (0..400).collect();
        assert!(posters(&many, &keys, 400, PIXELS, 24.0).len() <= MAX_CANDIDATES);
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
            of(&[0, 10, 26, 30, 90], 5.0),
            [(0, 0.0, 1.0), (26, 1.0, 3.0), (90, 3.0, 5.0)]
        );
        let every: Vec<u64> = (0..24 * 7200).collect();
        let minutes: Vec<f64> = of(&every, 120.0).iter().map(|tile| tile.1).collect();
        assert_eq!(
            minutes,
            (0..24).map(|tile| f64::from(5 * tile)).collect::<Vec<_>>()
        );
        let two_hours = of(&every, 7200.0);
        assert_eq!(two_hours.len(), 100);
        assert_eq!(two_hours.last().unwrap().2, 7200.0);
        assert_eq!(of(&[], 12.0), []);
    }
}
